// Learning-rate schedules: functions of the number of epochs (or steps) so far. Call step() once
// per epoch (OneCycleLR: per step of the optimizer), after the optimizer's steps.
//
//   optim::CosineAnnealingLR schedule(sgd, {.t_max = 90});
//   for (...) { train_one_epoch(); schedule.step(); }
//
// Rules:
// - A schedule is a formula of the epoch and of the learning rates that the groups had when the
//   first schedule of the optimizer was made ("initial_lr" in PyTorch). So resuming needs only the
//   epoch and these rates, and rounding does not add up.
// - One schedule drives an optimizer. SequentialLR joins several, one after the other.
// - The optimizer must outlive its schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
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

  /// "epoch" and "base_lrs"; of a SequentialLR also those of its parts.
  virtual StateDict state_dict() const;
  /// Also sets the learning rates. Throws ValueError when a key is missing or the groups differ in
  /// number.
  void load_state_dict(const StateDict& dict);

 protected:
  explicit LRScheduler(Optimizer& optimizer);
  /// The learning rate at `epoch` (0 is the start) of a group that began with `base`.
  virtual double lr_at(std::int64_t epoch, double base) const = 0;
  /// Sets the groups' options to those of `epoch`.
  virtual void apply(std::int64_t epoch);
  virtual void take_state(const StateDict& dict);

  Optimizer& optimizer() const { return optimizer_; }

 private:
  friend class SequentialLR;
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

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;  ///< epochs, in ascending order
  double gamma = 0.1;
};

/// Multiplies the learning rate by gamma at each milestone.
class MultiStepLR : public LRScheduler {
 public:
  /// Throws ValueError for milestones that descend.
  MultiStepLR(Optimizer& optimizer, MultiStepLROptions options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  MultiStepLROptions options_;
};

/// Multiplies the learning rate by gamma every epoch.
class ExponentialLR : public LRScheduler {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  double gamma_;
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

struct LinearLROptions {
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;
};

/// Multiplies the base by a factor that goes in a straight line from start_factor to end_factor
/// over total_iters epochs and stays there: a warm-up. Sets the first learning rate when made.
class LinearLR : public LRScheduler {
 public:
  /// Throws ValueError for a start_factor outside (0, 1], an end_factor outside [0, 1], and
  /// total_iters below 1.
  LinearLR(Optimizer& optimizer, const LinearLROptions& options = {});

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  LinearLROptions options_;
};

struct ConstantLROptions {
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;
};

/// The base times factor for total_iters epochs, then the base. Sets the first learning rate when
/// made.
class ConstantLR : public LRScheduler {
 public:
  /// Throws ValueError for a factor outside [0, 1].
  ConstantLR(Optimizer& optimizer, const ConstantLROptions& options = {});

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  ConstantLROptions options_;
};

/// The base times a function of the epoch. Sets the first learning rate when made.
class LambdaLR : public LRScheduler {
 public:
  LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t epoch)> factor);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  std::function<double(std::int64_t)> factor_;
};

struct OneCycleLROptions {
  double max_lr = 0;
  std::int64_t total_steps = 0;
  double pct_start = 0.3;  ///< share of the steps that the rise takes
  enum class Anneal { Cos, Linear } anneal_strategy = Anneal::Cos;
  bool cycle_momentum = true;  ///< momentum (or beta1) goes the other way
  double base_momentum = 0.85;
  double max_momentum = 0.95;
  double div_factor = 25;         ///< the first learning rate is max_lr / div_factor
  double final_div_factor = 1e4;  ///< the last one is the first / final_div_factor
  bool three_phase = false;
};

/// From a small learning rate up to max_lr and down to almost nothing. step() once per step of the
/// optimizer. Sets the first learning rate, and momentum, when made. Source: Smith & Topin,
/// "Super-convergence" (2017), with PyTorch's phases.
class OneCycleLR : public LRScheduler {
 public:
  /// Throws ValueError for total_steps below 1, pct_start outside [0, 1], and cycle_momentum with
  /// an optimizer that has neither momentum nor beta1.
  OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  /// Throws ValueError beyond total_steps.
  void apply(std::int64_t epoch) override;

 private:
  double at(std::int64_t step, const double* values) const;
  OneCycleLROptions options_;
  std::string_view momentum_name_;
};

/// Schedules one after the other: scheduler i takes over at milestone i - 1 and counts its epochs
/// from there.
class SequentialLR : public LRScheduler {
 public:
  /// Throws ValueError for milestones that do not ascend or are not one fewer than the schedulers,
  /// and for schedulers of another optimizer.
  SequentialLR(Optimizer& optimizer, std::vector<std::unique_ptr<LRScheduler>> schedulers,
               std::vector<std::int64_t> milestones);

  StateDict state_dict() const override;

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  void apply(std::int64_t epoch) override;
  void take_state(const StateDict& dict) override;

 private:
  std::vector<std::unique_ptr<LRScheduler>> parts_;
  std::vector<std::int64_t> milestones_;
};

struct ReduceLROnPlateauOptions {
  enum class Mode { Min, Max } mode = Mode::Min;  ///< whether less or more is better
  double factor = 0.1;
  std::int64_t patience = 10;  ///< epochs without improvement that are borne
  double threshold = 1e-4;     ///< less of an improvement is none
  enum class Threshold { Rel, Abs } threshold_mode = Threshold::Rel;
  std::int64_t cooldown = 0;  ///< epochs after a reduction in which nothing counts
  double min_lr = 0;
  double eps = 1e-8;  ///< smaller changes of the learning rate are not made
};

/// Multiplies the learning rate by factor when a measured value has not improved for some epochs.
/// The optimizer must outlive it.
class ReduceLROnPlateau {
 public:
  /// Throws ValueError for a factor of 1 or more.
  ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {});

  /// Takes the value of one epoch.
  void step(double metric);
  std::vector<double> last_lr() const;
  /// The best value so far.
  double best() const { return best_; }

  /// "best", "num_bad_epochs", "cooldown_counter" and "lrs".
  StateDict state_dict() const;
  /// Also sets the learning rates. Throws ValueError as LRScheduler's.
  void load_state_dict(const StateDict& dict);

 private:
  bool is_better(double metric) const;

  Optimizer& optimizer_;
  ReduceLROnPlateauOptions options_;
  double best_;
  std::int64_t num_bad_epochs_ = 0;
  std::int64_t cooldown_counter_ = 0;
};

}  // namespace ingot::optim
