#include "cli/saved_run.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>
#include <ingot/train/checkpoint.h>

#include <system_error>

#include "cli/weights.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpoint = "checkpoint.safetensors";

}  // namespace

std::string weights_of(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw IoError(fmt::format("{}: no such file or folder", path));
  if (!fs::is_directory(path, ignored)) return path;
  for (const char* name : {"best.safetensors", "model.safetensors", kCheckpoint}) {
    const fs::path file = fs::path(path) / name;
    if (fs::exists(file, ignored)) return file.string();
  }
  throw IoError(
      fmt::format("{}: no run folder: it holds neither best.safetensors nor model.safetensors nor "
                  "checkpoint.safetensors",
                  path));
}

std::string run_extra(const fs::path& checkpoint, const std::string& key) {
  const Metadata metadata = load_metadata(checkpoint);
  if (!train::is_checkpoint(metadata))
    throw IoError(fmt::format("{}: not the checkpoint of a run", checkpoint.string()));
  const auto extra = train::checkpoint_extra(metadata, checkpoint.string());
  const auto found = extra.find(key);
  return found == extra.end() ? "" : found->second;
}

Json run_options(const fs::path& checkpoint) {
  Json options = Json::parse(run_extra(checkpoint, kOptionsKey), nullptr, false);
  if (!options.is_object())
    throw IoError(fmt::format("{}: the run's options are damaged: they are no JSON object",
                              checkpoint.string()));
  return options;
}

Json run_options_beside(const std::string& weights) {
  const fs::path checkpoint = fs::path(weights).parent_path() / kCheckpoint;
  std::error_code ignored;
  if (fs::exists(checkpoint, ignored)) return run_options(checkpoint);
  return Json::object();
}

}  // namespace ingot::cli
