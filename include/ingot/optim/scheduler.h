// Learning-rate schedules: functions of the number of epochs (or steps) so far. Call step() once
// per epoch, after the optimizer's steps.
#pragma once

#include <cstdint>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/optim/optimizer.h>

namespace ingot::optim {

class LRScheduler {
 public:
  virtual ~LRScheduler() = default;
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;

  /// Counts one epoch and sets the learning rate of every group.
  void step();
  /// Epochs so far.
  std::int64_t epoch() const { return epoch_; }
  /// What the groups have now.
  std::vector<double> last_lr() const;

  /// "epoch" and "base_lrs".
  StateDict state_dict() const;
  /// Also sets the learning rates. Throws ValueError when the groups differ in number.
  void load_state_dict(const StateDict& dict);

 protected:
  /// Takes the groups' present learning rates as the base. The optimizer must outlive the
  /// scheduler.
  explicit LRScheduler(Optimizer& optimizer);
  /// The learning rate at `epoch` (0 is the start) of a group that began with `base`.
  virtual double lr_at(std::int64_t epoch, double base) const = 0;

 private:
  void apply();

  Optimizer& optimizer_;
  std::vector<double> base_;
  std::int64_t epoch_ = 0;
};

struct StepLROptions {
  std::int64_t step_size = 1;
  double gamma = 0.1;
};

/// Multiplies the learning rate by gamma every step_size epochs.
class StepLR : public LRScheduler {
 public:
  /// Throws ValueError for a step_size below 1.
  StepLR(Optimizer& optimizer, const StepLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  StepLROptions options_;
};

struct CosineAnnealingLROptions {
  std::int64_t t_max = 1;  ///< epochs from the base to eta_min
  double eta_min = 0;
};

/// eta_min + (base - eta_min) · (1 + cos(π · epoch / t_max)) / 2. Source: Loshchilov & Hutter
/// (2016).
class CosineAnnealingLR : public LRScheduler {
 public:
  /// Throws ValueError for a t_max below 1.
  CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  CosineAnnealingLROptions options_;
};

}  // namespace ingot::optim
