#include <ingot/train/trainer.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "train/running.h"

namespace ingot::train {
namespace {

constexpr std::int64_t kLinesPerEpoch = 10;

bool is_on(const Every& every) { return every.steps > 0 || every.epochs > 0; }

void check_finite(double loss, const char* which, std::int64_t epoch, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw DivergedError(fmt::format(
      "training diverged: the {} is {} in epoch {}, step {}; try a smaller learning rate", which,
      std::isnan(loss) ? "not a number (NaN)" : "infinite", epoch, step));
}

bool has_metric(const Task& task, std::string_view name) {
  const auto& all = task.metrics();
  return std::find(all.begin(), all.end(), name) != all.end();
}

[[noreturn]] void refuse(const std::string& cause) { throw ValueError("trainer: " + cause); }

void not_negative(const char* name, double value) {
  if (!(value >= 0)) refuse(fmt::format("{} must not be negative, got {}", name, value));
}

}  // namespace

Trainer::~Trainer() = default;

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
                 data::DataLoader& validation, TrainerOptions options)
    : Trainer(model, optimizer, train, &validation, std::move(options)) {}

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
                 TrainerOptions options)
    : Trainer(model, optimizer, train, nullptr, std::move(options)) {}

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
                 data::DataLoader* validation, TrainerOptions options)
    : model_(model),
      optimizer_(optimizer),
      train_(train),
      validation_(validation),
      options_(std::move(options)),
      behind_(std::make_unique<FiguresBehind>(options_.device)) {
  if (!options_.task) options_.task = std::make_shared<ImageClassification>();
  check_options();
}

void Trainer::check_options() const {
  const TrainerOptions& o = options_;
  for (const auto& [name, value] : {std::pair("epochs", o.epochs),
                                    {"max_steps", o.max_steps},
                                    {"log_steps", o.log_steps},
                                    {"scheduler_steps", o.scheduler_steps},
                                    {"evaluate_every.steps", o.evaluate_every.steps},
                                    {"evaluate_every.epochs", o.evaluate_every.epochs},
                                    {"save_every.steps", o.save_every.steps},
                                    {"save_every.epochs", o.save_every.epochs}})
    not_negative(name, static_cast<double>(value));
  not_negative("clip_grad_norm", o.clip_grad_norm);
  not_negative("clip_grad_value", o.clip_grad_value);
  not_negative("min_delta", o.min_delta);
  if (!(o.ema_decay >= 0 && o.ema_decay < 1))
    refuse(fmt::format("ema_decay must be at least 0 and below 1, got {}", o.ema_decay));
  if (o.accumulate < 1) refuse(fmt::format("accumulate must be at least 1, got {}", o.accumulate));
  if (o.early_stopping && *o.early_stopping < 1)
    refuse(fmt::format("early_stopping must be at least 1, got {}", *o.early_stopping));
  if (o.learning_rate && (o.scheduler || o.plateau))
    refuse("learning_rate sets every step's rate: a scheduler or plateau would do nothing");
  if (o.measures == data::Split::Train)
    refuse("measures says what the second loader holds: Val or Test");
  for (const auto& callback : o.callbacks)
    if (!callback) refuse("a callback is null");
  // Found now, not after the epoch that the first measurement ends.
  for (const std::string& name : o.task->metrics())
    make_state(metric_info(name), o.task->metric_task());
  const Metric monitor = Metric::parse(o.monitor.name);
  if (!o.early_stopping && !o.plateau) return;
  if (monitor.is_of_test())
    refuse(
        fmt::format("the test data must not choose, and monitor is {}; use val_loss or "
                    "val_accuracy",
                    monitor.name));
  require_measured(monitor);
}

