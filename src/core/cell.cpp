#include "core/cell.h"

#include <fmt/format.h>

#include <new>

#include "core/block_pool.h"
#include "core/op_def.h"
#include "core/record.h"

namespace ingot {

namespace detail {

void retain(Cell* c) noexcept { c->strong_.fetch_add(1, std::memory_order_relaxed); }

void release(Cell* c) noexcept {
  if (c->strong_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    c->clear();
    release_weak(c);
  }
}

void retain_weak(Cell* c) noexcept { c->weak_.fetch_add(1, std::memory_order_relaxed); }

void release_weak(Cell* c) noexcept {
  if (c->weak_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    c->~Cell();
    pool_give(c, sizeof(Cell));
  }
}

bool try_retain(Cell* c) noexcept {
  std::uint32_t n = c->strong_.load(std::memory_order_relaxed);
  while (n != 0)
    if (c->strong_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) return true;
  return false;
}

}  // namespace detail

namespace {

void infer_variable(InferContext& c) { c.out(c.shape(0), c.dtype(0)); }

void hold(const ValueId& v) {
  if (v) v.node->outputs()[v.output].cells.fetch_add(1, std::memory_order_relaxed);
}
void let_go(const ValueId& v) {
  if (v) v.node->outputs()[v.output].cells.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

// A leaf's gradient ends here: backward accumulates it into the Cell that the node names.
const OpDef kVariable{.name = "variable", .infer = infer_variable, .traits = {.alias = true}};

Tensor Cell::create(ValueId value, bool requires_grad) {
  auto* cell = new (pool_take(sizeof(Cell))) Cell();
  Tensor t = Tensor::adopt(cell);
  cell->strong_.store(1, std::memory_order_relaxed);
  hold(value);
  cell->value_ = std::move(value);
  cell->requires_grad_ = requires_grad;
  return t;
}

Tensor Cell::create_deferred(std::function<Tensor()> make) {
  auto* cell = new (pool_take(sizeof(Cell))) Cell();
  Tensor t = Tensor::adopt(cell);
  cell->strong_.store(1, std::memory_order_relaxed);
  cell->extras().make = std::move(make);
  return t;
}

void Cell::make_value() const {
  const Tensor made = extras_->make();  // may throw: the next reader tries again
  Cell& cell = *made.cell();
  ValueId value = cell.read();
  view_base_ = cell.view_base_;
  hold(value);
  value_ = std::move(value);
  extras_->make = nullptr;
}

void Cell::clear() noexcept {
  let_go(value_);
  let_go(variable_);
  value_ = {};
  variable_ = {};
  view_base_ = {};
  extras_.reset();
}

ValueId Cell::read() {
  if (!requires_grad_ || !record_state().grad_enabled) return value();
  if (!variable_) {
    ValueId input = value_;
    const TensorSpec spec = value_.spec();
    NodeRef node = Node::create({.op = &kVariable,
                                 .inputs = {&input, 1},
                                 .attrs = {},
                                 .slots = {},
                                 .outputs = {&spec, 1},
                                 .requires_grad = true,
                                 .site = value_.node->site(),
                                 .outer_site = value_.node->outer_site()});
    detail::retain(this);
    node->variable_of = WeakCell(Tensor::adopt(this));
    if (value_.node->state() == NodeState::Done) {
      node->outputs()[0].value = value_.node->outputs()[value_.output].value;
      node->set_state(NodeState::Done);
      node->drop_inputs();
    } else {
      record_state().pending.push_back(node);
    }
    variable_ = {std::move(node), 0};
    hold(variable_);
  }
  return variable_;
}

void Cell::rebind(ValueId value) {
  hold(value);
  let_go(value_);
  let_go(variable_);
  value_ = std::move(value);
  variable_ = {};
}

void Cell::set_requires_grad(bool on) {
  requires_grad_ = on;
  let_go(variable_);
  variable_ = {};
}

}  // namespace ingot
