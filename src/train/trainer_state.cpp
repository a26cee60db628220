// What a Trainer saves, and takes up again.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>
#include <ingot/train/trainer.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "train/running.h"

namespace ingot::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExtraKey = "trainer";  // in Checkpoint::extra
constexpr std::string_view kGradient = "gradient.";
constexpr std::string_view kAverage = "average.";
constexpr const char* kGroupWeight = "group_weight";

Json to_json(const Averages& a) {
  Json json{a.loss_sum, a.correct, a.count};
  const bool weighted = a.weight != static_cast<double>(a.count);
  if (weighted || a.samples != a.count) json.push_back(a.samples);
  if (weighted) json.push_back(a.weight);
  return json;
}

Averages averages_from(const Json& json) {
  const auto count = json.at(2).get<std::int64_t>();
  return {json.at(0).get<double>(), json.at(1).get<std::int64_t>(), count,
          json.size() > 3 ? json.at(3).get<std::int64_t>() : count,
          json.size() > 4 ? json.at(4).get<double>() : static_cast<double>(count)};
}

std::vector<MetricsRow> history_from(const Json& json) {
  const Json& history = json.at("history");
  if (!history.is_array()) throw IoError("the checkpoint's record of its run has no history");
  std::vector<MetricsRow> rows;
  for (const Json& row : history)
    rows.push_back(metrics_row_from_json(row.get<std::string>(), "checkpoint"));
  return rows;
}

template <class F>
void read_record(const std::string& text, F&& read) {
  try {
    read(Json::parse(text));
  } catch (const Json::exception& e) {
    throw IoError(fmt::format("the checkpoint's record of its run is damaged: {}", e.what()));
  }
}

}  // namespace

std::vector<MetricsRow> history_in(const std::map<std::string, std::string>& extra) {
  const auto entry = extra.find(kExtraKey);
  if (entry == extra.end()) throw IoError("the checkpoint was not made by a trainer");
  std::vector<MetricsRow> rows;
  read_record(entry->second, [&](const Json& json) { rows = history_from(json); });
  return rows;
}

/// What a checkpoint says besides the states of model, optimizer and schedules.
struct Trainer::Record {
  Averages epoch_averages, line_averages;
  double epoch_seconds = 0;
  std::optional<double> step_lr;  // an older Ingot did not save it
  std::vector<MetricsRow> history;
  std::int64_t group = 0, group_count = 0;
  Tensor group_weight;  // instead of the count, where terms weigh differently
  std::vector<std::string> callbacks;
  std::vector<std::pair<std::size_t, Tensor>> gradients, averages;  // by number of the parameter
};

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
  for (const MetricsRow& row : history_) history.push_back(train::to_json(row));
  Json json{{"epoch_averages", to_json(epoch_averages_)},
            {"line_averages", to_json(line_averages_)},
            {"epoch_seconds", epoch_seconds_},
            {"step_lr", step_lr_},
            {"history", std::move(history)}};
  const nn::NamedTensors params = model_.named_parameters();
  if (group_ > 0) {
    json["group"] = group_;
    if (group_weight_.defined()) {
      if (group_weight_.is_floating_point())
        checkpoint.trainer.insert(kGroupWeight, group_weight_);
      else
        json["group_count"] = group_weight_.item<std::int64_t>();
    }
    for (const auto& [name, p] : params)
      if (const Tensor grad = p.grad(); grad.defined())
        checkpoint.trainer.insert(std::string(kGradient) + name, grad.detach());
  }
  for (std::size_t i = 0; i < average_.size(); ++i)
    if (average_[i].defined())
      checkpoint.trainer.insert(std::string(kAverage) + params[i].first, average_[i]);
  Json states = Json::array();
  bool any = false;
  for (const auto& callback : options_.callbacks) {
    states.push_back(callback->state());
    any |= !states.back().get_ref<const std::string&>().empty();
  }
  if (any) json["callbacks"] = std::move(states);
  checkpoint.extra[kExtraKey] = json.dump();
  return checkpoint;
}

