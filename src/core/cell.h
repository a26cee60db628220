// Cell: what copies of a Tensor share — the current value (a node's output), requires_grad, the
// gradient and hooks. In-place operations rebind it. Nodes never refer to cells, except `variable`
// nodes and retain_grad, which do so weakly.
//
// Like a PyTorch tensor, a Cell may be read from several threads at once; what a read makes for the
// first time (a variable node, a deferred part) is made once. Who rebinds it or changes
// requires_grad must be alone with it. grad and hooks may be changed from several threads: backward
// passes over shared parameters add up.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include <ingot/core/tensor.h>

#include "core/hook_list.h"
#include "core/node.h"

namespace ingot {

class Cell {
 public:
  static Tensor create(ValueId value, bool requires_grad = false);
  /// A tensor that `make` records when it is first read.
  static Tensor create_deferred(std::function<Tensor()> make);

  const ValueId& value() const {
    if (made_.load(std::memory_order_acquire) != Made::Yes) [[unlikely]]
      make_value();
    return value_;
  }
  const TensorSpec& spec() const { return value().spec(); }

  /// What a recorded op reads: the variable node for a leaf that requires grad while grad mode is
  /// on, else the current value.
  ValueId read();

  /// Takes another value; the variable node of the old one is forgotten.
  void rebind(ValueId value);

  bool requires_grad() const { return requires_grad_ || value().node->requires_grad(); }
  /// Asked for of this Cell itself: backward adds to its gradient.
  bool wants_grad() const { return requires_grad_; }
  bool is_leaf() const { return requires_grad_ || !value().node->requires_grad(); }
  void set_requires_grad(bool on);

  /// The tensor this one is a view of; undefined when it is none or the base is gone.
  Tensor view_base() const {
    value();  // a deferred part learns what it is
    return view_base_.lock();
  }
  void set_view_base(const Tensor& base) { view_base_ = WeakCell(base); }

  Tensor grad() const;
  void set_grad(Tensor grad);
  /// Sets it if it is still `expected`; false when somebody else has set it meanwhile.
  bool replace_grad(const Tensor& expected, Tensor grad);

  const std::string& name() const;
  void set_name(std::string name);

  /// Hooks of a leaf's gradient, before it is added up.
  HookHandle add_hook(GradHooks::Hook hook);
  GradHooks::Running running_hooks() const;

 private:
  friend void detail::retain(Cell*) noexcept;
  friend void detail::release(Cell*) noexcept;
  friend void detail::retain_weak(Cell*) noexcept;
  friend void detail::release_weak(Cell*) noexcept;
  friend bool detail::try_retain(Cell*) noexcept;
  Cell() = default;
  ~Cell() = default;
  struct Extras;
  enum class Made : std::uint8_t { Yes, No, InProgress };
  void clear() noexcept;
  void make_value() const;
  ValueId make_variable();
  void forget_variable() noexcept;
  Extras& extras();

  std::atomic<std::uint32_t> strong_{0};
  std::atomic<std::uint32_t> weak_{1};  ///< the strong references together hold one
  mutable std::atomic<Made> made_{Made::Yes};
  bool requires_grad_ = false;
  mutable ValueId value_;                 ///< null only before a deferred tensor is read
  std::atomic<Node*> variable_{nullptr};  ///< holds one reference; set once until rebound
  mutable WeakCell view_base_;
  std::atomic<Extras*> extras_{nullptr};  ///< owned; set once
};

}  // namespace ingot