void Trainer::require_measured(const Metric& metric) const {
  const std::string name = Metric::parse(metric.name).name;
  const auto why_not = [&](const std::string& cause) {
    refuse(fmt::format("{} is not measured: {}", name, cause));
  };
  if (!name.ends_with("_loss") && !has_metric(*options_.task, name.substr(name.find('_') + 1)))
    why_not(fmt::format("the metrics of {} are: {}", options_.task->name(),
                        fmt::join(options_.task->metrics(), ", ")));
  if (name.starts_with("train")) return;
  if (!validation_) why_not("there are no validation data");
  if (options_.measures == data::Split::Test && !metric.is_of_test())
    why_not("the second loader holds test data, which must not choose; give it validation data");
  if (options_.measures != data::Split::Test && metric.is_of_test())
    why_not("the second loader holds validation data");
  if (!measures_at_all()) why_not("evaluate_every is never");
}

void Trainer::check_data() const {
  require_batches(train_, "trainer: the training loader");
  if (validation_) require_batches(*validation_, "trainer: the validation loader");
}

// -- The run ----------------------------------------------------------------------------------

bool Trainer::stopped_early() const {
  if (!options_.early_stopping) return false;
  const Best best = best_row(history_, options_.monitor, options_.min_delta);
  return best.count > 0 && best.since >= *options_.early_stopping;
}

bool Trainer::measures_at_all() const { return validation_ && is_on(options_.evaluate_every); }

bool Trainer::finished() const {
  if (stopped_early()) return true;
  if (options_.max_steps == 0) return epoch_ >= options_.epochs;
  // The last step has its line of the metrics when all that is due there was done.
  return steps_done() && (batch_ != train_.size() || batch_ == 0) && !history_.empty() &&
         history_.back().step == step_ && (!measures_at_all() || measured_here());
}

bool Trainer::steps_done() const { return options_.max_steps > 0 && step_ >= options_.max_steps; }

std::int64_t Trainer::epochs_of_run() const {
  if (options_.max_steps == 0) return options_.epochs;
  const std::int64_t steps = (train_.size() + options_.accumulate - 1) / options_.accumulate;
  return steps == 0 ? 0 : (options_.max_steps + steps - 1) / steps;
}

bool Trainer::run() {
  stop_asked_ = false;
  if (finished()) return true;
  check_data();
  call([&](Callback& c) { c.on_train_begin(*this); });
  bool goes_on = true;
  while (goes_on && !finished()) {
    // Not where the run was stopped while its last measurement was made.
    if (batch_ == train_.size() || !steps_done()) goes_on = train_epoch();
    if (goes_on) goes_on = batch_ == train_.size() ? end_epoch() : end_of_steps();
  }
  const bool complete = finished();
  call([&](Callback& c) { c.on_train_end(*this); });
  return complete;
}

bool Trainer::train_epoch() {
  const std::int64_t batches = train_.size();
  if (batch_ == batches) return true;  // stopped during the measurement
  std::optional<nn::ModeScope> mode;
  enter_training(mode, model_);
  behind_->clear();
  // Stopped during the measurement after a step.
  if (validation_ && batch_ > 0 && group_ == 0 && is_due(options_.evaluate_every, false) &&
      !measured_here() && !after_step(false))
    return false;
  const double seconds_before = epoch_seconds_;
  train_.set_position({static_cast<std::uint64_t>(epoch_), batch_});
  if (batch_ == 0) call([&](Callback& c) { c.on_epoch_begin(*this); });
  Pass pass(true, epoch_ + 1, epochs_of_run(), batch_, batches);
  std::int64_t lines_done = batch_ * kLinesPerEpoch / batches;
  for (const data::Batch& batch : train_) {
    // Not counted here: the loader leaves out batches of which nothing could be read.
    const std::int64_t next = train_.position().batch;
    const bool last = next == 0;
    const std::int64_t samples = train_batch(batch, last);
    batch_ = last ? batches : next;
    const bool stepped = group_ == 0;
    const bool ends = last || (stepped && steps_done());
    // Lines at fixed batches, so that they do not depend on where a run was stopped.
    const std::int64_t line = batch_ * kLinesPerEpoch / batches;
    const bool line_due =
        !ends &&
        (options_.log_steps == 0 ? line != lines_done : stepped && step_ % options_.log_steps == 0);
    const bool step_due =
        stepped && !ends &&
        (is_due(options_.evaluate_every, false) || is_due(options_.save_every, false));
    lines_done = line;
    const bool pauses = step_due || (ends && !last);
    read_figures(line_due || pauses || last);
    if (pauses) check_weights();
    const Progress& progress = pass.after(batch_, epoch_averages_, samples);
    epoch_seconds_ = seconds_before + progress.seconds;
    if (step_due) {
      const auto paused = pass.pause();
      if (!after_step(line_due)) {
        read_figures(true);
        return false;
      }
    } else if (line_due) {
      report(row_of(line_averages_), nullptr);
      line_averages_ = {};
    }
    if (options_.on_progress && !options_.on_progress(progress)) stop_asked_ = true;
    call([&](Callback& c) { c.on_batch_end(*this, progress); });
    if (stop_asked_) {
      read_figures(true);
      if (!pauses) check_weights();
      return false;
    }
    if (ends && !last) return true;
  }
  if (group_ > 0) optimizer_step();  // the last batches could not be read
  read_figures(true);
  check_weights();
  if (epoch_averages_.samples == 0)
    throw ValueError(fmt::format("trainer: epoch {} had nothing to train on", epoch_ + 1));
  batch_ = batches;
  return true;
}

