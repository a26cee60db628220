#include <ingot/core/error.h>
#include <ingot/optim/scheduler.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "optim/checks.h"
#include "optim/state_reader.h"

namespace ingot::optim {

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options)
    : optimizer_(optimizer), options_(options) {
  constexpr const char* kName = "ReduceLROnPlateau";
  if (!(options.factor >= 0 && options.factor < 1))
    refuse(kName, fmt::format("factor must be at least 0 and below 1, got {}", options.factor));
  const std::pair<const char*, double> others[] = {
      {"patience", static_cast<double>(options.patience)},
      {"threshold", options.threshold},
      {"cooldown", static_cast<double>(options.cooldown)},
      {"min_lr", options.min_lr},
      {"eps", options.eps}};
  for (const auto& [name, value] : others)
    if (!(value >= 0 && std::isfinite(value)))
      refuse(kName, fmt::format("{} must be at least 0 and finite, got {}", name, value));
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
  return {{"best", number_tensor(best_)},
          {"num_bad_epochs", number_tensor(num_bad_epochs_)},
          {"cooldown_counter", number_tensor(cooldown_counter_)},
          {"lrs", from_vector<double>(last_lr())}};
}

void ReduceLROnPlateau::load_state_dict(const StateDict& dict) {
  detail::StateReader reader(dict, "ReduceLROnPlateau");
  const auto best = reader.number("best");
  const auto bad = reader.count("num_bad_epochs"), cooldown = reader.count("cooldown_counter");
  const auto rates = read_rates(reader, "lrs", optimizer_, true);
  reader.finish();
  best_ = *best;
  num_bad_epochs_ = *bad;
  cooldown_counter_ = *cooldown;
  for (std::size_t g = 0; g < rates->size(); ++g) optimizer_.set_group_lr(g, (*rates)[g]);
}

}  // namespace ingot::optim
