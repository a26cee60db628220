#include <ingot/train/trainer.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

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

/// Puts the model into a mode and back into the one it was in.
class ModeScope {
 public:
  ModeScope(nn::Module& model, bool training) : model_(model), before_(model.is_training()) {
    model_.train(training);
  }
  ~ModeScope() { model_.train(before_); }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  nn::Module& model_;
  bool before_;
};

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
  const NoGradGuard no_grad;
  const ModeScope mode(model, false);
  Averages averages;
  std::int64_t batch = 0;
  data.set_position({0, 0});
  Pass pass(false, epoch, epochs, 0, data.size());
  for (const auto& [inputs, targets] : data) {
    const Tensor labels = targets.to(device);
    const Tensor logits = model(inputs.to(device));
    const Tensor loss = cross_entropy(logits, labels);
    const Tensor correct = count_correct(logits, labels);
    const std::int64_t count = targets.size(0);
    averages.add(loss.item(), correct.item<std::int64_t>(), count);
    if (on_progress && !on_progress(pass.after(++batch, averages, count))) break;
  }
  return averages;
}

}  // namespace

Averages evaluate(nn::Module& model, data::DataLoader& data, Device device,
                  const OnProgress& on_progress) {
  return evaluate_pass(model, data, device, on_progress, 1, 1);
}

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& train,
                 data::DataLoader& test, TrainerOptions options)
    : model_(model),
      optimizer_(optimizer),
      train_(train),
      test_(test),
      options_(std::move(options)) {
  if (options_.epochs < 0)
    throw ValueError(fmt::format("trainer: epochs must not be negative, got {}", options_.epochs));
}

bool Trainer::run() {
  const auto done = [&] { return epoch_ >= options_.epochs || stopped_early(); };
  while (!done())
    if (!train_epoch() || !test_epoch()) return done();
  return true;
}

bool Trainer::stopped_early() const {
  return options_.early_stopping && epoch_ > 0 &&
         epoch_ - best_epoch(history_, options_.monitor) >= *options_.early_stopping;
}

bool Trainer::train_epoch() {
  const std::int64_t batches = train_.size();
  if (batch_ == batches) return true;  // stopped during the test
  const ModeScope mode(model_, true);
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
  batch_ = batches;
  return true;
}

void Trainer::train_batch(const data::Batch& batch) {
  const Tensor labels = batch.targets.to(options_.device);
  const Tensor logits = model_(batch.inputs.to(options_.device));
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

bool Trainer::test_epoch() {
  bool asked_to_stop = false, complete = true;
  const Averages test = evaluate_pass(
      model_, test_, options_.device,
      [&](const Progress& progress) {
        const bool go_on = !options_.on_progress || options_.on_progress(progress);
        asked_to_stop = !go_on;
        complete = go_on || progress.batch == progress.batches;
        return go_on;
      },
      epoch_ + 1, options_.epochs);
  if (!complete) return false;  // tested again from its beginning when the run goes on
  check_finite(test.loss(), "test loss", epoch_ + 1, step_);
  MetricsRow row = row_of(epoch_averages_);
  row.test_loss = test.loss();
  row.test_accuracy = test.accuracy();
  ++epoch_;
  batch_ = 0;
  epoch_averages_ = line_averages_ = {};
  epoch_seconds_ = 0;
  const double monitored = options_.monitor.of(row);
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
  if (options_.plateau) checkpoint.scheduler = options_.plateau->state_dict();
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

void Trainer::restore(const Checkpoint& checkpoint) {
  const auto entry = checkpoint.extra.find(kExtraKey);
  if (entry == checkpoint.extra.end())
    throw ValueError("the checkpoint was not made by this trainer: it has no averages");
  if (checkpoint.position.batch > train_.size())
    throw ValueError(fmt::format(
        "the checkpoint stands at batch {}, but an epoch of these data has only {} batches",
        checkpoint.position.batch, train_.size()));
  Averages epoch_averages, line_averages;
  double epoch_seconds = 0;
  std::optional<double> step_lr;  // an older Ingot did not save it
  std::vector<MetricsRow> history;
  try {
    const Json json = Json::parse(entry->second);
    epoch_averages = averages_from(json.at("epoch_averages"));
    line_averages = averages_from(json.at("line_averages"));
    epoch_seconds = json.at("epoch_seconds").get<double>();
    if (json.contains("step_lr")) step_lr = json["step_lr"].get<double>();
    for (const Json& row : json.at("history"))
      history.push_back(metrics_row_from_json(row.get<std::string>(), "checkpoint"));
  } catch (const Json::exception& e) {
    throw IoError(fmt::format("the checkpoint's record of its run is damaged: {}", e.what()));
  }
  model_.load_state_dict(checkpoint.model);
  optimizer_.load_state_dict(checkpoint.optimizer);
  if (options_.scheduler) options_.scheduler->load_state_dict(checkpoint.scheduler);
  if (options_.plateau) options_.plateau->load_state_dict(checkpoint.scheduler);
  default_generator().set_state(checkpoint.random);
  epoch_ = static_cast<std::int64_t>(checkpoint.position.epoch);
  batch_ = checkpoint.position.batch;
  step_ = checkpoint.step;
  epoch_averages_ = epoch_averages;
  line_averages_ = line_averages;
  epoch_seconds_ = epoch_seconds;
  step_lr_ = step_lr.value_or(optimizer_.lr());
  history_ = std::move(history);
}

}  // namespace ingot::train
