#include <ingot/train/trainer.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "nn/mode_scope.h"

namespace ingot::train {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kLinesPerEpoch = 10;
constexpr const char* kExtraKey = "trainer";  // in Checkpoint::extra

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Times one pass (or what was left of it) and fills Progress.
class Pass {
 public:
  Pass(bool training, std::int64_t epoch, std::int64_t epochs, std::int64_t first_batch,
       std::int64_t batches)
      : first_batch_(first_batch), start_(Clock::now()) {
    progress_.training = training;
    progress_.epoch = epoch;
    progress_.epochs = epochs;
    progress_.batches = batches;
  }

  const Progress& after(std::int64_t batch, const Averages& averages, std::int64_t samples) {
    samples_ += samples;
    progress_.batch = batch;
    progress_.averages = averages;
    progress_.seconds = seconds_since(start_);
    if (progress_.seconds > 0)
      progress_.images_per_second = static_cast<double>(samples_) / progress_.seconds;
    if (const std::int64_t done = batch - first_batch_; done > 0)
      progress_.seconds_left = progress_.seconds * static_cast<double>(progress_.batches - batch) /
                               static_cast<double>(done);
    return progress_;
  }

  double seconds() const { return seconds_since(start_); }

 private:
  std::int64_t first_batch_;
  std::int64_t samples_ = 0;
  Clock::time_point start_;
  Progress progress_;
};

/// Training mode for a pass. Modules that were put into evaluation mode one by one stay there; a
/// model that is in evaluation mode as a whole was tested before.
void enter_training(std::optional<nn::ModeScope>& scope, nn::Module& model) {
  const auto modules = model.modules();
  const bool any = std::any_of(modules.begin(), modules.end(),
                               [](const nn::Module* m) { return m->is_training(); });
  if (!any) scope.emplace(model, true);
}

/// Puts a loader back where it stood.
class PositionScope {
 public:
  explicit PositionScope(data::DataLoader& loader) : loader_(loader), before_(loader.position()) {}
  ~PositionScope() { loader_.set_position(before_); }
  PositionScope(const PositionScope&) = delete;
  PositionScope& operator=(const PositionScope&) = delete;

 private:
  data::DataLoader& loader_;
  data::LoaderPosition before_;
};

void require_batches(const data::DataLoader& loader, const char* what) {
  if (loader.size() > 0) return;
  throw ValueError(fmt::format(
      "{} gives no batches: {} samples{}", what, loader.dataset().size(),
      loader.options().drop_last ? fmt::format(", and drop_last leaves out batches of less than {}",
                                               loader.options().batch_size)
                                 : ""));
}

void check_finite(double loss, const char* which, std::int64_t epoch, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw DivergedError(fmt::format(
      "training diverged: the {} is {} in epoch {}, step {}; try a smaller learning rate", which,
      std::isnan(loss) ? "not a number (NaN)" : "infinite", epoch, step));
}

Tensor count_correct(const Tensor& logits, const Tensor& labels) {
  return logits.detach().argmax(1).eq(labels).sum();
}

Json to_json(const Averages& a) { return {a.loss_sum, a.correct, a.count}; }

Averages averages_from(const Json& json) {
  return {json.at(0).get<double>(), json.at(1).get<std::int64_t>(), json.at(2).get<std::int64_t>()};
}

Averages evaluate_pass(nn::Module& model, data::DataLoader& data, Device device,
                       const OnProgress& on_progress, std::int64_t epoch, std::int64_t epochs) {
  require_batches(data, "evaluate: the loader");
  const NoGradGuard no_grad;
  const nn::ModeScope mode(model, false);
  const PositionScope position(data);
  Averages averages;
  std::int64_t batch = 0;
  data.set_position({0, 0});
  Pass pass(false, epoch, epochs, 0, data.size());
  for (const auto& [inputs, targets] : data) {
    const Tensor labels = targets.to(device, /*non_blocking=*/true);
    const Tensor logits = model(inputs.to(device, /*non_blocking=*/true));
    const Tensor loss = cross_entropy(logits, labels);
    const Tensor correct = count_correct(logits, labels);
    const std::int64_t count = targets.size(0);
    averages.add(loss.item(), correct.item<std::int64_t>(), count);
    if (on_progress && !on_progress(pass.after(++batch, averages, count))) break;
  }
  if (averages.count == 0) throw ValueError("evaluate: the loader gave no samples");
  return averages;
}

}  // namespace