// -- A step -----------------------------------------------------------------------------------

std::int64_t Trainer::train_batch(const data::Batch& given, bool last) {
  const Task& task = *options_.task;
  data::Batch batch = given.to(options_.device, /*non_blocking=*/true);
  call([&](Callback& c) { c.on_batch_begin(*this, batch); });
  const Tensor outputs = task.outputs(model_, batch);
  Tensor loss = task.loss(outputs, batch);
  call([&](Callback& c) { c.on_loss(*this, batch, outputs, loss); });
  // Recorded before the step, so that one evaluation computes everything.
  BatchFigures figures(task, outputs, loss, batch);
  const std::int64_t samples = figures.samples;
  if (group_ == 0) optimizer_.zero_grad();
  if (options_.accumulate == 1) {
    loss.backward();
    ++group_;
  } else {
    accumulate(loss, figures);
  }
  figures.epoch = epoch_ + 1;
  figures.step = step_ + 1;
  if (group_ >= options_.accumulate || last) optimizer_step();
  behind_->push(std::move(figures));
  return samples;
}

/// The gradients of sums are added up; what they are divided by is known at the step.
void Trainer::accumulate(const Tensor& loss, const BatchFigures& figures) {
  const Tensor terms =
      figures.weight.defined() ? figures.weight
      : figures.count.defined()
          ? figures.count
          : full({}, figures.samples, {.dtype = DType::Int64, .device = options_.device});
  (loss * terms).backward();
  group_weight_ = group_ == 0 ? terms : group_weight_ + terms;
  ++group_;
  std::vector<Tensor> pending = figures.tensors();
  pending.push_back(group_weight_);
  for (const Tensor& p : model_.parameters()) pending.push_back(p.grad());
  eval(pending);
}

void Trainer::optimizer_step() {
  const std::vector<Tensor> params = model_.parameters();
  if (options_.learning_rate) optimizer_.set_lr(options_.learning_rate(step_));
  if (group_weight_.defined()) {
    const NoGradGuard no_grad;
    const Tensor terms = group_weight_.masked_fill(group_weight_.eq(0), 1);
    for (Tensor p : params)
      if (const Tensor grad = p.grad(); grad.defined()) p.set_grad(grad / terms);
  }
  call([&](Callback& c) { c.on_before_step(*this); });
  step_lr_ = optimizer_.lr();
  if (options_.clip_grad_value > 0) nn::utils::clip_grad_value_(params, options_.clip_grad_value);
  if (options_.clip_grad_norm > 0) nn::utils::clip_grad_norm_(params, options_.clip_grad_norm);
  if (options_.ema_decay > 0) begin_average(params);
  optimizer_.step();
  ++step_;
  group_ = 0;
  group_weight_ = {};
  if (options_.ema_decay > 0) update_average(params);
  if (options_.scheduler && step_ <= options_.scheduler_steps) options_.scheduler->step();
  call([&](Callback& c) { c.on_step_end(*this); });
}

