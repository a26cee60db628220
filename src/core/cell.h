// Cell: what copies of a Tensor share — the current value (a node's output), requires_grad, the
// gradient and hooks. In-place operations rebind it. Nodes never refer to cells, except `variable`
// nodes and retain_grad, which do so weakly.
//
// A Cell is not thread-safe: like a PyTorch tensor, it may be read from several threads but
// changed only by one at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

#include "core/node.h"

namespace ingot {

class Cell {
 public:
  static Tensor create(ValueId value, bool requires_grad = false);
  /// A tensor that `make` records when it is first read.
  static Tensor create_deferred(std::function<Tensor()> make);

  const ValueId& value() const {
    if (!value_) [[unlikely]]
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
  bool is_leaf() const { return requires_grad_ || !value().node->requires_grad(); }
  void set_requires_grad(bool on);

  /// The tensor this one is a view of; undefined when it is none or the base is gone.
  Tensor view_base() const {
    value();  // a deferred part learns what it is
    return view_base_.lock();
  }
  void set_view_base(const Tensor& base) { view_base_ = WeakCell(base); }

  struct Extras {
    Tensor grad;
    std::string name;
    std::vector<std::pair<std::int64_t, std::function<Tensor(const Tensor&)>>> hooks;
    std::vector<std::pair<std::int64_t, std::function<void(Tensor&)>>> accumulate_hooks;
    std::function<Tensor()> make;  ///< of a deferred tensor that has not been read
  };
  Extras& extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
  }
  Extras* extras_or_null() const { return extras_.get(); }

 private:
  friend void detail::retain(Cell*) noexcept;
  friend void detail::release(Cell*) noexcept;
  friend void detail::retain_weak(Cell*) noexcept;
  friend void detail::release_weak(Cell*) noexcept;
  friend bool detail::try_retain(Cell*) noexcept;
  Cell() = default;
  ~Cell() = default;
  void clear() noexcept;
  void make_value() const;

  std::atomic<std::uint32_t> strong_{0};
  std::atomic<std::uint32_t> weak_{1};  ///< the strong references together hold one
  bool requires_grad_ = false;
  mutable ValueId value_;  ///< null only before a deferred tensor is read
  ValueId variable_;
  mutable WeakCell view_base_;
  std::unique_ptr<Extras> extras_;
};

}  // namespace ingot
