#include <ingot/core/error.h>
#include <ingot/optim/scheduler.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace ingot::optim {
namespace {

std::vector<double> lrs_of(const Optimizer& optimizer) {
  std::vector<double> list;
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) list.push_back(optimizer.lr(g));
  return list;
}

Tensor number(std::int64_t value) { return from_vector<std::int64_t>({value}, Shape{}); }
Tensor number(double value) { return from_vector<double>({value}, Shape{}); }

/// The learning rates under `key`, one for each group.
std::vector<double> rates_of(const StateDict& dict, const char* key, const Optimizer& optimizer) {
  auto rates = dict.at(key).to_vector<double>();
  if (rates.size() != optimizer.num_groups())
    throw ValueError(
        fmt::format("scheduler: the state is of {} parameter groups, the optimizer has {}",
                    rates.size(), optimizer.num_groups()));
  return rates;
}

[[noreturn]] void fail(const char* scheduler, const std::string& cause) {
  throw ValueError(fmt::format("{}: {}", scheduler, cause));
}

}  // namespace

// -- What all have ----------------------------------------------------------------------------

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) base_.push_back(optimizer.initial_lr(g));
}

std::vector<double> LRScheduler::last_lr() const { return lrs_of(optimizer_); }

void LRScheduler::apply(std::int64_t epoch) {
  for (std::size_t g = 0; g < base_.size(); ++g) optimizer_.set_group_lr(g, lr_at(epoch, base_[g]));
}

void LRScheduler::step() {
  apply(epoch_ + 1);
  ++epoch_;
}

StateDict LRScheduler::state_dict() const {
  return {{"epoch", number(epoch_)}, {"base_lrs", from_vector<double>(base_)}};
}

void LRScheduler::take_state(const StateDict& dict) {
  const auto base = rates_of(dict, "base_lrs", optimizer_);
  epoch_ = dict.at("epoch").item<std::int64_t>();
  base_ = base;
}

void LRScheduler::load_state_dict(const StateDict& dict) {
  take_state(dict);
  apply(epoch_);
}

// -- Formulas ---------------------------------------------------------------------------------

StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (options.step_size < 1)
    fail("StepLR", fmt::format("step_size must be at least 1, got {}", options.step_size));
}

double StepLR::lr_at(std::int64_t epoch, double base) const {
  return base * std::pow(options_.gamma, static_cast<double>(epoch / options_.step_size));
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, MultiStepLROptions options)
    : LRScheduler(optimizer), options_(std::move(options)) {
  if (!std::is_sorted(options_.milestones.begin(), options_.milestones.end()))
    fail("MultiStepLR",
         fmt::format("milestones must ascend, got {}", fmt::join(options_.milestones, ", ")));
}

double MultiStepLR::lr_at(std::int64_t epoch, double base) const {
  const auto passed =
      std::upper_bound(options_.milestones.begin(), options_.milestones.end(), epoch) -
      options_.milestones.begin();
  return base * std::pow(options_.gamma, static_cast<double>(passed));
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : LRScheduler(optimizer), gamma_(gamma) {}

double ExponentialLR::lr_at(std::int64_t epoch, double base) const {
  return base * std::pow(gamma_, static_cast<double>(epoch));
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (options.t_max < 1)
    fail("CosineAnnealingLR", fmt::format("t_max must be at least 1, got {}", options.t_max));
}

double CosineAnnealingLR::lr_at(std::int64_t epoch, double base) const {
  const double phase =
      std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(options_.t_max);
  return options_.eta_min + (base - options_.eta_min) * (1 + std::cos(phase)) / 2;
}

LinearLR::LinearLR(Optimizer& optimizer, const LinearLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (!(options.start_factor > 0 && options.start_factor <= 1))
    fail("LinearLR",
         fmt::format("start_factor must be above 0 and at most 1, got {}", options.start_factor));
  if (!(options.end_factor >= 0 && options.end_factor <= 1))
    fail("LinearLR",
         fmt::format("end_factor must be at least 0 and at most 1, got {}", options.end_factor));
  if (options.total_iters < 1)
    fail("LinearLR", fmt::format("total_iters must be at least 1, got {}", options.total_iters));
  LinearLR::apply(0);
}

double LinearLR::lr_at(std::int64_t epoch, double base) const {
  const double share = static_cast<double>(std::min(epoch, options_.total_iters)) /
                       static_cast<double>(options_.total_iters);
  return base * (options_.start_factor + (options_.end_factor - options_.start_factor) * share);
}

ConstantLR::ConstantLR(Optimizer& optimizer, const ConstantLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (!(options.factor >= 0 && options.factor <= 1))
    fail("ConstantLR",
         fmt::format("factor must be at least 0 and at most 1, got {}", options.factor));
  ConstantLR::apply(0);
}

double ConstantLR::lr_at(std::int64_t epoch, double base) const {
  return epoch < options_.total_iters ? base * options_.factor : base;
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t)> factor)
    : LRScheduler(optimizer), factor_(std::move(factor)) {
  if (!factor_) fail("LambdaLR", "the function is empty");
  LambdaLR::apply(0);
}

