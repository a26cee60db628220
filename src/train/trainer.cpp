#include <ingot/train/trainer.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/random.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "nn/mode_scope.h"
#include "train/running.h"

namespace ingot::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLinesPerEpoch = 10;
constexpr const char* kExtraKey = "trainer";  // in Checkpoint::extra

/// Training mode for a pass. Modules that were put into evaluation mode one by one stay there; a
/// model that is in evaluation mode as a whole was tested before.
void enter_training(std::optional<nn::ModeScope>& scope, nn::Module& model) {
  const auto modules = model.modules();
  const bool any = std::any_of(modules.begin(), modules.end(),
                               [](const nn::Module* m) { return m->is_training(); });
  if (!any) scope.emplace(model, true);
}

void check_finite(double loss, const char* which, std::int64_t epoch, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw DivergedError(fmt::format(
      "training diverged: the {} is {} in epoch {}, step {}; try a smaller learning rate", which,
      std::isnan(loss) ? "not a number (NaN)" : "infinite", epoch, step));
}

Json to_json(const Averages& a) {
  Json json{a.loss_sum, a.correct, a.count};
  if (a.samples != a.count) json.push_back(a.samples);
  return json;
}

Averages averages_from(const Json& json) {
  const auto count = json.at(2).get<std::int64_t>();
  return {json.at(0).get<double>(), json.at(1).get<std::int64_t>(), count,
          json.size() > 3 ? json.at(3).get<std::int64_t>() : count};
}

bool has_metric(const Task& task, std::string_view name) {
  const auto& all = task.metrics();
  return std::find(all.begin(), all.end(), name) != all.end();
}

/// Throws ValueError when the run does not give that value.
void check_monitor(const std::string& monitor, const Task& task) {
  if (monitor.ends_with("_loss")) return;
  const std::string metric = monitor.substr(monitor.find('_') + 1);
  if (has_metric(task, metric)) return;
  throw ValueError(fmt::format("trainer: monitor is {}, but the metrics of {} are: {}", monitor,
                               task.name(), fmt::join(task.metrics(), ", ")));
}

}  // namespace

Trainer::~Trainer() = default;

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
                 data::DataLoader& validation, TrainerOptions options)
    : model_(model),
      optimizer_(optimizer),
      train_(train),
      validation_(validation),
      options_(std::move(options)) {
  const auto refuse = [](const std::string& cause) { throw ValueError("trainer: " + cause); };
  if (options_.epochs < 0)
    refuse(fmt::format("epochs must not be negative, got {}", options_.epochs));
  if (!(options_.clip_grad_norm >= 0))
    refuse(fmt::format("clip_grad_norm must not be negative, got {}", options_.clip_grad_norm));
  if (options_.scheduler_steps < 0)
    refuse(fmt::format("scheduler_steps must not be negative, got {}", options_.scheduler_steps));
  if (options_.early_stopping && *options_.early_stopping < 1)
    refuse(fmt::format("early_stopping must be at least 1, got {}", *options_.early_stopping));
  if (options_.learning_rate && (options_.scheduler || options_.plateau))
    refuse("learning_rate sets every step's rate: a scheduler or plateau would do nothing");
  if (options_.measures == data::Split::Train)
    refuse("measures says what the second loader holds: Val or Test");
  const Metric monitor = Metric::parse(options_.monitor.name);
  if (!options_.task) options_.task = std::make_shared<ImageClassification>();
  behind_ = std::make_unique<FiguresBehind>(options_.device);
  if (!options_.early_stopping && !options_.plateau) return;
  check_monitor(monitor.name, *options_.task);
  if (monitor.is_of_test())
    refuse(
        fmt::format("the test data must not choose, and monitor is {}; use val_loss or "
                    "val_accuracy",
                    monitor.name));
  if (options_.measures == data::Split::Test && !monitor.name.starts_with("train"))
    refuse(
        fmt::format("monitor is {}, but the second loader holds test data, which must not "
                    "choose; give it validation data",
                    monitor.name));
}

void Trainer::check_data() const {
  require_batches(train_, "trainer: the training loader");
  require_batches(validation_, "trainer: the validation loader");
}

bool Trainer::run() {
  const auto done = [&] { return epoch_ >= options_.epochs || stopped_early(); };
  if (!done()) check_data();
  while (!done())
    if (!train_epoch() || !measure_epoch()) return done();
  return true;
}

bool Trainer::stopped_early() const {
  return options_.early_stopping && epoch_ > 0 &&
         epoch_ - best_epoch(history_, options_.monitor) >= *options_.early_stopping;
}

