#include "glue/optimization.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>
#include <ingot/nn/norm.h>
#include <ingot/optim/adagrad.h>
#include <ingot/optim/adam.h>
#include <ingot/optim/rmsprop.h>
#include <ingot/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/printable.h"

namespace ingot::glue {
namespace {

using Options = std::map<std::string, double>;

/// A schedule: the options it takes, with their defaults (NaN: worked out), and its factor.
struct Schedule {
  const char* name;
  Options options;
  double (*factor)(double step, double warmup, double total, const Options& options);
};

double share(double step, double warmup, double total) {
  return (step - warmup) / std::max(1.0, total - warmup);
}
double cosine(double turns) { return 0.5 * (1 + std::cos(std::numbers::pi * turns)); }

double linear(double step, double warmup, double total, const Options&) {
  return std::max(0.0, (total - step) / std::max(1.0, total - warmup));
}
double cosine_once(double step, double warmup, double total, const Options& o) {
  return std::max(0.0, cosine(2 * o.at("num_cycles") * share(step, warmup, total)));
}
double cosine_again(double step, double warmup, double total, const Options& o) {
  const double p = share(step, warmup, total);
  return p >= 1 ? 0 : std::max(0.0, cosine(std::fmod(o.at("num_cycles") * p, 1.0)));
}
double cosine_to_least(double step, double warmup, double total, const Options& o) {
  const double least = o.at("min_lr_rate");
  return std::max(0.0, cosine_once(step, warmup, total, o) * (1 - least) + least);
}
double polynomial(double step, double warmup, double total, const Options& o) {
  const double end = o.at("lr_end") / o.at("lr");
  if (step > total) return end;
  const double left = 1 - share(step, warmup, total);
  return (1 - end) * std::pow(left, o.at("power")) + end;
}
double constant(double, double, double, const Options&) { return 1; }
double inverse_root(double step, double warmup, double, const Options& o) {
  double scale = o.at("timescale");
  if (std::isnan(scale)) scale = warmup > 0 ? warmup : 10'000;
  return 1 / std::sqrt((step + scale - warmup) / scale);
}
double stable_decay(double step, double warmup, double total, const Options& o) {
  const double decay = o.at("num_decay_steps"), least = o.at("min_lr_ratio");
  double stable = o.at("num_stable_steps");
  if (std::isnan(stable)) stable = total - warmup - decay;
  if (step < warmup + stable) return 1;
  if (step >= warmup + stable + decay) return least;
  const double p = (step - warmup - stable) / std::max(1.0, decay);
  return std::max(0.0, cosine(2 * o.at("num_cycles") * p) * (1 - least) + least);
}

const std::vector<Schedule>& table() {
  const double open = std::nan("");
  static const std::vector<Schedule> schedules = {
      {"linear", {}, linear},
      {"cosine", {{"num_cycles", 0.5}}, cosine_once},
      {"cosine_with_restarts", {{"num_cycles", 1}}, cosine_again},
      {"polynomial", {{"lr_end", 1e-7}, {"power", 1}}, polynomial},
      {"constant", {}, constant},
      {"constant_with_warmup", {}, constant},
      {"inverse_sqrt", {{"timescale", open}}, inverse_root},
      {"reduce_lr_on_plateau",
       {{"factor", 0.1},
        {"patience", 10},
        {"threshold", 1e-4},
        {"cooldown", 0},
        {"min_lr", 0},
        {"eps", 1e-8}},
       constant},
      {"cosine_with_min_lr",
       {{"num_cycles", 0.5}, {"min_lr", open}, {"min_lr_rate", open}},
       cosine_to_least},
      {"warmup_stable_decay",
       {{"num_decay_steps", open},
        {"num_stable_steps", open},
        {"min_lr_ratio", 0},
        {"num_cycles", 0.5}},
       stable_decay},
  };
  return schedules;
}

/// The schedule's options with what lr_scheduler_kwargs says.
Options options_of(const Schedule& schedule, const TrainingArguments& a) {
  const auto fail = [](const std::string& cause) {
    throw ValueError("--lr_scheduler_kwargs: " + cause);
  };
  Options out = schedule.options;
  std::vector<std::string> names;
  for (const auto& [name, value] : out) names.push_back(name);
  nlohmann::json given;
  try {
    given = nlohmann::json::parse(a.lr_scheduler_kwargs);
  } catch (const nlohmann::json::exception&) {
  }
  if (!given.is_object())
    fail(fmt::format("'{}' is no JSON object", printable(a.lr_scheduler_kwargs)));
  for (const auto& [name, value] : given.items()) {
    if (!out.contains(name))
      fail(fmt::format("{} has no '{}'; there are: {}{}", schedule.name, printable(name),
                       fmt::join(names, ", "), suggestion(name, names)));
    if (!value.is_number()) fail(fmt::format("{} is no number", name));
    out[name] = value.get<double>();
  }
  if (schedule.factor == cosine_to_least) {
    const double least = out["min_lr"], rate = out["min_lr_rate"];
    if (std::isnan(least) == std::isnan(rate))
      fail("cosine_with_min_lr needs one of min_lr and min_lr_rate");
    if (std::isnan(rate)) out["min_lr_rate"] = least / a.learning_rate;
  }
  if (schedule.factor == stable_decay && std::isnan(out["num_decay_steps"]))
    fail("warmup_stable_decay needs num_decay_steps");
  if (schedule.factor == polynomial) {
    if (out["lr_end"] >= a.learning_rate)
      fail(fmt::format("lr_end {} must be below the learning rate", out["lr_end"]));
    out["lr"] = a.learning_rate;
  }
  return out;
}

const Schedule& schedule_of(const TrainingArguments& a) {
  const auto at = std::ranges::find_if(
      table(), [&](const Schedule& s) { return a.lr_scheduler_type == s.name; });
  if (at == table().end())
    throw ValueError(fmt::format("--lr_scheduler_type '{}' is unknown; there are: {}",
                                 printable(a.lr_scheduler_type), fmt::join(schedules(), ", ")));
  return *at;
}

template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> grouped(std::vector<Tensor> decayed, std::vector<Tensor> others,
                                          Options options, double weight_decay) {
  options.weight_decay = weight_decay;
  auto out = std::make_unique<Optimizer>(std::move(decayed), options);
  options.weight_decay = 0;
  out->add_param_group(std::move(others), options);
  return out;
}

}  // namespace

std::vector<std::string> schedules() {
  std::vector<std::string> names;
  for (const Schedule& schedule : table()) names.emplace_back(schedule.name);
  return names;
}

std::vector<std::string> optimizers() {
  return {"adamw_torch_fused", "adamw_torch", "adamw_hf", "sgd", "adagrad", "rmsprop"};
}

bool is_spared(const nn::Module& owner, const std::string& name) {
  if (dynamic_cast<const nn::LayerNorm*>(&owner) != nullptr) return true;
  const std::string lower = "." + lower_case(name) + ".";
  for (const char* word : {"bias", "layernorm", "rmsnorm", ".norm.", "_norm."})
    if (lower.find(word) != std::string::npos) return true;
  return false;
}

std::unique_ptr<optim::Optimizer> make_optimizer(nn::Module& model, const TrainingArguments& a) {
  std::vector<Tensor> decayed, others;
  for (auto& [name, parameter] : model.named_parameters()) {
    const std::size_t dot = name.rfind('.');
    nn::Module& owner = dot == std::string::npos ? model : model.get_submodule(name.substr(0, dot));
    (is_spared(owner, name) ? others : decayed).push_back(parameter);
  }
  const double lr = a.learning_rate;
  if (a.optim == "sgd")
    return grouped<optim::SGD>(decayed, others, optim::SGDOptions{.lr = lr}, a.weight_decay);
  if (a.optim == "adagrad")
    return grouped<optim::Adagrad>(decayed, others, optim::AdagradOptions{.lr = lr},
                                   a.weight_decay);
  if (a.optim == "rmsprop")
    return grouped<optim::RMSprop>(decayed, others, optim::RMSpropOptions{.lr = lr},
                                   a.weight_decay);
  return grouped<optim::AdamW>(
      decayed, others,
      optim::AdamWOptions{.lr = lr, .betas = {a.adam_beta1, a.adam_beta2}, .eps = a.adam_epsilon},
      a.weight_decay);
}

std::map<std::string, double> schedule_options(const TrainingArguments& a) {
  return options_of(schedule_of(a), a);
}

std::int64_t warmup_steps(const TrainingArguments& a, std::int64_t total) {
  const bool is_share = a.warmup_steps == 0 || a.warmup_steps < 1;
  const double ratio = a.warmup_steps == 0 ? a.warmup_ratio : a.warmup_steps;
  return static_cast<std::int64_t>(is_share ? std::ceil(ratio * static_cast<double>(total))
                                            : a.warmup_steps);
}

std::function<double(std::int64_t)> make_schedule(const TrainingArguments& a, std::int64_t total) {
  const Schedule& schedule = schedule_of(a);
  const bool warms_up = a.lr_scheduler_type != "constant" &&
                        schedule.name != std::string_view("reduce_lr_on_plateau");
  const auto warmup = static_cast<double>(warms_up ? warmup_steps(a, total) : 0);
  return [options = options_of(schedule, a), factor = schedule.factor, warmup,
          steps = static_cast<double>(total)](std::int64_t number) {
    const auto step = static_cast<double>(number);
    return step < warmup ? step / std::max(1.0, warmup) : factor(step, warmup, steps, options);
  };
}

}  // namespace ingot::glue
