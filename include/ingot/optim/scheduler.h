// Learning-rate schedules: functions of the number of epochs (or steps) so far. Call step() once
// per epoch (OneCycleLR: per step of the optimizer), after the optimizer's steps.
//
//   optim::CosineAnnealingLR schedule(sgd, {.t_max = 90});
//   for (...) { train_one_epoch(); schedule.step(); }
//
// Rules:
// - Schedules chain as PyTorch's do: each step goes on from the learning rates that the groups
// have.
//   So several schedules of one optimizer multiply, and set_lr() between their steps counts. Where
//   nothing else has changed a rate, it is computed from the formula, and rounding does not add up.
// - The formulas start from the groups' initial_lr (Optimizer::initial_lr): what they had when the
//   first schedule of the optimizer saw them. LambdaLR, OneCycleLR and a SequentialLR at its
//   milestones set rates by it, whatever the groups have.
// - Groups that are added later are scheduled from the next step on.
// - SequentialLR joins several, one after the other.
// - Options that make no schedule throw ValueError when it is made.
// - The optimizer must outlive its schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
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

  /// "epoch", "base_lrs" and "lrs", what the groups have now; of a SequentialLR also those of its
  /// parts.
  virtual StateDict state_dict() const;
  /// Also sets the learning rates. Throws ValueError listing what is missing, mistyped or left
  /// over, and when the groups differ in number, and then changes nothing.
  void load_state_dict(const StateDict& dict);

 protected:
  explicit LRScheduler(Optimizer& optimizer);
  /// The learning rate at `epoch` (0 is the start) of a group that began with `base`.
  virtual double lr_at(std::int64_t epoch, double base) const = 0;
  /// The learning rate at `epoch` of a group that has `now` after the epoch before (at 0: when the
  /// schedule is made). Without an own meaning, lr_at().
  virtual double lr_after(std::int64_t epoch, double now, double base) const;
  /// Throws ValueError when the schedule does not reach so far.
  virtual void check_epoch(std::int64_t /*epoch*/) const {}
  /// Takes the groups from the epoch before to `epoch`; made schedules begin with apply(0).
  virtual void apply(std::int64_t epoch);
  /// Sets the groups to lr_at(0): a part of SequentialLR at its milestone.
  virtual void enter();
  /// Sets what belongs to epoch() besides the learning rates.
  virtual void set_others() {}
  /// Reads the state whose keys begin with `prefix`; what is returned takes it over.
  virtual std::function<void()> read_state(detail::StateReader& reader, const std::string& prefix);

  Optimizer& optimizer() const { return optimizer_; }

 private:
  friend class SequentialLR;
  std::vector<double> bases() const;
  void set_lrs(const std::vector<double>& rates);

  Optimizer& optimizer_;
  std::vector<double> base_;  ///< of the groups seen so far
  std::int64_t epoch_ = 0;
};

/// A schedule that multiplies: what other schedules or set_lr() do to the rates in between stays.
class ChainableLR : public LRScheduler {
 protected:
  using LRScheduler::LRScheduler;
  double lr_after(std::int64_t epoch, double now, double base) const final;
  /// lr_after() where something else has changed the rate; PyTorch's recurrences.
  virtual double chained(std::int64_t epoch, double now, double base) const = 0;
};

struct StepLROptions {
  std::int64_t step_size = 1;
  double gamma = 0.1;
};

/// Multiplies the learning rate by gamma every step_size epochs.
class StepLR : public ChainableLR {
 public:
  /// Throws ValueError for a step_size below 1 and for a gamma below 0 or not finite.
  StepLR(Optimizer& optimizer, const StepLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

 private:
  StepLROptions options_;
};

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;  ///< epochs from 0, in ascending order
  double gamma = 0.1;
};

/// Multiplies the learning rate by gamma at each milestone, as often as it is listed; at milestone
/// 0 when made.
class MultiStepLR : public ChainableLR {
 public:
  /// Throws ValueError for milestones that descend or are negative, and for gamma as StepLR.
  MultiStepLR(Optimizer& optimizer, MultiStepLROptions options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

 private:
  MultiStepLROptions options_;
};

/// Multiplies the learning rate by gamma every epoch.
class ExponentialLR : public ChainableLR {
 public:
  /// Throws ValueError for gamma as StepLR.
  ExponentialLR(Optimizer& optimizer, double gamma);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

