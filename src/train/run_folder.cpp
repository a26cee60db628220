#include <ingot/train/run_folder.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include <cerrno>
#include <ctime>
#include <system_error>

#include "io/atomic_file.h"
#include "train/curves.h"

namespace ingot::train {
namespace {

namespace fs = std::filesystem;

std::vector<CurvePoint> curve_points(const std::vector<MetricsRow>& history) {
  std::vector<CurvePoint> points;
  points.reserve(history.size());
  // The average of a whole epoch is no point of the loss curve where the epoch has finer ones.
  bool finer = false;
  for (const MetricsRow& row : history) {
    CurvePoint point;
    point.epoch = row.epoch;
    if (!row.ends_epoch() || !finer) point.train_loss = row.train_loss;
    if (row.test_loss) point.validation_loss = *row.test_loss;
    if (row.test_accuracy) point.accuracy = *row.test_accuracy;
    finer = !row.ends_epoch();
    points.push_back(point);
  }
  return points;
}

[[noreturn]] void fail(const fs::path& path, const char* doing, int error) {
  throw IoError(fmt::format("{}: cannot {}: {}", path.string(), doing,
                            std::generic_category().message(error)));
}

}  // namespace

RunFolder::RunFolder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(folder_, "make the folder", error.value());
  if (!fs::is_directory(folder_, error)) fail(folder_, "make the folder", ENOTDIR);
  io::AtomicFile probe(checkpoint_path());  // throws when the folder is not writable
}

void RunFolder::start_metrics(const std::vector<MetricsRow>& rows) {
  io::AtomicFile file(metrics_path());
  for (const MetricsRow& row : rows) file.write(to_json(row) + "\n");
  file.commit();
  errno = 0;
  metrics_ = std::ofstream(metrics_path(), std::ios::app);
  if (!metrics_) fail(metrics_path(), "write the file", errno);
}

void RunFolder::append_metrics(const MetricsRow& row) {
  errno = 0;
  metrics_ << to_json(row) << '\n' << std::flush;
  if (!metrics_) fail(metrics_path(), "write the file", errno);
}

void RunFolder::save(const Checkpoint& checkpoint, const std::vector<MetricsRow>& history,
                     const std::map<std::string, std::string>& model_metadata,
                     const std::string& title) {
  checkpoint.save(checkpoint_path());
  ingot::save(checkpoint.model, model_path(), model_metadata);
  write_curves(curves_path(), curve_points(history), title);
}

bool holds_a_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "checkpoint.safetensors", ignored);
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

}  // namespace ingot::train
