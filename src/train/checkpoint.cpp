#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>
#include <ingot/train/checkpoint.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace ingot::train {
namespace {

using Json = nlohmann::json;

constexpr const char* kEntry = "ingot.checkpoint";
constexpr std::string_view kModel = "model.";
constexpr std::string_view kOptimizer = "optimizer.";
constexpr std::string_view kScheduler = "scheduler.";
constexpr std::string_view kPlateau = "plateau.";
constexpr std::string_view kTrainer = "trainer.";

[[noreturn]] void fail(std::string_view file, const std::string& cause) {
  throw IoError(fmt::format("{}: {}", file, cause));
}

/// A whole number >= 0 that T can hold.
template <class T>
T number(const Json& object, const char* key, std::string_view file) {
  const auto found = object.find(key);
  if (found == object.end()) fail(file, fmt::format("the checkpoint lacks '{}'", key));
  if (!found->is_number_unsigned() ||
      found->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
    fail(file, fmt::format("the checkpoint's '{}' is no valid number", key));
  return found->get<T>();
}

void add(StateDict& all, std::string_view prefix, const StateDict& part) {
  for (const auto& [name, tensor] : part) all.insert(std::string(prefix) + name, tensor);
}

Json description(const Metadata& metadata, std::string_view name) {
  const auto entry = metadata.find(kEntry);
  if (entry == metadata.end())
    fail(name, "this safetensors file holds tensors but is no checkpoint of a training run");
  // Deeper values are dropped as they come: a text of brackets must not become a tree of them.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= 2; };
  Json json = Json::parse(entry->second, shallow, false);
  if (!json.is_object()) fail(name, "the checkpoint's description is not valid JSON");
  return json;
}

std::map<std::string, std::string> extra_of(const Json& json, std::string_view name) {
  const auto extra = json.find("extra");
  if (extra == json.end() || !extra->is_object()) fail(name, "the checkpoint lacks 'extra'");
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : extra->items()) {
    if (!value.is_string()) fail(name, fmt::format("the checkpoint's '{}' is no string", key));
    texts.emplace(key, value.get<std::string>());
  }
  return texts;
}

Checkpoint from_file(SafetensorsFile&& file, std::string_view name) {
  const Json json = description(file.metadata, name);
  const auto version = number<int>(json, "format_version", name);
  if (version > Checkpoint::kFormatVersion)
    fail(name, fmt::format("the checkpoint has format version {}, this Ingot reads up to {}; use a "
                           "newer Ingot",
                           version, Checkpoint::kFormatVersion));
  Checkpoint checkpoint;
  checkpoint.step = number<std::int64_t>(json, "step", name);
  checkpoint.position.epoch = number<std::uint64_t>(json, "epoch", name);
  checkpoint.position.batch = number<std::int64_t>(json, "batch", name);
  checkpoint.random.seed = number<std::uint64_t>(json, "random_seed", name);
  checkpoint.random.offset = number<std::uint64_t>(json, "random_offset", name);
  checkpoint.extra = extra_of(json, name);
  for (const auto& [key, tensor] : file.tensors) {
    const std::string_view text = key;
    if (text.substr(0, kModel.size()) == kModel)
      checkpoint.model.insert(key.substr(kModel.size()), tensor);
    else if (text.substr(0, kOptimizer.size()) == kOptimizer)
      checkpoint.optimizer.insert(key.substr(kOptimizer.size()), tensor);
    else if (text.substr(0, kScheduler.size()) == kScheduler)
      checkpoint.scheduler.insert(key.substr(kScheduler.size()), tensor);
    else if (text.substr(0, kPlateau.size()) == kPlateau)
      checkpoint.plateau.insert(key.substr(kPlateau.size()), tensor);
    else if (text.substr(0, kTrainer.size()) == kTrainer)
      checkpoint.trainer.insert(key.substr(kTrainer.size()), tensor);
    else
      fail(name, fmt::format("the tensor '{}' belongs to neither model nor optimizer", key));
  }
  return checkpoint;
}

}  // namespace

void Checkpoint::save(const std::filesystem::path& path) const {
  StateDict all;
  add(all, kModel, model);
  add(all, kOptimizer, optimizer);
  add(all, kScheduler, scheduler);
  add(all, kPlateau, plateau);
  add(all, kTrainer, trainer);
  const Json json = {
      {"format_version", !trainer.empty()    ? kFormatVersion
                         : !plateau.empty()  ? 3
                         : scheduler.empty() ? 1
                                             : 2},
      {"step", step},
      {"epoch", position.epoch},
      {"batch", position.batch},
      {"random_seed", random.seed},
      {"random_offset", random.offset},
      {"extra", extra},
  };
  ingot::save(all, path, {{kEntry, json.dump()}}, {.checksums = true});
}

Checkpoint Checkpoint::load(const std::filesystem::path& path, Device device) {
  return from_file(load_safetensors(path, device), path.string());
}

Checkpoint Checkpoint::parse(std::span<const std::byte> file, std::string_view name) {
  return from_file(parse_safetensors(file, name), name);
}

bool is_checkpoint(const std::map<std::string, std::string>& metadata) {
  return metadata.count(kEntry) != 0;
}

std::map<std::string, std::string> checkpoint_extra(
    const std::map<std::string, std::string>& metadata, std::string_view name) {
  return extra_of(description(metadata, name), name);
}

}  // namespace ingot::train
