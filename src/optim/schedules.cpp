// The schedules' formulas, and what they make of a rate that something else has changed: PyTorch's
// recurrences (torch/optim/lr_scheduler.py).
#include <ingot/core/error.h>
#include <ingot/optim/scheduler.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "optim/checks.h"

namespace ingot::optim {
namespace {

void check_gamma(const char* scheduler, double gamma) {
  if (!(gamma >= 0 && std::isfinite(gamma)))
    refuse(scheduler, fmt::format("gamma must be at least 0 and finite, got {}", gamma));
}

}  // namespace

StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : ChainableLR(optimizer), options_(options) {
  if (options.step_size < 1)
    refuse("StepLR", fmt::format("step_size must be at least 1, got {}", options.step_size));
  check_gamma("StepLR", options.gamma);
  StepLR::apply(0);
}

double StepLR::chained(std::int64_t epoch, double now, double) const {
  return epoch > 0 && epoch % options_.step_size == 0 ? now * options_.gamma : now;
}

double StepLR::lr_at(std::int64_t epoch, double base) const {
  return base * std::pow(options_.gamma, static_cast<double>(epoch / options_.step_size));
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, MultiStepLROptions options)
    : ChainableLR(optimizer), options_(std::move(options)) {
  const auto& list = options_.milestones;
  if (!std::is_sorted(list.begin(), list.end()) || (!list.empty() && list.front() < 0))
    refuse("MultiStepLR",
           fmt::format("milestones must ascend from 0 on, got {}", fmt::join(list, ", ")));
  check_gamma("MultiStepLR", options_.gamma);
  MultiStepLR::apply(0);
}

double MultiStepLR::chained(std::int64_t epoch, double now, double) const {
  const auto times = std::count(options_.milestones.begin(), options_.milestones.end(), epoch);
  return now * std::pow(options_.gamma, static_cast<double>(times));
}

double MultiStepLR::lr_at(std::int64_t epoch, double base) const {
  const auto passed =
      std::upper_bound(options_.milestones.begin(), options_.milestones.end(), epoch) -
      options_.milestones.begin();
  return base * std::pow(options_.gamma, static_cast<double>(passed));
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : ChainableLR(optimizer), gamma_(gamma) {
  check_gamma("ExponentialLR", gamma);
  ExponentialLR::apply(0);
}

double ExponentialLR::chained(std::int64_t epoch, double now, double) const {
  return epoch > 0 ? now * gamma_ : now;
}

double ExponentialLR::lr_at(std::int64_t epoch, double base) const {
  return base * std::pow(gamma_, static_cast<double>(epoch));
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options)
    : ChainableLR(optimizer), options_(options) {
  if (options.t_max < 1)
    refuse("CosineAnnealingLR", fmt::format("t_max must be at least 1, got {}", options.t_max));
  if (!(options.eta_min >= 0 && std::isfinite(options.eta_min)))
    refuse("CosineAnnealingLR",
           fmt::format("eta_min must be at least 0 and finite, got {}", options.eta_min));
  CosineAnnealingLR::apply(0);
}

double CosineAnnealingLR::lr_at(std::int64_t epoch, double base) const {
  if (epoch == 0) return base;  // to the last bit
  const double phase =
      std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(options_.t_max);
  return options_.eta_min + (base - options_.eta_min) * (1 + std::cos(phase)) / 2;
}

double CosineAnnealingLR::chained(std::int64_t epoch, double now, double base) const {
  if (epoch == 0) return now;
  const std::int64_t t_max = options_.t_max;
  const double low = options_.eta_min, pi = std::numbers::pi, length = static_cast<double>(t_max);
  // Behind the lowest point there is nothing left to multiply.
  if ((epoch - 1 - t_max) % (2 * t_max) == 0)
    return now + (base - low) * (1 - std::cos(pi / length)) / 2;
  const auto height = [&](std::int64_t e) {
    return 1 + std::cos(pi * static_cast<double>(e) / length);
  };
  return height(epoch) / height(epoch - 1) * (now - low) + low;
}

LinearLR::LinearLR(Optimizer& optimizer, const LinearLROptions& options)
    : ChainableLR(optimizer), options_(options) {
  if (!(options.start_factor > 0 && options.start_factor <= 1))
    refuse("LinearLR",
           fmt::format("start_factor must be above 0 and at most 1, got {}", options.start_factor));
  if (!(options.end_factor >= 0 && options.end_factor <= 1))
    refuse("LinearLR",
           fmt::format("end_factor must be at least 0 and at most 1, got {}", options.end_factor));
  if (options.total_iters < 1)
    refuse("LinearLR", fmt::format("total_iters must be at least 1, got {}", options.total_iters));
  LinearLR::apply(0);
}

double LinearLR::lr_at(std::int64_t epoch, double base) const {
  const double share = static_cast<double>(std::min(epoch, options_.total_iters)) /
                       static_cast<double>(options_.total_iters);
  return base * (options_.start_factor + (options_.end_factor - options_.start_factor) * share);
}

double LinearLR::chained(std::int64_t epoch, double now, double) const {
  if (epoch == 0) return now * options_.start_factor;
  if (epoch > options_.total_iters) return now;
  return now * (lr_at(epoch, 1) / lr_at(epoch - 1, 1));  // above 0 before the last
}

ConstantLR::ConstantLR(Optimizer& optimizer, const ConstantLROptions& options)
    : ChainableLR(optimizer), options_(options) {
  if (!(options.factor >= 0 && options.factor <= 1))
    refuse("ConstantLR",
           fmt::format("factor must be at least 0 and at most 1, got {}", options.factor));
  if (options.total_iters < 0)
    refuse("ConstantLR",
           fmt::format("total_iters must be at least 0, got {}", options.total_iters));
  ConstantLR::apply(0);
}

double ConstantLR::lr_at(std::int64_t epoch, double base) const {
  return epoch < options_.total_iters ? base * options_.factor : base;
}

double ConstantLR::chained(std::int64_t epoch, double now, double base) const {
  if (options_.total_iters == 0) return now;
  if (epoch == 0) return now * options_.factor;
  if (epoch != options_.total_iters) return now;
  return options_.factor > 0 ? now / options_.factor : base;
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t)> factor)
    : LRScheduler(optimizer), factor_(std::move(factor)) {
  if (!factor_) refuse("LambdaLR", "the function is empty");
  LambdaLR::apply(0);
}

double LambdaLR::lr_at(std::int64_t epoch, double base) const { return base * factor_(epoch); }

// -- OneCycleLR -------------------------------------------------------------------------------

namespace {

/// The last steps of the phases, as PyTorch counts them: fractions, and below 0 for a phase that is
/// left out.
std::vector<double> phase_ends(const OneCycleLROptions& o) {
  const auto total = static_cast<double>(o.total_steps), rise = o.pct_start * total;
  if (o.three_phase) return {rise - 1, 2 * rise - 2, total - 1};
  return {rise - 1, total - 1};
}

void check_cycle(const OneCycleLROptions& o) {
  constexpr const char* kName = "OneCycleLR";
  const auto check_positive = [&](const char* option, double value, double most) {
    if (!(value > 0 && value <= most))
      refuse(kName, fmt::format("{} must be above 0{}, got {}", option,
                                std::isinf(most) ? "" : " and finite", value));
  };
  constexpr double kMost = std::numeric_limits<double>::max();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (o.total_steps < 1)
    refuse(kName, fmt::format("total_steps must be at least 1, got {}", o.total_steps));
  check_positive("max_lr", o.max_lr, kMost);
  check_positive("div_factor", o.div_factor, kInfinity);
  check_positive("final_div_factor", o.final_div_factor, kInfinity);
  if (!(o.pct_start >= 0 && o.pct_start <= 1))
    refuse(kName, fmt::format("pct_start must be at least 0 and at most 1, got {}", o.pct_start));
  if (phase_ends(o).front() == 0)
    refuse(kName, fmt::format("a rise of one step (pct_start {} of {} steps) has no length; choose "
                              "another share or number of steps",
                              o.pct_start, o.total_steps));
}

}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  check_cycle(options);
  if (options.cycle_momentum) {
    for (const char* name : {"momentum", "beta1"})
      if (optimizer.option(0, name)) momentum_name_ = name;
    if (momentum_name_.empty())
      refuse("OneCycleLR",
             "the optimizer has neither momentum nor beta1; set cycle_momentum to false");
    for (const double value : {options.base_momentum, options.max_momentum})
      if (!(value >= 0 && std::isfinite(value) && (value < 1 || momentum_name_ == "momentum")))
        refuse("OneCycleLR", fmt::format("{} is no {}", value, momentum_name_));
  }
  // Other schedules that are made later, or a SequentialLR, start from the cycle's start.
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g)
    optimizer.set_initial_lr(g, options.max_lr / options.div_factor);
  OneCycleLR::apply(0);
}