bool Trainer::train_epoch() {
  const std::int64_t batches = train_.size();
  if (batch_ == batches) return true;  // stopped during the measurement
  std::optional<nn::ModeScope> mode;
  enter_training(mode, model_);
  const double seconds_before = epoch_seconds_;
  train_.set_position({static_cast<std::uint64_t>(epoch_), batch_});
  behind_->clear();
  Pass pass(true, epoch_ + 1, options_.epochs, batch_, batches);
  std::int64_t lines_done = batch_ * kLinesPerEpoch / batches;
  for (const data::Batch& batch : train_) {
    train_batch(batch);
    // Not counted here: the loader leaves out batches of which nothing could be read.
    const std::int64_t next = train_.position().batch;
    batch_ = next == 0 ? batches : next;
    const std::int64_t line = batch_ * kLinesPerEpoch / batches;
    read_figures(line != lines_done || batch_ == batches);
    const Progress& progress = pass.after(batch_, epoch_averages_, batch.samples());
    epoch_seconds_ = seconds_before + progress.seconds;
    // Lines at fixed batches, so that they do not depend on where a run was stopped.
    if (line != lines_done && batch_ != batches) {
      report(row_of(line_averages_));
      line_averages_ = {};
    }
    lines_done = line;
    if (options_.on_progress && !options_.on_progress(progress)) {
      read_figures(true);
      return false;
    }
  }
  read_figures(true);
  if (epoch_averages_.samples == 0)
    throw ValueError(fmt::format("trainer: epoch {} had nothing to train on", epoch_ + 1));
  batch_ = batches;
  return true;
}

void Trainer::train_batch(const data::Batch& given) {
  const Task& task = *options_.task;
  const data::Batch batch = given.to(options_.device, /*non_blocking=*/true);
  const Tensor outputs = task.outputs(model_, batch);
  const Tensor loss = task.loss(outputs, batch);
  // Recorded before the step, so that one evaluation computes everything.
  BatchFigures figures(task, outputs, loss, batch);
  if (options_.learning_rate) optimizer_.set_lr(options_.learning_rate(step_));
  step_lr_ = optimizer_.lr();
  optimizer_.zero_grad();
  loss.backward();
  if (options_.clip_grad_norm > 0)
    nn::utils::clip_grad_norm_(model_.parameters(), options_.clip_grad_norm);
  optimizer_.step();
  ++step_;
  figures.epoch = epoch_ + 1;
  figures.step = step_;
  behind_->push(std::move(figures));
  if (options_.scheduler && step_ <= options_.scheduler_steps) options_.scheduler->step();
}

void Trainer::read_figures(bool all) {
  behind_->read(all, [&](const BatchFigures& of, const BatchFigures::Numbers& numbers) {
    if (numbers.count > 0) check_finite(numbers.loss, "loss", of.epoch, of.step);
    numbers.add_to(epoch_averages_);
    numbers.add_to(line_averages_);
  });
}