 private:
  double gamma_;
};

struct CosineAnnealingLROptions {
  std::int64_t t_max = 1;  ///< epochs from the base to eta_min
  double eta_min = 0;
};

/// eta_min + (base - eta_min) · (1 + cos(π · epoch / t_max)) / 2. Source: Loshchilov & Hutter
/// (2016).
class CosineAnnealingLR : public ChainableLR {
 public:
  /// Throws ValueError for a t_max below 1 and for an eta_min below 0 or not finite.
  CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

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
class LinearLR : public ChainableLR {
 public:
  /// Throws ValueError for a start_factor outside (0, 1], an end_factor outside [0, 1], and
  /// total_iters below 1.
  LinearLR(Optimizer& optimizer, const LinearLROptions& options = {});

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

 private:
  LinearLROptions options_;
};

struct ConstantLROptions {
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;
};

/// Multiplies by factor for total_iters epochs, then takes it back (a factor of 0: goes to the
/// base). Sets the first learning rate when made.
class ConstantLR : public ChainableLR {
 public:
  /// Throws ValueError for a factor outside [0, 1] and total_iters below 0.
  ConstantLR(Optimizer& optimizer, const ConstantLROptions& options = {});

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  double chained(std::int64_t epoch, double now, double base) const override;

 private:
  ConstantLROptions options_;
};

/// The base times a function of the epoch. Sets the first learning rate when made.
class LambdaLR : public LRScheduler {
 public:
  /// Throws ValueError, as step() does, when the function gives NaN.
  LambdaLR(Optimizer& optimizer, std::function<double(std::int64_t epoch)> factor);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;

 private:
  std::function<double(std::int64_t)> factor_;
};

struct OneCycleLROptions {
  double max_lr = 0;             ///< must be given, above 0
  std::int64_t total_steps = 0;  ///< must be given
  double pct_start = 0.3;        ///< share of the steps that the rise takes
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
  /// Throws ValueError for a max_lr that is not above 0 and finite, total_steps below 1, pct_start
  /// outside [0, 1], div_factor or final_div_factor not above 0, a rise of exactly one step (which
  /// has no length: pct_start · total_steps = 1), and cycle_momentum with momenta out of range or
  /// an optimizer that has neither momentum nor beta1.
  OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options);

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  void check_epoch(std::int64_t epoch) const override;
  void apply(std::int64_t epoch) override;
  void enter() override;
  void set_others() override { set_momentum(epoch()); }

 private:
  double at(std::int64_t step, const double* values) const;
  void set_momentum(std::int64_t step);
  OneCycleLROptions options_;
  std::string_view momentum_name_;
};

/// Schedules one after the other: scheduler i takes over at milestone i - 1, sets the learning
/// rates of its own epoch 0 and counts from there. Made, it puts the groups back to their
/// initial_lr, from which the first scheduler starts.
class SequentialLR : public LRScheduler {
 public:
  /// Throws ValueError for milestones that descend, are negative or are not one fewer than the
  /// schedulers, and for schedulers of another optimizer. Equal milestones leave out a scheduler.
  SequentialLR(Optimizer& optimizer, std::vector<std::unique_ptr<LRScheduler>> schedulers,
               std::vector<std::int64_t> milestones);

  StateDict state_dict() const override;

 protected:
  double lr_at(std::int64_t epoch, double base) const override;
  void check_epoch(std::int64_t epoch) const override;
  void apply(std::int64_t epoch) override;
  void enter() override;
  void set_others() override;
  std::function<void()> read_state(detail::StateReader& reader, const std::string& prefix) override;

 private:
  /// The scheduler of that epoch, and the epoch in which it took over.
  std::size_t part_at(std::int64_t epoch) const;
  std::int64_t start_of(std::size_t part) const;

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
  /// Throws ValueError for a factor that is not at least 0 and below 1, and for patience,
  /// threshold, cooldown, min_lr or eps below 0 or not finite.
  ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {});

  /// Takes the value of one epoch.
  void step(double metric);
  std::vector<double> last_lr() const;
  /// The best value so far.
  double best() const { return best_; }

  /// "best", "num_bad_epochs", "cooldown_counter" and "lrs".
  StateDict state_dict() const;
  /// Also sets the learning rates. Throws ValueError as LRScheduler's, and then changes nothing.
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