/// From the parameters before the first step; those that are frozen have none.
void Trainer::begin_average(const std::vector<Tensor>& params) {
  average_.resize(params.size());
  for (std::size_t i = 0; i < params.size(); ++i)
    if (!average_[i].defined() && params[i].requires_grad()) average_[i] = params[i].detach();
}

void Trainer::update_average(const std::vector<Tensor>& params) {
  const NoGradGuard no_grad;
  const double decay = options_.ema_decay;
  for (std::size_t i = 0; i < params.size(); ++i)
    if (average_[i].defined()) average_[i] = average_[i] * decay + params[i].detach() * (1 - decay);
  eval(average_);
}

/// While it lives, the averages stand in the model.
class Trainer::AverageScope {
 public:
  explicit AverageScope(Trainer& trainer) : params_(trainer.model_.parameters()) {
    const NoGradGuard no_grad;
    before_.resize(params_.size());
    for (std::size_t i = 0; i < trainer.average_.size(); ++i) {
      if (!trainer.average_[i].defined()) continue;
      before_[i] = params_[i].detach();
      params_[i].copy_(trainer.average_[i]);
    }
  }
  ~AverageScope() {
    const NoGradGuard no_grad;
    for (std::size_t i = 0; i < params_.size(); ++i)
      if (before_[i].defined()) params_[i].copy_(before_[i]);
  }
  AverageScope(const AverageScope&) = delete;
  AverageScope& operator=(const AverageScope&) = delete;

 private:
  std::vector<Tensor> params_, before_;
};

StateDict Trainer::average() const {
  StateDict state = model_.state_dict();
  const nn::NamedTensors params = model_.named_parameters();
  for (std::size_t i = 0; i < average_.size(); ++i)
    if (average_[i].defined()) state.insert_or_assign(params[i].first, average_[i]);
  return state;
}

void Trainer::read_figures(bool all) {
  behind_->read(all, [&](const BatchFigures& of, const BatchFigures::Numbers& numbers) {
    check_finite(numbers.loss, "loss", of.epoch, of.step);
    numbers.add_to(epoch_averages_);
    numbers.add_to(line_averages_);
  });
}

/// A loss is of the weights before its step: what the latest step made of them, no loss tells.
void Trainer::check_weights() const {
  const NoGradGuard no_grad;
  std::vector<std::pair<std::string, Tensor>> finite;
  Tensor all;
  for (const auto& [name, p] : model_.named_parameters()) {
    if (!p.requires_grad()) continue;
    finite.emplace_back(name, p.detach().isfinite().all());
    all = all.defined() ? all.logical_and(finite.back().second) : finite.back().second;
  }
  if (!all.defined() || all.item<bool>()) return;
  for (const auto& [name, is_finite] : finite)
    if (!is_finite.item<bool>())
      throw DivergedError(fmt::format(
          "training diverged: the weight '{}' is not finite in epoch {}, step {}; try a smaller "
          "learning rate",
          name, epoch_ + 1, step_));
}

// -- What happens between steps ---------------------------------------------------------------

bool Trainer::is_due(const Every& every, bool epoch_ends) const {
  if (every.steps > 0 && step_ > 0 && step_ % every.steps == 0) return true;
  return epoch_ends && every.epochs > 0 && (epoch_ + 1) % every.epochs == 0;
}

bool Trainer::measured_here() const {
  for (auto row = history_.rbegin(); row != history_.rend() && row->step == step_; ++row)
    if (row->measured()) return true;
  return false;
}

/// Nothing when it was stopped: it is made again from its beginning when the run goes on.
std::optional<Evaluation> Trainer::measure() {
  const AverageScope average(*this);
  const auto on_progress = [&](const Progress& progress) {
    if (options_.on_progress && !options_.on_progress(progress)) stop_asked_ = true;
    call([&](Callback& c) { c.on_evaluate_batch(*this, progress); });
    return !stop_asked_;
  };
  Evaluation measured = evaluate_in(model_, *validation_, *options_.task,
                                    {.device = options_.device, .on_progress = on_progress},
                                    epoch_ + 1, epochs_of_run());
  if (!measured.complete) return std::nullopt;
  check_finite(measured.loss(),
               options_.measures == data::Split::Test ? "test loss" : "validation loss", epoch_ + 1,
               step_);
  return measured;
}