bool Trainer::measure_epoch() {
  bool asked_to_stop = false;
  const Evaluation measured =
      evaluate_in(model_, validation_, *options_.task,
                  {.device = options_.device,
                   .on_progress =
                       [&](const Progress& progress) {
                         asked_to_stop = options_.on_progress && !options_.on_progress(progress);
                         return !asked_to_stop;
                       }},
                  epoch_ + 1, options_.epochs);
  if (!measured.complete) return false;  // measured again from its beginning when the run goes on
  const bool is_test = options_.measures == data::Split::Test;
  check_finite(measured.loss(), is_test ? "test loss" : "validation loss", epoch_ + 1, step_);
  MetricsRow row = row_of(epoch_averages_);
  (is_test ? row.test_loss : row.val_loss) = measured.loss();
  for (const auto& [name, value] : measured.metrics) {
    if (name == "accuracy")
      (is_test ? row.test_accuracy : row.val_accuracy) = value;
    else
      row.others.emplace_back((is_test ? "test_" : "val_") + name, value);
  }
  ++epoch_;
  batch_ = 0;
  epoch_averages_ = line_averages_ = {};
  epoch_seconds_ = 0;
  const double monitored = options_.plateau ? options_.monitor.of(row) : 0;
  report(std::move(row));
  if (options_.scheduler && options_.scheduler_steps == 0) options_.scheduler->step();
  if (options_.plateau) options_.plateau->step(monitored);
  if (options_.on_epoch) options_.on_epoch();
  return !asked_to_stop;
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

void Trainer::report(MetricsRow row) {
  history_.push_back(std::move(row));
  if (options_.on_metrics) options_.on_metrics(history_.back());
}

Checkpoint Trainer::checkpoint() const {
  Checkpoint checkpoint;
  checkpoint.model = model_.state_dict();
  checkpoint.optimizer = optimizer_.state_dict();
  if (options_.scheduler) checkpoint.scheduler = options_.scheduler->state_dict();
  if (options_.plateau) checkpoint.plateau = options_.plateau->state_dict();
  checkpoint.step = step_;
  checkpoint.position = {static_cast<std::uint64_t>(epoch_), batch_};
  checkpoint.random = default_generator().state();
  Json history = Json::array();
  for (const MetricsRow& row : history_) history.push_back(to_json(row));
  checkpoint.extra[kExtraKey] = Json{
      {"epoch_averages", to_json(epoch_averages_)},
      {"line_averages", to_json(line_averages_)},
      {"epoch_seconds", epoch_seconds_},
      {"step_lr", step_lr_},
      {"history",
       std::move(history)}}.dump();
  return checkpoint;
}

/// What a checkpoint says besides the states of model, optimizer and schedules.
struct Trainer::Record {
  Averages epoch_averages, line_averages;
  double epoch_seconds = 0;
  std::optional<double> step_lr;  // an older Ingot did not save it
  std::vector<MetricsRow> history;
};

Trainer::Record Trainer::record_of(const Checkpoint& checkpoint) const {
  const auto entry = checkpoint.extra.find(kExtraKey);
  if (entry == checkpoint.extra.end())
    throw ValueError("the checkpoint was not made by this trainer: it has no averages");
  if (checkpoint.position.batch < 0 || checkpoint.position.batch > train_.size())
    throw ValueError(fmt::format(
        "the checkpoint stands at batch {}, but an epoch of these data has only {} batches",
        checkpoint.position.batch, train_.size()));
  if (checkpoint.step < 0)
    throw ValueError(fmt::format("the checkpoint stands at step {}", checkpoint.step));
  Record record;
  try {
    const Json json = Json::parse(entry->second);
    record.epoch_averages = averages_from(json.at("epoch_averages"));
    record.line_averages = averages_from(json.at("line_averages"));
    record.epoch_seconds = json.at("epoch_seconds").get<double>();
    if (json.contains("step_lr")) record.step_lr = json["step_lr"].get<double>();
    const Json& history = json.at("history");
    if (!history.is_array()) throw IoError("the checkpoint's record of its run has no history");
    for (const Json& row : history)
      record.history.push_back(metrics_row_from_json(row.get<std::string>(), "checkpoint"));
  } catch (const Json::exception& e) {
    throw IoError(fmt::format("the checkpoint's record of its run is damaged: {}", e.what()));
  }
  if (options_.early_stopping) best_epoch(record.history, options_.monitor);  // it can be told
  return record;
}

void Trainer::restore(const Checkpoint& checkpoint) {
  Record record = record_of(checkpoint);
  optim::LRScheduler* scheduler = options_.scheduler;
  optim::ReduceLROnPlateau* plateau = options_.plateau;
  // Up to format version 2 there was one schedule, whichever it was.
  const bool older = plateau && !scheduler && checkpoint.plateau.empty();
  const StateDict& plateau_state = older ? checkpoint.scheduler : checkpoint.plateau;
  if ((!scheduler && !older && !checkpoint.scheduler.empty()) ||
      (!plateau && !plateau_state.empty()))
    throw ValueError("the checkpoint has the state of a schedule that this trainer does not have");

  // Each part takes over all or nothing; those that did take over are put back when a later one
  // does not fit. The optimizer is the last: schedules set its learning rates.
  const StateDict model_before = model_.state_dict().snapshot();
  const StateDict optimizer_before = optimizer_.state_dict();
  const StateDict scheduler_before = scheduler ? scheduler->state_dict() : StateDict();
  const StateDict plateau_before = plateau ? plateau->state_dict() : StateDict();
  try {
    model_.load_state_dict(checkpoint.model);
    optimizer_.load_state_dict(checkpoint.optimizer);
    if (scheduler) scheduler->load_state_dict(checkpoint.scheduler);
    if (plateau) plateau->load_state_dict(plateau_state);
  } catch (...) {
    model_.load_state_dict(model_before);
    if (scheduler) scheduler->load_state_dict(scheduler_before);
    if (plateau) plateau->load_state_dict(plateau_before);
    optimizer_.load_state_dict(optimizer_before);
    throw;
  }
  default_generator().set_state(checkpoint.random);
  behind_->clear();
  epoch_ = static_cast<std::int64_t>(checkpoint.position.epoch);
  batch_ = checkpoint.position.batch;
  step_ = checkpoint.step;
  epoch_averages_ = record.epoch_averages;
  line_averages_ = record.line_averages;
  epoch_seconds_ = record.epoch_seconds;
  step_lr_ = record.step_lr.value_or(optimizer_.lr());
  history_ = std::move(record.history);
}

}  // namespace ingot::train
