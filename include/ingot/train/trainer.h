// Trainer: passes over the training data, measurements between them, and a state that can be saved
// and taken up again at any step.
//
// What is measured are validation data: the best epoch, early stopping and a plateau's learning
// rate are chosen by them (or by the training figures), never by test data. A loader of test data
// may stand in their place where nothing is chosen (TrainerOptions::measures), and a run may do
// without.
//
// The invariant that everything here serves: a run that is stopped after any batch, saved, restored
// and finished gives bit for bit the weights of one that was never stopped.
//
// A device works ahead: nobody waits for a step's loss. It is read a few batches later, and at the
// latest where a line of the metrics is written, something measured or saved.
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
#include <ingot/train/callback.h>
#include <ingot/train/checkpoint.h>
#include <ingot/train/evaluate.h>
#include <ingot/train/metrics.h>
#include <ingot/train/task.h>

namespace ingot::train {

/// The loss or a weight became infinite or not a number: the weights are of no use any more.
class DivergedError : public Error {
 public:
  using Error::Error;
};

/// How often something happens: every so many steps of the optimizer, at the end of every so many
/// epochs; 0 is never.
struct Every {
  std::int64_t steps = 0;
  std::int64_t epochs = 0;
};

struct TrainerOptions {
  std::int64_t epochs = 1;
  Device device;
  /// What is trained; null: image classification.
  std::shared_ptr<const Task> task = nullptr;
  /// What the second loader's data are: Val, or Test where nothing is chosen by `monitor`.
  data::Split measures = data::Split::Val;
  /// Above 0: the run ends after that many steps, whatever `epochs` says, and is measured and saved
  /// there.
  std::int64_t max_steps = 0;
  /// Batches to a step of the optimizer: their gradients are those of all their terms (samples,
  /// tokens, with the weights of their classes) in one batch. The last step of an epoch has what is
  /// left.
  std::int64_t accumulate = 1;
  /// When the second loader's data are measured. What is due at the end of an epoch by both is
  /// measured once.
  Every evaluate_every = {.epochs = 1};
  /// Lines of the metrics inside an epoch: every so many steps; 0: about ten an epoch.
  std::int64_t log_steps = 0;
  /// When Callback::on_save is called, after the measurement of the same step.
  Every save_every = {.epochs = 1};
  /// The learning rate of the step with that number, from 0; the optimizer's own when empty. Not
  /// together with a scheduler or plateau.
  std::function<double(std::int64_t step)> learning_rate;
  /// Steps after each epoch; its state is part of the checkpoint. Must outlive the trainer.
  optim::LRScheduler* scheduler = nullptr;
  /// Above 0: `scheduler` steps after each step of the optimizer instead, this many times.
  std::int64_t scheduler_steps = 0;
  /// Takes the value of `monitor` whenever it was measured (of training figures: after each epoch),
  /// after the scheduler's step where there are both; its state is part of the checkpoint.
  optim::ReduceLROnPlateau* plateau = nullptr;
  /// What plateau and early_stopping look at. It knows itself whether more is better.
  Metric monitor = {"val_loss"};
  /// Ends the run when `monitor` has not improved for this many measurements.
  std::optional<std::int64_t> early_stopping = {};
  /// What counts as improvement for early_stopping: better by more than this.
  double min_delta = 0;
  /// Above 0: the largest norm of all gradients together.
  double clip_grad_norm = 0;
  /// Above 0: the largest absolute value of a gradient's element. Comes before the norm.
  double clip_grad_value = 0;
  /// Above 0: averages of the parameters are kept, ema = decay ema + (1 - decay) p after each step;
  /// they are what is measured, and what Trainer::average() gives.
  double ema_decay = 0;
  OnProgress on_progress;
  /// Called with each new line of the metrics.
  std::function<void(const MetricsRow&)> on_metrics;
  /// Called when an epoch is complete, and measured where it was to be: the moment to save.
  std::function<void()> on_epoch;
  /// Called after the functions above, in this order.
  std::vector<std::shared_ptr<Callback>> callbacks = {};
};

struct BatchFigures;
class FiguresBehind;

class Trainer {
 public:
  /// All of these must outlive the trainer. `model` must be on options.device. Throws ValueError
  /// for options out of range or that exclude each other, a metric that is unknown or not for the
  /// task, a `monitor` that the run does not measure, and a choice by test data.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
          data::DataLoader& validation, TrainerOptions options);
  /// Without measurements.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
          TrainerOptions options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains until `epochs` passes or `max_steps` steps are complete or it stops early. False when
  /// on_progress or stop() ended it; calling run() again goes on. Modules that are in evaluation
  /// mode while others are not (frozen batch norm) stay in it; a model that is in evaluation mode
  /// as a whole is trained as a whole, and each module is in its own mode again afterwards. Throws
  /// DivergedError, naming epoch and step, when the loss of a batch or of a measurement is not
  /// finite. On a device that is found up to five batches late, but always before a line of the
  /// metrics is written. Throws it, too, when a weight is not finite where an epoch ends, something
  /// is measured or saved, or the run stops: never is such a state saved. Throws ValueError when a
  /// loader gives no batches, and for the metric "accuracy" when the task has no right answers.
  bool run();
  /// Ends the run after the batch at hand, or the measurement: from callbacks.
  void stop() { stop_asked_ = true; }

