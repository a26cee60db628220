// Trainer: passes over the training data, a measurement after each, and a state that can be saved
// and taken up again at any step.
//
// What is measured after each epoch are validation data: the best epoch, early stopping and a
// plateau's learning rate are chosen by them (or by the training figures), never by test data. A
// loader of test data may stand in their place where nothing is chosen (TrainerOptions::measures).
//
// The invariant that everything here serves: a run that is stopped after any step, saved, restored
// and finished gives bit for bit the weights of one that was never stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/split.h>
#include <ingot/nn/module.h>
#include <ingot/optim/optimizer.h>
#include <ingot/optim/scheduler.h>
#include <ingot/train/checkpoint.h>
#include <ingot/train/evaluate.h>
#include <ingot/train/metrics.h>
#include <ingot/train/task.h>

namespace ingot::train {

/// The loss became infinite or not a number: the weights are of no use any more.
class DivergedError : public Error {
 public:
  using Error::Error;
};

struct TrainerOptions {
  std::int64_t epochs = 1;
  Device device;
  /// What is trained; null: image classification.
  std::shared_ptr<const Task> task = nullptr;
  /// What the second loader's data are: Val, or Test where nothing is chosen by `monitor`.
  data::Split measures = data::Split::Val;
  /// The learning rate of the step with that number, from 0; the optimizer's own when empty. Not
  /// together with a scheduler or plateau.
  std::function<double(std::int64_t step)> learning_rate;
  /// Steps after each epoch; its state is part of the checkpoint. Must outlive the trainer.
  optim::LRScheduler* scheduler = nullptr;
  /// Above 0: `scheduler` steps after each step of the optimizer instead, this many times.
  std::int64_t scheduler_steps = 0;
  /// Takes the value of `monitor` after each epoch, after the scheduler's step where there are
  /// both; its state is part of the checkpoint.
  optim::ReduceLROnPlateau* plateau = nullptr;
  /// What plateau and early_stopping look at. It knows itself whether more is better.
  Metric monitor = {"val_loss"};
  /// Ends the run when `monitor` has not improved for this many epochs.
  std::optional<std::int64_t> early_stopping = {};
  /// Above 0: the largest norm of all gradients together.
  double clip_grad_norm = 0;
  OnProgress on_progress;
  /// Called with each new line of the metrics: about ten an epoch, and one at its end.
  std::function<void(const MetricsRow&)> on_metrics;
  /// Called when an epoch is complete and measured: the moment to save.
  std::function<void()> on_epoch;
};

class FiguresBehind;

class Trainer {
 public:
  /// All of these must outlive the trainer. `model` must be on options.device. Throws ValueError
  /// for options out of range or that exclude each other, an unknown metric, and a choice by test
  /// data.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
          data::DataLoader& validation, TrainerOptions options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains until `epochs` passes are complete or it stops early. False when
  /// on_progress stopped it; calling run() again goes on. Modules that are in evaluation mode while
  /// others are not (frozen batch norm) stay in it; a model that is in evaluation mode as a whole
  /// is trained as a whole, and each module is in its own mode again afterwards. Throws
  /// DivergedError, naming epoch and step, when the loss of a batch or of a measurement is not
  /// finite; on_epoch is not called then, so that nobody saves. A device works ahead of who reads
  /// the losses, so that this may be some batches (not more than five) later; but never after an
  /// epoch was measured. Throws ValueError when a loader gives no batches.
  bool run();

  /// The present state, to be saved; `extra` of the result may be added to.
  Checkpoint checkpoint() const;
  /// Goes on from there. Throws ValueError or IoError when the checkpoint does not fit the model,
  /// the optimizer, the schedules or the data, and then changes nothing.
  void restore(const Checkpoint& checkpoint);

  /// All lines of the metrics so far, also those from before a restore.
  const std::vector<MetricsRow>& history() const { return history_; }
  /// Complete epochs.
  std::int64_t epochs_done() const { return epoch_; }
  /// True when early_stopping has ended the run; known from the history alone.
  bool stopped_early() const;

 private:
  bool train_epoch();
  bool measure_epoch();
  void check_data() const;
  struct Record;
  Record record_of(const Checkpoint& checkpoint) const;
  void train_batch(const data::Batch& given);
  void read_figures(bool all);
  void report(MetricsRow row);
  MetricsRow row_of(const Averages& averages) const;

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  data::DataLoader& train_;
  data::DataLoader& validation_;
  TrainerOptions options_;

  std::int64_t epoch_ = 0;  ///< complete ones
  std::int64_t batch_ = 0;  ///< batches trained of the running epoch; all of them: to be measured
  std::int64_t step_ = 0;
  std::unique_ptr<FiguresBehind> behind_;
  Averages epoch_averages_;   ///< of the running epoch
  Averages line_averages_;    ///< since the last line of the metrics
  double epoch_seconds_ = 0;  ///< spent training in the running epoch
  double step_lr_ = 0;        ///< learning rate of the latest step; the optimizer may have the next
  std::vector<MetricsRow> history_;
};

}  // namespace ingot::train