double LambdaLR::lr_at(std::int64_t epoch, double base) const { return base * factor_(epoch); }

// -- OneCycleLR -------------------------------------------------------------------------------

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (options.total_steps < 1)
    fail("OneCycleLR", fmt::format("total_steps must be at least 1, got {}", options.total_steps));
  if (!(options.pct_start >= 0 && options.pct_start <= 1))
    fail("OneCycleLR",
         fmt::format("pct_start must be at least 0 and at most 1, got {}", options.pct_start));
  if (options.cycle_momentum) {
    for (const char* name : {"momentum", "beta1"})
      if (optimizer.option(0, name)) momentum_name_ = name;
    if (momentum_name_.empty())
      fail("OneCycleLR",
           "the optimizer has neither momentum nor beta1; set cycle_momentum to "
           "false");
  }
  OneCycleLR::apply(0);
}

/// values[i] to values[i + 1] in phase i.
double OneCycleLR::at(std::int64_t step, const double* values) const {
  const auto total = static_cast<double>(options_.total_steps), rise = options_.pct_start * total;
  const std::vector<double> ends = options_.three_phase
                                       ? std::vector<double>{rise - 1, 2 * rise - 2, total - 1}
                                       : std::vector<double>{rise - 1, total - 1};
  const auto now = static_cast<double>(step);
  std::size_t phase = 0;
  while (phase + 1 < ends.size() && now > ends[phase]) ++phase;
  const double start = phase == 0 ? 0 : ends[phase - 1];
  const double share = (now - start) / (ends[phase] - start);
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

void OneCycleLR::apply(std::int64_t epoch) {
  if (epoch > options_.total_steps)
    fail("OneCycleLR",
         fmt::format("step {} of a schedule of {} steps", epoch, options_.total_steps));
  LRScheduler::apply(epoch);
  if (momentum_name_.empty()) return;
  const double high = options_.max_momentum, low = options_.base_momentum;
  const double values[] = {high, low, high, high};
  for (std::size_t g = 0; g < optimizer().num_groups(); ++g)
    optimizer().set_option(g, momentum_name_, at(epoch, values));
}

// -- SequentialLR -----------------------------------------------------------------------------

SequentialLR::SequentialLR(Optimizer& optimizer,
                           std::vector<std::unique_ptr<LRScheduler>> schedulers,
                           std::vector<std::int64_t> milestones)
    : LRScheduler(optimizer), parts_(std::move(schedulers)), milestones_(std::move(milestones)) {
  if (parts_.empty() || milestones_.size() + 1 != parts_.size())
    fail("SequentialLR", fmt::format("{} schedulers need {} milestones, got {}", parts_.size(),
                                     parts_.empty() ? 0 : parts_.size() - 1, milestones_.size()));
  for (std::size_t i = 0; i < milestones_.size(); ++i)
    if (milestones_[i] < 1 || (i > 0 && milestones_[i] <= milestones_[i - 1]))
      fail("SequentialLR",
           fmt::format("milestones must ascend from 1 on, got {}", fmt::join(milestones_, ", ")));
  for (const auto& part : parts_)
    if (!part || &part->optimizer_ != &optimizer)
      fail("SequentialLR", "every scheduler must be of the same optimizer");
  SequentialLR::apply(0);
}

void SequentialLR::apply(std::int64_t epoch) {
  const auto next = std::upper_bound(milestones_.begin(), milestones_.end(), epoch);
  const auto i = static_cast<std::size_t>(next - milestones_.begin());
  parts_[i]->epoch_ = epoch - (i == 0 ? 0 : milestones_[i - 1]);
  parts_[i]->apply(parts_[i]->epoch_);
}

double SequentialLR::lr_at(std::int64_t, double base) const { return base; }  // its parts know

StateDict SequentialLR::state_dict() const {
  StateDict dict = LRScheduler::state_dict();
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (const auto& [key, value] : parts_[i]->state_dict())
      dict.insert(fmt::format("schedulers.{}.{}", i, key), value);
  return dict;
}

void SequentialLR::take_state(const StateDict& dict) {
  for (std::size_t i = 0; i < parts_.size(); ++i)
    parts_[i]->take_state(dict.with_prefix_removed(fmt::format("schedulers.{}.", i)));
  LRScheduler::take_state(dict);
}

// -- ReduceLROnPlateau ------------------------------------------------------------------------

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options)
    : optimizer_(optimizer), options_(options) {
  if (!(options.factor < 1))
    fail("ReduceLROnPlateau", fmt::format("factor must be below 1, got {}", options.factor));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  best_ = options.mode == ReduceLROnPlateauOptions::Mode::Min ? kInfinity : -kInfinity;
}

