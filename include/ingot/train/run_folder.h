// RunFolder: the files of one training run.
//
//   checkpoint.safetensors   everything to go on with (Checkpoint)
//   model.safetensors        the weights alone
//   metrics.jsonl            one line of JSON per measurement (MetricsRow)
//   curves.png               loss and accuracy over epochs
//   best.safetensors         the weights of the best epoch, where that is asked for
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ingot/train/checkpoint.h>
#include <ingot/train/metrics.h>

namespace ingot::io {
class AppendFile;
}

namespace ingot::train {

/// While it lives, no other RunFolder of the same folder can be made, in any process. Who wants to
/// know what is in a folder makes one first, and looks then: before, it may change at any time.
class RunFolder {
 public:
  /// Makes the folder when there is none. Throws IoError naming it and the cause, also when it can
  /// not be written into, and when another RunFolder has it.
  explicit RunFolder(std::filesystem::path folder);

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path checkpoint_path() const { return folder_ / "checkpoint.safetensors"; }
  std::filesystem::path model_path() const { return folder_ / "model.safetensors"; }
  std::filesystem::path best_path() const { return folder_ / "best.safetensors"; }
  std::filesystem::path metrics_path() const { return folder_ / "metrics.jsonl"; }
  std::filesystem::path curves_path() const { return folder_ / "curves.png"; }

  /// Removes the files of a run, all five. Throws IoError.
  void clear();
  /// Makes metrics.jsonl hold exactly these lines; append_metrics goes on behind them. Without
  /// lines there is no file until the first is appended.
  void start_metrics(const std::vector<MetricsRow>& rows);
  /// Adds a line, on disk when it returns (in the system's cache). Throws IoError; the file ends
  /// with a whole line in any case.
  void append_metrics(const MetricsRow& row);
  /// Writes checkpoint, weights (with `model_metadata`) and curves. Throws IoError; what was there
  /// before survives a failure.
  void save(const Checkpoint& checkpoint, const std::vector<MetricsRow>& history,
            const std::map<std::string, std::string>& model_metadata, const std::string& title);
  /// Writes the weights of the best epoch. Throws IoError; those of the one before survive.
  void save_best(const StateDict& model, const std::map<std::string, std::string>& model_metadata);

 private:
  std::filesystem::path folder_;
  std::shared_ptr<void> lock_;  // leaves no file behind, and ends with the process
  std::shared_ptr<io::AppendFile> metrics_;
};

/// The five files of a run in that folder, there or not.
std::vector<std::filesystem::path> run_files(const std::filesystem::path& folder);
/// True when `folder` holds any file of a run.
bool holds_a_run(const std::filesystem::path& folder);
/// runs/<name>-<local date and time>, with a number behind it where that is taken.
std::filesystem::path default_run_folder(const std::string& name);
/// Makes a folder of that kind, which nobody else has made. Throws IoError.
std::filesystem::path make_run_folder(const std::string& name);

}  // namespace ingot::train