/// The tensors that are the trainer's own. Throws ValueError when they do not fit the parameters.
void Trainer::read_own_state(const StateDict& state, Record& record) const {
  const nn::NamedTensors params = model_.named_parameters();
  const auto place = [&](std::string_view name, const Tensor& t) {
    for (std::size_t i = 0; i < params.size(); ++i)
      if (params[i].first == name) {
        if (params[i].second.shape() != t.shape())
          throw ValueError(fmt::format("the checkpoint's gradient or average of {} is {}, not {}",
                                       name, t.shape().str(), params[i].second.shape().str()));
        return i;
      }
    throw ValueError(
        fmt::format("the checkpoint has a gradient or average of '{}', which is no "
                    "parameter of the model",
                    name));
  };
  for (const auto& [key, t] : state) {
    const std::string_view text = key;
    if (text.starts_with(kGradient))
      record.gradients.emplace_back(place(text.substr(kGradient.size()), t), t);
    else if (text.starts_with(kAverage))
      record.averages.emplace_back(place(text.substr(kAverage.size()), t), t);
    else if (text == kGroupWeight && t.dim() == 0 && t.is_floating_point())
      record.group_weight = t;
    else
      throw ValueError(fmt::format("the checkpoint's 'trainer.{}' is not known", key));
  }
  if (record.group > 0 && record.gradients.empty())
    throw ValueError("the checkpoint stands inside a step, but has no gradients");
  if (!record.averages.empty() && options_.ema_decay == 0)
    throw ValueError(
        "the checkpoint has averages of the parameters, which a trainer without ema_decay would "
        "lose");
}

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
  read_record(entry->second, [&](const Json& json) {
    record.epoch_averages = averages_from(json.at("epoch_averages"));
    record.line_averages = averages_from(json.at("line_averages"));
    record.epoch_seconds = json.at("epoch_seconds").get<double>();
    if (json.contains("step_lr")) record.step_lr = json["step_lr"].get<double>();
    if (json.contains("group")) record.group = json["group"].get<std::int64_t>();
    if (json.contains("group_count")) record.group_count = json["group_count"].get<std::int64_t>();
    record.history = history_from(json);
    if (json.contains("callbacks"))
      record.callbacks = json["callbacks"].get<std::vector<std::string>>();
  });
  if (record.group < 0 || (record.group > 0 && record.group >= options_.accumulate))
    throw ValueError(
        fmt::format("the checkpoint stands inside a step, after {} batches; the trainer makes a "
                    "step of {}",
                    record.group, options_.accumulate));
  if (!record.callbacks.empty() && record.callbacks.size() != options_.callbacks.size())
    throw ValueError(fmt::format("the checkpoint has the state of {} callbacks, the trainer has {}",
                                 record.callbacks.size(), options_.callbacks.size()));
  if (options_.early_stopping) best_row(record.history, options_.monitor);  // it can be told
  read_own_state(checkpoint.trainer, record);
  return record;
}

void Trainer::load_measured(const Checkpoint& checkpoint) {
  StateDict weights = checkpoint.model;
  for (const auto& [key, t] : checkpoint.trainer)
    if (key.starts_with(kAverage)) weights.insert_or_assign(key.substr(kAverage.size()), t);
  model_.load_state_dict(weights);
  const std::vector<Tensor> params = model_.parameters();
  const NoGradGuard no_grad;
  for (std::size_t i = 0; i < average_.size(); ++i)
    if (average_[i].defined()) average_[i] = params[i].detach().clone();
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
  take_own_state(record);
  for (std::size_t i = 0; i < record.callbacks.size(); ++i)
    options_.callbacks[i]->set_state(record.callbacks[i]);
}

void Trainer::take_own_state(const Record& record) {
  const NoGradGuard no_grad;
  const std::vector<Tensor> params = model_.parameters();
  const auto there = [&](std::size_t i, const Tensor& t) {
    return t.detach().to(params[i].device()).to(params[i].dtype());
  };
  group_ = record.group;
  group_weight_ = {};
  if (group_ > 0) {
    for (Tensor p : params) p.set_grad({});
    group_weight_ =
        record.group_weight.defined()
            ? record.group_weight.detach().to(options_.device)
            : full({}, record.group_count, {.dtype = DType::Int64, .device = options_.device});
    for (const auto& [i, t] : record.gradients) {
      Tensor p = params[i];
      p.set_grad(there(i, t));
    }
  }
  average_.clear();
  if (!record.averages.empty()) average_.resize(params.size());
  for (const auto& [i, t] : record.averages) average_[i] = there(i, t);
}

}  // namespace ingot::train
