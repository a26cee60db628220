#include <ingot/train/run_folder.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

#include <ingot/io/atomic_file.h>
#include "io/append_file.h"
#include "train/curves.h"

namespace ingot::train {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* doing, int error) {
  throw IoError(fmt::format("{}: cannot {}: {}", path.string(), doing,
                            std::generic_category().message(error)));
}

/// A lock on the folder itself. Null on a file system that has no locks for folders.
std::shared_ptr<void> lock(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return nullptr;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0)
    return {reinterpret_cast<void*>(static_cast<std::intptr_t>(file) + 1), [](void* handle) {
              ::close(static_cast<int>(reinterpret_cast<std::intptr_t>(handle) - 1));
            }};
  const bool taken = errno == EWOULDBLOCK;
  ::close(file);
  if (taken)
    throw IoError(
        fmt::format("{}: another run is writing into this folder; wait for its end, or "
                    "choose another folder",
                    folder.string()));
  return nullptr;
}

}  // namespace

RunFolder::RunFolder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(folder_, "make the folder", error.value());
  if (!fs::is_directory(folder_, error)) fail(folder_, "make the folder", ENOTDIR);
  lock_ = lock(folder_);
  io::AtomicFile probe(checkpoint_path());  // throws when the folder is not writable
}

void RunFolder::clear() {
  metrics_ = {};
  for (const fs::path& file : run_files(folder_)) {
    std::error_code error;
    fs::remove(file, error);
    if (error) fail(file, "remove the file", error.value());
  }
}

void RunFolder::start_metrics(const std::vector<MetricsRow>& rows) {
  metrics_ = {};
  if (rows.empty()) {
    std::error_code error;
    fs::remove(metrics_path(), error);
    if (error) fail(metrics_path(), "remove the file", error.value());
    return;
  }
  io::AtomicFile file(metrics_path());
  for (const MetricsRow& row : rows) file.write(to_json(row) + "\n");
  file.commit();
}

void RunFolder::append_metrics(const MetricsRow& row) {
  if (!metrics_) metrics_ = std::make_shared<io::AppendFile>(metrics_path());
  metrics_->append(to_json(row) + "\n");
}

void RunFolder::save(const Checkpoint& checkpoint, const std::vector<MetricsRow>& history,
                     const std::map<std::string, std::string>& model_metadata,
                     const std::string& title) {
  // The checkpoint comes last: a process killed before it goes on from the older one and writes the
  // other files anew. The other way round the run would count as done beside the weights of before.
  ingot::save(checkpoint.model, model_path(), model_metadata, {.checksums = true});
  write_curves(curves_path(), curve_points(history), title);
  checkpoint.save(checkpoint_path());
}

void RunFolder::save_best(const StateDict& model,
                          const std::map<std::string, std::string>& model_metadata) {
  ingot::save(model, best_path(), model_metadata, {.checksums = true});
}

std::vector<fs::path> run_files(const fs::path& folder) {
  return {folder / "checkpoint.safetensors", folder / "model.safetensors", folder / "metrics.jsonl",
          folder / "curves.png", folder / "best.safetensors"};
}

bool holds_a_run(const fs::path& folder) {
  for (const fs::path& file : run_files(folder)) {
    std::error_code ignored;
    // A link counts also when it leads nowhere.
    if (fs::exists(fs::symlink_status(file, ignored))) return true;
  }
  return false;
}

fs::path default_run_folder(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  const fs::path folder = fs::path("runs") / fmt::format("{}-{}", name, text);
  fs::path candidate = folder;
  std::error_code ignored;
  for (int i = 2; fs::exists(candidate, ignored); ++i)
    candidate = fmt::format("{}-{}", folder.string(), i);
  return candidate;
}

fs::path make_run_folder(const std::string& name) {
  while (true) {
    const fs::path folder = default_run_folder(name);
    std::error_code error;
    fs::create_directories(folder.parent_path(), error);
    if (error) fail(folder.parent_path(), "make the folder", error.value());
    // Two runs that start in the same second find the same name free; one of them makes it.
    if (fs::create_directory(folder, error)) return folder;
    if (error) fail(folder, "make the folder", error.value());
  }
}

}  // namespace ingot::train