/// Inside an epoch. False when the run is to stop.
bool Trainer::after_step(bool line_due) {
  if (validation_ && is_due(options_.evaluate_every, false)) {
    const auto measured = measure();
    if (!measured) return false;
    report(row_of(line_averages_), &*measured);
    line_averages_ = {};
    step_plateau();
  } else if (line_due) {
    report(row_of(line_averages_), nullptr);
    line_averages_ = {};
  }
  if (is_due(options_.save_every, false)) call([&](Callback& c) { c.on_save(*this); });
  return !stop_asked_ && !stopped_early();
}

/// The run ends inside an epoch.
bool Trainer::end_of_steps() {
  if (measures_at_all() && !measured_here()) {
    const auto measured = measure();
    if (!measured) return false;
    report(row_of(line_averages_), &*measured);
    step_plateau();
  } else {
    report(row_of(line_averages_), nullptr);
  }
  line_averages_ = {};
  if (is_on(options_.save_every)) call([&](Callback& c) { c.on_save(*this); });
  return !stop_asked_;
}

bool Trainer::end_epoch() {
  std::optional<Evaluation> measured;
  const bool ends_run = steps_done();
  if (validation_ && (is_due(options_.evaluate_every, true) || (ends_run && measures_at_all()))) {
    measured = measure();
    if (!measured) return false;
  }
  const bool saves = is_due(options_.save_every, true) || (ends_run && is_on(options_.save_every));
  MetricsRow row = row_of(epoch_averages_);
  ++epoch_;
  batch_ = 0;
  epoch_averages_ = line_averages_ = {};
  epoch_seconds_ = 0;
  report(std::move(row), measured ? &*measured : nullptr);
  if (options_.scheduler && options_.scheduler_steps == 0) options_.scheduler->step();
  step_plateau();
  if (options_.on_epoch) options_.on_epoch();
  if (saves) call([&](Callback& c) { c.on_save(*this); });
  call([&](Callback& c) { c.on_epoch_end(*this); });
  return !stop_asked_;
}

/// With the latest line, where it has the value.
void Trainer::step_plateau() {
  if (options_.plateau && options_.monitor.is_in(history_.back()))
    options_.plateau->step(options_.monitor.of(history_.back()));
}

MetricsRow Trainer::row_of(const Averages& averages) const {
  MetricsRow row;
  row.epoch = static_cast<double>(epoch_) +
              static_cast<double>(batch_) / static_cast<double>(train_.size());
  row.step = step_;
  row.train_loss = averages.loss();
  if (has_metric(*options_.task, "accuracy")) row.train_accuracy = averages.accuracy();
  row.lr = step_lr_;
  row.seconds = epoch_seconds_;
  if (epoch_seconds_ > 0)
    row.images_per_second = static_cast<double>(epoch_averages_.samples) / epoch_seconds_;
  return row;
}

void Trainer::report(MetricsRow row, const Evaluation* measured) {
  if (measured) {
    const bool is_test = options_.measures == data::Split::Test;
    (is_test ? row.test_loss : row.val_loss) = measured->loss();
    for (const auto& [name, value] : measured->metrics) {
      if (name == "accuracy")
        (is_test ? row.test_accuracy : row.val_accuracy) = value;
      else
        row.others.emplace_back((is_test ? "test_" : "val_") + name, value);
    }
  }
  history_.push_back(std::move(row));
  if (measured) call([&](Callback& c) { c.on_evaluate(*this, *measured); });
  if (options_.on_metrics) options_.on_metrics(history_.back());
  call([&](Callback& c) { c.on_log(*this, history_.back()); });
}

}  // namespace ingot::train
