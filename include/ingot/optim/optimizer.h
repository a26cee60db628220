// Optimizer: changes parameters by their gradients.
//
//   optim::Adam adam{net.parameters(), {.lr = 1e-3}};
//   adam.zero_grad();
//   loss.backward();
//   adam.step();
//
// Rules:
// - step() records one update of many tensors per parameter group, rebinds the parameters to the
//   results, and evaluates everything pending, so that a training step is normally one plan.
// - Numbers such as the learning rate are slots of that plan: changing them costs nothing.
// - Parameters without a gradient are skipped, as in PyTorch; each has its own step count.
// - A step() that throws (a label out of range, no memory) leaves parameters and state as they
//   were. On a device, which runs behind, that is found later: then this step and all that were
//   submitted behind it are taken back (parameters, state and step counts are what they were before
//   it), and the error is thrown once, by whoever finds it: item(), synchronize(), the next step().
// - State follows the parameter to another device or dtype (`net.to(device)`) at the next step().
// - State belongs to the parameter, not to its place: parameters may be moved between groups,
//   reordered, taken out and put back, and keep it; one that is put in another's place begins anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/core/tensor.h>

namespace ingot {
class Stream;
}

namespace ingot::optim {

namespace detail {
class StateReader;
}

/// Parameters that are trained with the same options; those are members: `group.lr = 1e-4`.
template <class Options>
struct ParamGroup : Options {
  std::vector<Tensor> params;
  /// What schedules start from: set by the first one that sees the group, from its lr.
  std::optional<double> initial_lr = std::nullopt;
};

class Optimizer {
 public:
  Optimizer() = default;
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient and evaluates everything pending. On a device also
  /// throws what an earlier step turned out to fail with, if nobody was told; then it does nothing.
  void step(Site at = Site::current());
  /// Forgets the gradients: grad() becomes undefined.
  void zero_grad();

  virtual std::size_t num_groups() const = 0;
  virtual const std::vector<Tensor>& group_params(std::size_t group) const = 0;
  /// Throws IndexError when there is no such group.
  double lr(std::size_t group = 0) const;
  /// Of all groups.
  void set_lr(double lr);
  void set_group_lr(std::size_t group, double lr);
  /// What schedules of the group start from: its learning rate when this was first asked for, which
  /// a schedule does when it is made. Part of state_dict(), so that one made after a restart starts
  /// from the same.
  double initial_lr(std::size_t group);
  /// Whether it was asked for.
  bool has_initial_lr(std::size_t group) const;
  void set_initial_lr(std::size_t group, double lr);
  /// An option of a group by its name in state_dict(): "momentum", "beta1"; nothing when this
  /// optimizer has none of that name.
  std::optional<double> option(std::size_t group, std::string_view name) const;
  /// Throws ValueError when there is no such option.
  void set_option(std::size_t group, std::string_view name, double value);

  /// Everything that a resumed run needs, as tensors: "groups.0.lr", "state.3.step",
  /// "state.3.exp_avg", … with parameters counted over all groups. A snapshot: later steps do not
  /// change it. Waits for the steps that devices have not done yet, and throws what they fail with.
  /// Of several threads only one at a time may call it, as any other member: it counts back what
  /// was taken back.
  StateDict state_dict() const;
  /// Takes over options and state. Throws ValueError listing what is missing, not a number where
  /// one must be, or does not fit this optimizer's parameters, and then changes nothing.
  void load_state_dict(const StateDict& dict, Site at = Site::current());

 protected:
  struct State {
    std::int64_t step = 0;        ///< updates so far
    std::vector<Tensor> tensors;  ///< as state_names() names them; may be undefined
    WeakCell owner;               ///< while it is here, no other parameter has the same address
    std::uint64_t seen = 0;       ///< the call of step() that met the parameter last
  };
  /// Parameters of one group that are updated by one node: same dtype, device and step count.
  struct Batch {
    std::size_t group = 0;
    std::int64_t step = 0;  ///< of this update, from 1
    bool fresh = false;     ///< state that is wanted appears in this very step
    std::vector<Tensor> params;
    std::vector<Tensor> grads;
    std::vector<std::vector<Tensor>> states;  ///< [k][i]: state k of parameter i
  };
  /// What `update` computes.
  struct Result {
    std::vector<Tensor> params;
    std::vector<std::vector<Tensor>> states;  ///< like Batch's; undefined ones are left alone
  };