  /// The present state, to be saved; `extra` of the result may be added to.
  Checkpoint checkpoint() const;
  /// Goes on from there. Throws ValueError or IoError when the checkpoint does not fit the model,
  /// the optimizer, the schedules or the data, and then changes nothing.
  void restore(const Checkpoint& checkpoint);

  /// All lines of the metrics so far, also those from before a restore.
  const std::vector<MetricsRow>& history() const { return history_; }
  /// Complete epochs.
  std::int64_t epochs_done() const { return epoch_; }
  /// Steps of the optimizer.
  std::int64_t step() const { return step_; }
  /// True when early_stopping has ended the run; known from the history alone.
  bool stopped_early() const;
  /// True when nothing is left to do for run().
  bool finished() const;

  nn::Module& model() { return model_; }
  optim::Optimizer& optimizer() { return optimizer_; }
  const TrainerOptions& options() const { return options_; }
  /// The model's state with the averages of ema_decay in place of the parameters; without them
  /// state_dict() itself.
  StateDict average() const;
  /// Puts what was measured at that checkpoint into the model, its averages where it has them; they
  /// are what average() gives, too. Everything else stays. Throws as Module::load_state_dict.
  void load_measured(const Checkpoint& checkpoint);
  /// Throws ValueError saying why when lines of this run that Metric::is_in chooses have no such
  /// value, or there will be none.
  void require_measured(const Metric& metric) const;

 private:
  struct Record;
  class AverageScope;

  Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
          data::DataLoader* validation, TrainerOptions options);
  void check_options() const;
  void check_data() const;
  bool steps_done() const;
  bool measures_at_all() const;
  bool measured_here() const;
  std::int64_t epochs_of_run() const;
  bool is_due(const Every& every, bool epoch_ends) const;
  bool train_epoch();
  std::int64_t train_batch(const data::Batch& given, bool last);
  void accumulate(const Tensor& loss, const BatchFigures& figures);
  void optimizer_step();
  void begin_average(const std::vector<Tensor>& params);
  void update_average(const std::vector<Tensor>& params);
  void read_figures(bool all);
  void check_weights() const;
  std::optional<Evaluation> measure();
  bool after_step(bool line_due);
  bool end_of_steps();
  bool end_epoch();
  void step_plateau();
  void report(MetricsRow row, const Evaluation* measured);
  MetricsRow row_of(const Averages& averages) const;
  Record record_of(const Checkpoint& checkpoint) const;
  void read_own_state(const StateDict& state, Record& record) const;
  void take_own_state(const Record& record);
  template <class F>
  void call(F&& f) {
    for (const auto& callback : options_.callbacks) f(*callback);
  }

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  data::DataLoader& train_;
  data::DataLoader* validation_;
  TrainerOptions options_;

  std::int64_t epoch_ = 0;  ///< complete ones
  std::int64_t batch_ = 0;  ///< batches trained of the running epoch; all of them: to be measured
  std::int64_t step_ = 0;
  std::int64_t group_ = 0;       ///< batches whose gradients wait for the next step
  Tensor group_weight_;          ///< of the terms in them (Task::weight), 0-dim on the device
  std::vector<Tensor> average_;  ///< of the parameters, in their order
  bool stop_asked_ = false;
  std::unique_ptr<FiguresBehind> behind_;
  Averages epoch_averages_;   ///< of the running epoch
  Averages line_averages_;    ///< since the last line of the metrics
  double epoch_seconds_ = 0;  ///< spent training in the running epoch
  double step_lr_ = 0;        ///< learning rate of the latest step; the optimizer may have the next
  std::vector<MetricsRow> history_;
};

}  // namespace ingot::train