Averages evaluate(nn::Module& model, data::DataLoader& data, Device device,
                  const OnProgress& on_progress) {
  return evaluate_pass(model, data, device, on_progress, 1, 1);
}

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
  if (!options_.early_stopping && !options_.plateau) return;
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
  Pass pass(true, epoch_ + 1, options_.epochs, batch_, batches);
  std::int64_t lines_done = batch_ * kLinesPerEpoch / batches;
  for (const data::Batch& batch : train_) {
    train_batch(batch);
    // Not counted here: the loader leaves out batches of which nothing could be read.
    const std::int64_t next = train_.position().batch;
    batch_ = next == 0 ? batches : next;
    const Progress& progress = pass.after(batch_, epoch_averages_, batch.targets.size(0));
    epoch_seconds_ = seconds_before + progress.seconds;
    // Lines at fixed batches, so that they do not depend on where a run was stopped.
    const std::int64_t line = batch_ * kLinesPerEpoch / batches;
    if (line != lines_done && batch_ != batches) {
      report(row_of(line_averages_));
      line_averages_ = {};
    }
    lines_done = line;
    if (options_.on_progress && !options_.on_progress(progress)) return false;
  }
  if (epoch_averages_.count == 0)
    throw ValueError(fmt::format("trainer: epoch {} had nothing to train on", epoch_ + 1));
  batch_ = batches;
  return true;
}

void Trainer::train_batch(const data::Batch& batch) {
  const Tensor labels = batch.targets.to(options_.device, /*non_blocking=*/true);
  const Tensor logits = model_(batch.inputs.to(options_.device, /*non_blocking=*/true));
  const Tensor loss = cross_entropy(logits, labels);
  // Recorded before the step, so that one evaluation computes everything.
  const Tensor correct = count_correct(logits, labels);
  if (options_.learning_rate) optimizer_.set_lr(options_.learning_rate(step_));
  step_lr_ = optimizer_.lr();
  optimizer_.zero_grad();
  loss.backward();
  if (options_.clip_grad_norm > 0)
    nn::utils::clip_grad_norm_(model_.parameters(), options_.clip_grad_norm);
  optimizer_.step();
  const double mean_loss = loss.item();
  check_finite(mean_loss, "loss", epoch_ + 1, step_ + 1);
  const auto hits = correct.item<std::int64_t>();
  const std::int64_t count = batch.targets.size(0);
  epoch_averages_.add(mean_loss, hits, count);
  line_averages_.add(mean_loss, hits, count);
  ++step_;
  if (options_.scheduler && step_ <= options_.scheduler_steps) options_.scheduler->step();
}

bool Trainer::measure_epoch() {
  bool asked_to_stop = false, complete = true;
  const Averages measured = evaluate_pass(
      model_, validation_, options_.device,
      [&](const Progress& progress) {
        const bool go_on = !options_.on_progress || options_.on_progress(progress);
        asked_to_stop = !go_on;
        complete = go_on || progress.batch == progress.batches;
        return go_on;
      },
      epoch_ + 1, options_.epochs);
  if (!complete) return false;  // measured again from its beginning when the run goes on
  const bool is_test = options_.measures == data::Split::Test;
  check_finite(measured.loss(), is_test ? "test loss" : "validation loss", epoch_ + 1, step_);
  MetricsRow row = row_of(epoch_averages_);
  (is_test ? row.test_loss : row.val_loss) = measured.loss();
  (is_test ? row.test_accuracy : row.val_accuracy) = measured.accuracy();
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
  row.train_accuracy = averages.accuracy();
  row.lr = step_lr_;
  row.seconds = epoch_seconds_;
  if (epoch_seconds_ > 0)
    row.images_per_second = static_cast<double>(epoch_averages_.count) / epoch_seconds_;
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