std::vector<double> ReduceLROnPlateau::last_lr() const { return lrs_of(optimizer_); }

bool ReduceLROnPlateau::is_better(double metric) const {
  const bool relative = options_.threshold_mode == ReduceLROnPlateauOptions::Threshold::Rel;
  const double t = options_.threshold;
  if (options_.mode == ReduceLROnPlateauOptions::Mode::Min)
    return metric < (relative ? best_ * (1 - t) : best_ - t);
  return metric > (relative ? best_ * (t + 1) : best_ + t);
}

void ReduceLROnPlateau::step(double metric) {
  if (is_better(metric)) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    num_bad_epochs_ = 0;
  }
  if (num_bad_epochs_ <= options_.patience) return;
  for (std::size_t g = 0; g < optimizer_.num_groups(); ++g) {
    const double old = optimizer_.lr(g), reduced = std::max(old * options_.factor, options_.min_lr);
    if (old - reduced > options_.eps) optimizer_.set_group_lr(g, reduced);
  }
  cooldown_counter_ = options_.cooldown;
  num_bad_epochs_ = 0;
}

StateDict ReduceLROnPlateau::state_dict() const {
  return {{"best", number(best_)},
          {"num_bad_epochs", number(num_bad_epochs_)},
          {"cooldown_counter", number(cooldown_counter_)},
          {"lrs", from_vector<double>(last_lr())}};
}

void ReduceLROnPlateau::load_state_dict(const StateDict& dict) {
  const auto rates = rates_of(dict, "lrs", optimizer_);
  const auto best = dict.at("best").item<double>();
  const auto bad = dict.at("num_bad_epochs").item<std::int64_t>();
  cooldown_counter_ = dict.at("cooldown_counter").item<std::int64_t>();
  best_ = best;
  num_bad_epochs_ = bad;
  for (std::size_t g = 0; g < rates.size(); ++g) optimizer_.set_group_lr(g, rates[g]);
}

}  // namespace ingot::optim