  /// Records the update of a batch.
  virtual Result update(const Batch& batch) = 0;
  /// Names of the state tensors, such as "exp_avg".
  virtual std::vector<std::string_view> state_names() const = 0;
  /// True when parameters of the group have state tensor k.
  virtual bool wants_state(std::size_t group, std::size_t k) const = 0;
  /// True when every parameter that was updated has state tensor k, whatever the options.
  virtual bool always_has_state(std::size_t /*k*/) const { return false; }
  virtual std::optional<double>& group_initial_lr(std::size_t group) = 0;
  /// What all elements of state tensor k are before the first step.
  virtual double initial_state(std::size_t /*group*/, std::size_t /*k*/) const { return 0; }
  /// Calls f(name, value) for the options of a group; f may change the value.
  using OptionVisitor = std::function<void(std::string_view name, double& value)>;
  virtual void visit_options(std::size_t group, const OptionVisitor& f) = 0;
  /// Shows a flag to `f` as 0 or 1.
  static void visit_flag(std::string_view name, bool& flag, const OptionVisitor& f);
  /// Throws ValueError for options out of range.
  virtual void check_options(std::size_t group) const = 0;
  /// Throws ValueError for a tensor that cannot be trained or is already in a group.
  void check_params(const std::vector<Tensor>& params) const;

 private:
  /// Updates that a device may still have before it: a check that fails takes them back.
  struct Submitted {
    /// A parameter of it, and its state tensors that appeared in this step (bit k for tensor k).
    struct Param {
      const Cell* cell;
      std::uint64_t fresh;
    };
    std::uint64_t node_id;  ///< of the update
    std::int64_t step;      ///< as in Batch
    Stream* stream;         ///< of its device
    std::uint64_t seq;      ///< there all of it has been passed
    bool over;              ///< it has succeeded, or was taken back
    std::vector<Param> params;
  };

  std::vector<Batch> batches();
  std::vector<Submitted> what_is_submitted(const std::vector<Batch>& all) const;
  void note_submitted(std::vector<Submitted> updates) noexcept;
  void settle_submitted() const;
  void note_taken_back() const;
  std::vector<Tensor> state_for_step(std::size_t group, const Tensor& param, const State& state,
                                     bool& fresh) const;
  void check_unique() const;
  void forget_dead();
  State read_state(detail::StateReader& reader, std::size_t index, const Tensor& param) const;

  // Mutable: that updates have been taken back is noticed when somebody looks.
  mutable std::unordered_map<const Cell*, State> states_;
  mutable std::vector<Submitted> submitted_;
  mutable std::uint64_t taken_back_seen_ = 0;
  std::uint64_t steps_ = 0;  ///< calls of step()
};

/// The groups of an optimizer with the given options.
template <class Options>
class GroupedOptimizer : public Optimizer {
 public:
  using Group = ParamGroup<Options>;

  /// Options may be changed between steps: `adam.groups()[0].lr *= 0.1`.
  std::vector<Group>& groups() { return groups_; }
  const std::vector<Group>& groups() const { return groups_; }
  /// Throws ValueError for options out of range and for parameters that are in a group already.
  void add_param_group(std::vector<Tensor> params, const Options& options = {}) {
    check_params(params);
    groups_.push_back({{options}, std::move(params)});
    try {
      check_options(groups_.size() - 1);
    } catch (...) {
      groups_.pop_back();
      throw;
    }
  }

  std::size_t num_groups() const final { return groups_.size(); }
  const std::vector<Tensor>& group_params(std::size_t group) const final {
    return groups_[group].params;
  }

 protected:
  std::optional<double>& group_initial_lr(std::size_t group) final {
    return groups_[group].initial_lr;
  }

 private:
  std::vector<Group> groups_;
};

}  // namespace ingot::optim
