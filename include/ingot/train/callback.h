// Callbacks: what happens besides training, at the moments of a run.
//
// A callback gets the trainer, and through it the model and the optimizer; it may change the batch,
// the loss, gradients and learning rates, and end the run (Trainer::stop). The callbacks of a run
// are called in their order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ingot/data/batch.h>
#include <ingot/train/evaluate.h>
#include <ingot/train/event_writer.h>
#include <ingot/train/metrics.h>
#include <ingot/train/run_folder.h>

namespace ingot::io {
class AppendFile;
}

namespace ingot::train {

class Trainer;

class Callback {
 public:
  virtual ~Callback() = default;

  /// run() begins, also one that goes on; it has ended, however it did unless something was thrown.
  virtual void on_train_begin(Trainer&) {}
  virtual void on_train_end(Trainer&) {}
  /// A pass over the training data begins (not where it goes on in its middle); it is complete, and
  /// measured and saved where it was to be.
  virtual void on_epoch_begin(Trainer&) {}
  virtual void on_epoch_end(Trainer&) {}
  /// A batch is on its device and about to go in. What is changed in it is trained on.
  virtual void on_batch_begin(Trainer&, data::Batch&) {}
  /// The loss of the batch, before its gradients. Another one may be put in its place, a mean over
  /// the same terms; the averages are of what stands here afterwards. Reading a value waits for it.
  virtual void on_loss(Trainer&, const data::Batch&, const Tensor& /*outputs*/, Tensor& /*loss*/) {}
  /// A batch has been trained on.
  virtual void on_batch_end(Trainer&, const Progress&) {}
  /// All gradients of a step are there, not clipped yet, and the learning rate is set.
  virtual void on_before_step(Trainer&) {}
  /// The optimizer has made its step; number Trainer::step().
  virtual void on_step_end(Trainer&) {}
  /// Something was measured; `measured` is a whole evaluation.
  virtual void on_evaluate(Trainer&, const Evaluation& /*measured*/) {}
  /// After every batch of an evaluation.
  virtual void on_evaluate_batch(Trainer&, const Progress&) {}
  /// A new line of the metrics.
  virtual void on_log(Trainer&, const MetricsRow&) {}
  /// It is time to save; every loss so far and every weight is known to be finite.
  virtual void on_save(Trainer&) {}

  /// What a callback must remember so that a run that was restored goes on as if it had never
  /// stopped: part of the trainer's checkpoint, by the callback's place in the list.
  virtual std::string state() const { return {}; }
  virtual void set_state(const std::string&) {}
};

/// Saves the weights when the value of a metric is better than ever, the earlier of equal ones.
class KeepBest final : public Callback {
 public:
  using Save = std::function<void(const StateDict& weights)>;
  /// Into a safetensors file, with `metadata`. Throws ValueError for an unknown metric, and for one
  /// of test data, which must not choose.
  KeepBest(Metric metric, std::filesystem::path file,
           std::map<std::string, std::string> metadata = {});
  KeepBest(Metric metric, Save save);
  /// Throws ValueError when the run does not measure the metric.
  void on_train_begin(Trainer& trainer) override;
  void on_log(Trainer& trainer, const MetricsRow& row) override;

 private:
  Metric metric_;
  Save save_;
};

/// Writes each line of the metrics to a file of JSON lines. Lines of an older run that go on behind
/// where a restored one stands are removed.
class JsonLines final : public Callback {
 public:
  explicit JsonLines(std::filesystem::path file) : file_(std::move(file)) {}
  void on_train_begin(Trainer& trainer) override;
  void on_log(Trainer& trainer, const MetricsRow& row) override;

 private:
  std::filesystem::path file_;
  std::shared_ptr<io::AppendFile> open_;
};

/// Writes TensorBoard's event files into a folder.
class TensorBoard final : public Callback {
 public:
  explicit TensorBoard(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void on_train_begin(Trainer& trainer) override;
  void on_log(Trainer& trainer, const MetricsRow& row) override;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<EventWriter> events_;
};

/// What a line of the metrics is to TensorBoard: "loss/train", "loss/train_epoch", "f1/val", …
std::vector<std::pair<std::string, double>> scalars_of(const MetricsRow& row);

/// Draws loss and accuracy over epochs, whenever the run saves.
class Curves final : public Callback {
 public:
  Curves(std::filesystem::path file, std::string title)
      : file_(std::move(file)), title_(std::move(title)) {}
  void on_save(Trainer& trainer) override;

 private:
  std::filesystem::path file_;
  std::string title_;
};

/// Prints a line when something was measured or an epoch ends, and some in between.
class PrintProgress final : public Callback {
 public:
  /// To standard output unless `print` is given. Lines between are `seconds` apart.
  explicit PrintProgress(double seconds = 10,
                         std::function<void(const std::string& line)> print = {});
  void on_batch_end(Trainer& trainer, const Progress& progress) override;
  void on_log(Trainer& trainer, const MetricsRow& row) override;

 private:
  double seconds_;
  std::function<void(const std::string&)> print_;
  double next_ = 0;
};

struct SaveCheckpointsOptions {
  /// Above 0: the oldest go when there are more, but never the best and the latest.
  std::int64_t total_limit = 0;
  /// By which one is the best; without a name there is none.
  Metric best = {};
  /// What was measured best is in the model when the run ends: the weights of that checkpoint, or
  /// their averages with ema_decay.
  bool load_best_at_end = false;
  /// Checkpoints in the folder that this run did not pass through go when it saves its first.
  bool overwrite = false;
};

/// Saves a checkpoint whenever the run saves: checkpoint-STEP.safetensors in a folder. The folder
/// is one run's, so that the latest is the one to go on from: with checkpoints of another run in
/// it, or of the same one behind where it was taken up again, no run begins without `overwrite`.
class SaveCheckpoints final : public Callback {
 public:
  /// Throws ValueError for a negative limit, an unknown metric or one of test data, and for
  /// load_best_at_end without a metric.
  explicit SaveCheckpoints(std::filesystem::path folder, SaveCheckpointsOptions options = {});
  /// Throws ValueError when the run does not measure what is the best, and for checkpoints in the
  /// folder that are not this run's.
  void on_train_begin(Trainer& trainer) override;
  void on_save(Trainer& trainer) override;
  void on_train_end(Trainer& trainer) override;

  std::filesystem::path path_of(std::int64_t step) const;
  /// Steps of the checkpoints in the folder, in order.
  std::vector<std::int64_t> steps() const;
  /// The latest of them; empty when there is none.
  std::filesystem::path latest() const;

 private:
  std::int64_t best_step(const Trainer& trainer) const;

  std::filesystem::path folder_;
  SaveCheckpointsOptions options_;
  std::set<std::int64_t> own_, foreign_;  ///< steps of this run's checkpoints, and of others'
};

}  // namespace ingot::train