/// values[i] to values[i + 1] in phase i.
double OneCycleLR::at(std::int64_t step, const double* values) const {
  const std::vector<double> ends = phase_ends(options_);
  const auto now = static_cast<double>(step);
  std::size_t phase = 0;
  while (phase + 1 < ends.size() && now > ends[phase]) ++phase;
  const double start = phase == 0 ? 0 : ends[phase - 1], length = ends[phase] - start;
  // The last phase may have no length; only the step behind the last one is in it.
  const double share = length == 0 ? 1 : (now - start) / length;
  const double from = values[phase], to = values[phase + 1];
  if (options_.anneal_strategy == OneCycleLROptions::Anneal::Linear)
    return (to - from) * share + from;
  return to + (from - to) / 2 * (std::cos(std::numbers::pi * share) + 1);
}

double OneCycleLR::lr_at(std::int64_t epoch, double) const {
  const double top = options_.max_lr, first = top / options_.div_factor,
               last = first / options_.final_div_factor;
  const double three[] = {first, top, first, last}, two[] = {first, top, last};
  return at(epoch, options_.three_phase ? three : two);
}

void OneCycleLR::check_epoch(std::int64_t epoch) const {
  if (epoch > options_.total_steps)
    refuse("OneCycleLR",
           fmt::format("step {} of a schedule of {} steps", epoch, options_.total_steps));
}

void OneCycleLR::apply(std::int64_t epoch) {
  LRScheduler::apply(epoch);
  set_momentum(epoch);
}

void OneCycleLR::enter() {
  LRScheduler::enter();
  set_momentum(0);
}

void OneCycleLR::set_momentum(std::int64_t step) {
  if (momentum_name_.empty()) return;
  const double high = options_.max_momentum, low = options_.base_momentum;
  const double values[] = {high, low, high, high};
  for (std::size_t g = 0; g < optimizer().num_groups(); ++g)
    optimizer().set_option(g, momentum_name_, at(step, values));
}

}  // namespace ingot::optim
