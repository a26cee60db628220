#include "cli/train_options.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <string_view>

#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

template <class T>
Json value_of(const T& value) {
  return value;
}
template <class T>
Json value_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <class T>
void assign(T& target, const Json& json) {
  target = json.get<T>();
}
template <class T>
void assign(std::optional<T>& target, const Json& json) {
  target = json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

std::string shown(const Json& json) {
  if (json.is_null()) return "the default";
  if (!json.is_string()) return json.dump();
  return json.get<std::string>().empty() ? "none" : json.get<std::string>();
}

/// A run of an older Ingot has its weights' path as it was given.
bool same_file(std::string_view option, const Json& now, const Json& saved) {
  return option == "--weights" && now.is_string() && saved.is_string() &&
         !now.get<std::string>().empty() && !saved.get<std::string>().empty() &&
         resolved(now.get<std::string>()) == resolved(saved.get<std::string>());
}

/// Calls f(option, value, fixed): `fixed` ones decide the weights a run arrives at.
template <class Options, class F>
void for_each(Options& o, F&& f) {
  f("--model", o.model, true);
  f("--data", o.data, false);  // the folder may have moved
  f("--val-split", o.data_options.val_split, true);
  f("--skip-damaged", o.data_options.skip_damaged, true);
  f("--device", o.device, false);
  f("--epochs", o.epochs, false);
  f("--batch-size", o.batch_size, true);
  f("--optimizer", o.optimizer, true);
  f("--lr", o.lr, false);
  f("--lr-decay", o.lr_decay, false);
  f("--momentum", o.momentum, true);
  f("--weight-decay", o.weight_decay, true);
  f("--clip-grad-norm", o.clip_grad_norm, true);
  f("--scheduler", o.scheduler, true);
  f("--scheduler-epochs", o.scheduler_epochs, true);
  f("--warmup-epochs", o.warmup_epochs, true);
  f("--lr-step", o.lr_step, true);
  f("--lr-patience", o.lr_patience, true);
  f("--lr-milestones", o.lr_milestones, true);
  f("--lr-gamma", o.lr_gamma, true);
  f("--lr-min", o.lr_min, true);
  f("--weights", o.weights, true);
  f("--keep-best", o.keep_best, true);  // earlier epochs' weights are gone
  f("--early-stopping", o.early_stopping, false);
  f("--monitor", o.monitor, true);
  f("--split", o.split, true);
  f("--tensorboard", o.tensorboard, false);
  f("--limit", o.limit, true);
  f("--image-size", o.image_size, true);
  f("--workers", o.workers, false);
  f("--seed", o.seed, true);
}

}  // namespace

double TrainOptions::learning_rate(std::int64_t step) const {
  const double start = lr.value_or(optimizer == "sgd" || optimizer == "adagrad" ? 0.02 : 2e-3);
  if (lr_decay == 0 || !scheduler.empty()) return start;
  return start / (1 + static_cast<double>(step) / static_cast<double>(lr_decay));
}

TrainOptions with_full_paths(TrainOptions options) {
  if (const auto colon = options.data.find(':'); colon != std::string::npos)
    options.data =
        options.data.substr(0, colon + 1) + resolved(options.data.substr(colon + 1)).string();
  if (!options.weights.empty()) options.weights = resolved(options.weights).string();
  if (!options.tensorboard.empty() && options.tensorboard != "-")
    options.tensorboard = resolved(options.tensorboard).string();
  return options;
}

std::string to_json(const TrainOptions& options) {
  Json json;
  for_each(options, [&](const char* option, const auto& value, bool) {
    json[option + 2] = value_of(value);
  });
  return json.dump();
}

std::vector<std::string> take_over(TrainOptions& options, const std::string& text,
                                   const CLI::App& command, const std::string& file) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    throw IoError(fmt::format("{}: the run's options are damaged: they are no JSON object", file));
  Json usual;
  TrainOptions defaults;
  for_each(defaults, [&](const char* option, const auto& value, bool) {
    usual[option + 2] = value_of(value);
  });
  if (json.contains("epochs") && json["epochs"].is_number_integer())
    options.epochs_before = json["epochs"].get<std::int64_t>();
  for_each(options, [&](const char* option, auto& value, bool fixed) {
    auto found = json.find(option + 2);
    const bool needed =
        std::string_view(option) == "--model" || std::string_view(option) == "--data";
    if (found == json.end() && needed)
      throw IoError(fmt::format("{}: the run's options are damaged: {} is missing", file, option));
    if (found == json.end()) found = usual.find(option + 2);
    const bool given = command.count(option) > 0;
    if (given && fixed && value_of(value) != *found && !same_file(option, value_of(value), *found))
      throw UsageError(fmt::format("{} {} cannot be changed by --resume: the run has {}", option,
                                   shown(value_of(value)), shown(*found)));
    if (given) return;
    try {
      assign(value, *found);
    } catch (const Json::exception&) {
      throw IoError(
          fmt::format("{}: the run's options are damaged: {} is {}", file, option, found->dump()));
    }
  });
  std::vector<std::string> unknown;
  for (const auto& [name, value] : json.items())
    if (!usual.contains(name)) unknown.push_back("--" + name);
  return unknown;
}

}  // namespace ingot::cli
