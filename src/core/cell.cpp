#include "core/cell.h"

#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <ingot/core/own_errors.h>

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
  if (v) v.node->outputs()[v.output].cells.add();
}
void let_go(const ValueId& v) {
  if (v) v.node->outputs()[v.output].cells.remove();
}

}  // namespace

// What few Cells have.
struct Cell::Extras {
  std::function<Tensor()> make;  ///< of a deferred tensor that has not been read
  mutable std::mutex mutex;      ///< of what follows
  Tensor grad;
  std::string name;
  std::shared_ptr<GradHooks> hooks;
};

// A leaf's gradient ends here: backward accumulates it into the Cell that the node names.
const OpDef kVariable{.name = "variable", .infer = infer_variable, .traits = {.alias = true}};

namespace {

void* room_for_cell() {
  try {
    return pool_take(sizeof(Cell));
  } catch (const std::bad_alloc&) {
    detail::out_of_memory("a tensor", Site{});
  }
}

}  // namespace

Tensor Cell::create(ValueId value, bool requires_grad) {
  auto* cell = new (room_for_cell()) Cell();
  Tensor t = Tensor::adopt(cell);
  cell->strong_.store(1, std::memory_order_relaxed);
  hold(value);
  cell->value_ = std::move(value);
  cell->requires_grad_ = requires_grad;
  return t;
}

Tensor Cell::create_deferred(std::function<Tensor()> make) {
  auto* cell = new (room_for_cell()) Cell();
  Tensor t = Tensor::adopt(cell);
  cell->strong_.store(1, std::memory_order_relaxed);
  cell->made_.store(Made::No, std::memory_order_relaxed);
  try {
    cell->extras().make = std::move(make);
  } catch (const std::bad_alloc&) {
    detail::out_of_memory("a tensor", Site{});
  }
  return t;
}

void Cell::make_value() const {
  // One reader makes it, others wait: what it records must be there once.
  for (Made made = Made::No;
       !made_.compare_exchange_strong(made, Made::InProgress, std::memory_order_acquire);
       made = Made::No) {
    if (made == Made::Yes) return;
    made_.wait(Made::InProgress, std::memory_order_acquire);
  }
  auto& make = extras_.load(std::memory_order_acquire)->make;
  try {
    const Tensor made = make();
    Cell& cell = *made.cell();
    ValueId value = cell.read();
    view_base_ = cell.view_base_;
    hold(value);
    value_ = std::move(value);
  } catch (...) {  // the next reader tries again
    made_.store(Made::No, std::memory_order_release);
    made_.notify_all();
    throw;
  }
  make = nullptr;
  made_.store(Made::Yes, std::memory_order_release);
  made_.notify_all();
}

void Cell::clear() noexcept {
  let_go(value_);
  forget_variable();
  value_ = {};
  view_base_ = {};
  delete extras_.load(std::memory_order_acquire);
  extras_.store(nullptr, std::memory_order_relaxed);
}

ValueId Cell::read() {
  if (!requires_grad_ || !record_state().grad_enabled) return value();
  if (Node* variable = variable_.load(std::memory_order_acquire)) return {NodeRef(variable), 0};
  return make_variable();
}

ValueId Cell::make_variable() {
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
  // What is in flight may become pending again, and its variable with it.
  const bool done = value_.node->is_settled();
  if (done) {
    node->outputs()[0].value = value_.node->outputs()[value_.output].value;
    node->set_state(NodeState::Done);
    node->drop_inputs();
  }
  ValueId variable{node, 0};
  hold(variable);
  Node* first = nullptr;
  if (!variable_.compare_exchange_strong(first, node.get(), std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
    let_go(variable);  // another reader was faster
    return {NodeRef(first), 0};
  }
  NodeRef(node).leak();  // what variable_ holds
  if (!done) record_state().add_pending(std::move(node));
  return variable;
}

// Who calls it is alone with the Cell, so that plain steps will do.
void Cell::forget_variable() noexcept {
  Node* const node = variable_.load(std::memory_order_acquire);
  if (!node) return;
  variable_.store(nullptr, std::memory_order_relaxed);
  let_go({NodeRef::adopt(node), 0});
}

namespace {

// retain_grad asks for the gradient of what the tensor is: after an in-place operation, of the new
// value.
void move_retains(const ValueId& from, const ValueId& to, const Cell* cell) {
  NodeHooks* old = from ? from.node->hooks_or_null() : nullptr;
  if (!old || old->retains.empty() || !to.node->requires_grad()) return;
  std::erase_if(old->retains, [&](const NodeHooks::Retain& r) {
    if (r.output != from.output || r.cell.lock().cell() != cell) return false;
    to.node->hooks().retains.push_back({to.output, r.cell});
    return true;
  });
}

}  // namespace

void Cell::rebind(ValueId value) {
  hold(value);
  move_retains(value_, value, this);
  let_go(value_);
  forget_variable();
  value_ = std::move(value);
}

// The variable node stays: what it differentiates is the same value when the flag is set again.
void Cell::set_requires_grad(bool on) { requires_grad_ = on; }

Cell::Extras& Cell::extras() {
  if (Extras* e = extras_.load(std::memory_order_acquire)) return *e;
  auto made = std::make_unique<Extras>();
  Extras* first = nullptr;
  if (!extras_.compare_exchange_strong(first, made.get(), std::memory_order_acq_rel,
                                       std::memory_order_acquire))
    return *first;
  return *made.release();
}

Tensor Cell::grad() const {
  const Extras* e = extras_.load(std::memory_order_acquire);
  if (!e) return {};
  const std::lock_guard lock(e->mutex);
  return e->grad;
}

void Cell::set_grad(Tensor grad) {
  if (!grad.defined() && !extras_.load(std::memory_order_acquire)) return;
  Extras& e = extras();
  const std::lock_guard lock(e.mutex);
  std::swap(e.grad, grad);  // the old one dies without the lock
}

bool Cell::replace_grad(const Tensor& expected, Tensor grad) {
  Extras& e = extras();
  const std::lock_guard lock(e.mutex);
  if (!e.grad.is_same(expected)) return false;
  std::swap(e.grad, grad);
  return true;
}

const std::string& Cell::name() const {
  static const std::string none;
  const Extras* e = extras_.load(std::memory_order_acquire);
  return e ? e->name : none;
}

void Cell::set_name(std::string name) { extras().name = std::move(name); }

HookHandle Cell::add_hook(GradHooks::Hook hook) {
  Extras& e = extras();
  std::shared_ptr<GradHooks> list;
  {
    const std::lock_guard lock(e.mutex);
    if (!e.hooks) e.hooks = std::make_shared<GradHooks>();
    list = e.hooks;
  }
  return GradHooks::add(list, std::move(hook));
}

GradHooks::Running Cell::running_hooks() const {
  const Extras* e = extras_.load(std::memory_order_acquire);
  if (!e) return {};
  std::shared_ptr<GradHooks> list;
  {
    const std::lock_guard lock(e->mutex);
    list = e->hooks;
  }
  return list ? list->running() : GradHooks::Running{};
}

}  // namespace ingot
