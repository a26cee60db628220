#include <ingot/core/error.h>
#include <ingot/optim/scheduler.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "optim/checks.h"
#include "optim/state_reader.h"

namespace ingot::optim {

std::vector<double> lrs_of(const Optimizer& optimizer) {
  std::vector<double> list;
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) list.push_back(optimizer.lr(g));
  return list;
}

std::optional<std::vector<double>> read_rates(detail::StateReader& reader, const std::string& key,
                                              const Optimizer& optimizer, bool required) {
  auto rates = reader.numbers(key, required);
  if (rates && rates->size() != optimizer.num_groups())
    reader.problem(fmt::format("{}: of {} parameter groups, the optimizer has {}", key,
                               rates->size(), optimizer.num_groups()));
  return rates;
}

// -- What all have ----------------------------------------------------------------------------

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) base_.push_back(optimizer.initial_lr(g));
}

/// Groups may have been added since the last step: those start from what they have now. As in
/// PyTorch their initial_lr is left to the next schedule that is made.
std::vector<double> LRScheduler::bases() const {
  std::vector<double> list = base_;
  list.resize(std::min(list.size(), optimizer_.num_groups()));
  while (list.size() < optimizer_.num_groups()) {
    const std::size_t g = list.size();
    list.push_back(optimizer_.has_initial_lr(g) ? optimizer_.initial_lr(g) : optimizer_.lr(g));
  }
  return list;
}

std::vector<double> LRScheduler::last_lr() const { return lrs_of(optimizer_); }

double LRScheduler::lr_after(std::int64_t epoch, double, double base) const {
  return lr_at(epoch, base);
}

void LRScheduler::set_lrs(const std::vector<double>& rates) {
  for (const double rate : rates)
    if (std::isnan(rate))
      throw ValueError("scheduler: the next learning rate would be no number (NaN)");
  for (std::size_t g = 0; g < rates.size(); ++g) optimizer_.set_group_lr(g, rates[g]);
}

void LRScheduler::apply(std::int64_t epoch) {
  check_epoch(epoch);
  base_ = bases();
  std::vector<double> rates;
  for (std::size_t g = 0; g < base_.size(); ++g)
    rates.push_back(lr_after(epoch, optimizer_.lr(g), base_[g]));
  set_lrs(rates);
}

void LRScheduler::enter() {
  check_epoch(0);
  base_ = bases();
  std::vector<double> rates;
  for (const double base : base_) rates.push_back(lr_at(0, base));
  set_lrs(rates);
}

void LRScheduler::step() {
  apply(epoch_ + 1);
  ++epoch_;
}

double ChainableLR::lr_after(std::int64_t epoch, double now, double base) const {
  const bool untouched = now == (epoch == 0 ? base : lr_at(epoch - 1, base));
  return untouched ? lr_at(epoch, base) : chained(epoch, now, base);
}

// -- State ------------------------------------------------------------------------------------

StateDict LRScheduler::state_dict() const {
  return {{"epoch", number_tensor(epoch_)},
          {"base_lrs", from_vector<double>(bases())},
          {"lrs", from_vector<double>(last_lr())}};
}

std::function<void()> LRScheduler::read_state(detail::StateReader& reader,
                                              const std::string& prefix) {
  const auto epoch = reader.count(prefix + "epoch");
  auto base = read_rates(reader, prefix + "base_lrs", optimizer_, true);
  if (epoch) try {
      check_epoch(*epoch);
    } catch (const ValueError& e) {
      reader.problem(fmt::format("{}epoch: {}", prefix, e.what()));
    }
  return [this, epoch = epoch.value_or(0), base = std::move(base).value_or(std::vector<double>())] {
    epoch_ = epoch;
    base_ = base;
  };
}

void LRScheduler::load_state_dict(const StateDict& dict) {
  detail::StateReader reader(dict, "scheduler");
  const auto take_over = read_state(reader, "");
  // An older Ingot did not write them; the optimizer's own state has them, too.
  const auto rates = read_rates(reader, "lrs", optimizer_, false);
  reader.finish();
  take_over();
  if (rates) set_lrs(*rates);
  set_others();
}

// -- SequentialLR -----------------------------------------------------------------------------

SequentialLR::SequentialLR(Optimizer& optimizer,
                           std::vector<std::unique_ptr<LRScheduler>> schedulers,
                           std::vector<std::int64_t> milestones)
    : LRScheduler(optimizer), parts_(std::move(schedulers)), milestones_(std::move(milestones)) {
  constexpr const char* kName = "SequentialLR";
  if (parts_.empty() || milestones_.size() + 1 != parts_.size())
    refuse(kName, fmt::format("{} schedulers need {} milestones, got {}", parts_.size(),
                              parts_.empty() ? 0 : parts_.size() - 1, milestones_.size()));
  if (!std::is_sorted(milestones_.begin(), milestones_.end()) ||
      (!milestones_.empty() && milestones_.front() < 0))
    refuse(kName,
           fmt::format("milestones must ascend from 0 on, got {}", fmt::join(milestones_, ", ")));
  for (const auto& part : parts_)
    if (!part || &part->optimizer_ != &optimizer)
      refuse(kName, "every scheduler must be of the same optimizer");
  // The parts have set learning rates when they were made.
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g)
    optimizer.set_group_lr(g, optimizer.initial_lr(g));
  parts_[part_at(0)]->apply(0);
}

std::size_t SequentialLR::part_at(std::int64_t epoch) const {
  const auto next = std::upper_bound(milestones_.begin(), milestones_.end(), epoch);
  return static_cast<std::size_t>(next - milestones_.begin());
}

std::int64_t SequentialLR::start_of(std::size_t part) const {
  return part == 0 ? 0 : milestones_[part - 1];
}

void SequentialLR::check_epoch(std::int64_t epoch) const {
  const std::size_t i = part_at(epoch);
  parts_[i]->check_epoch(epoch - start_of(i));
}

void SequentialLR::apply(std::int64_t epoch) {
  const std::size_t i = part_at(epoch);
  LRScheduler& part = *parts_[i];
  const std::int64_t own = epoch - start_of(i);
  if (own == 0 && i > 0)
    part.enter();
  else
    part.apply(own);
  part.epoch_ = own;
}

void SequentialLR::enter() {
  LRScheduler& part = *parts_[part_at(0)];
  part.enter();
  part.epoch_ = 0;
}

void SequentialLR::set_others() { parts_[part_at(epoch())]->set_others(); }

double SequentialLR::lr_at(std::int64_t, double base) const { return base; }  // its parts know

StateDict SequentialLR::state_dict() const {
  StateDict dict = LRScheduler::state_dict();
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (const auto& [key, value] : parts_[i]->state_dict())
      if (key != "lrs") dict.insert(fmt::format("schedulers.{}.{}", i, key), value);
  return dict;
}

std::function<void()> SequentialLR::read_state(detail::StateReader& reader,
                                               const std::string& prefix) {
  std::vector<std::function<void()>> all{LRScheduler::read_state(reader, prefix)};
  for (std::size_t i = 0; i < parts_.size(); ++i)
    all.push_back(parts_[i]->read_state(reader, fmt::format("{}schedulers.{}.", prefix, i)));
  return [all] {
    for (const auto& take_over : all) take_over();
  };
}

}  // namespace ingot::optim
