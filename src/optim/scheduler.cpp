#include <ingot/core/error.h>
#include <ingot/optim/scheduler.h>

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace ingot::optim {

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer), base_(last_lr()) {}

std::vector<double> LRScheduler::last_lr() const {
  std::vector<double> list;
  for (std::size_t g = 0; g < optimizer_.num_groups(); ++g) list.push_back(optimizer_.lr(g));
  return list;
}

void LRScheduler::apply() {
  for (std::size_t g = 0; g < base_.size(); ++g)
    optimizer_.set_group_lr(g, lr_at(epoch_, base_[g]));
}

void LRScheduler::step() {
  ++epoch_;
  apply();
}

StateDict LRScheduler::state_dict() const {
  return {{"epoch", from_vector<std::int64_t>({epoch_}, Shape{})},
          {"base_lrs", from_vector<double>(base_)}};
}

void LRScheduler::load_state_dict(const StateDict& dict) {
  const auto base = dict.at("base_lrs").to_vector<double>();
  const auto epoch = dict.at("epoch").item<std::int64_t>();
  if (base.size() != optimizer_.num_groups())
    throw ValueError(
        fmt::format("scheduler: the state is of {} parameter groups, the optimizer has {}",
                    base.size(), optimizer_.num_groups()));
  base_ = base;
  epoch_ = epoch;
  apply();
}

StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (options.step_size < 1)
    throw ValueError(
        fmt::format("StepLR: step_size must be at least 1, got {}", options.step_size));
}

double StepLR::lr_at(std::int64_t epoch, double base) const {
  return base * std::pow(options_.gamma, static_cast<double>(epoch / options_.step_size));
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  if (options.t_max < 1)
    throw ValueError(
        fmt::format("CosineAnnealingLR: t_max must be at least 1, got {}", options.t_max));
}

double CosineAnnealingLR::lr_at(std::int64_t epoch, double base) const {
  const double phase =
      std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(options_.t_max);
  return options_.eta_min + (base - options_.eta_min) * (1 + std::cos(phase)) / 2;
}

}  // namespace ingot::optim
