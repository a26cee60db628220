// Tensor's autograd methods that need no pass: grad, hooks, retain_grad.
#include <algorithm>
#include <atomic>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"
#include "core/spec_error.h"

namespace ingot {
namespace {

std::int64_t next_hook_id() {
  static std::atomic<std::int64_t> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

Cell& cell_of(const Tensor& t) {
  if (!t.defined())
    throw ValueError("the tensor is undefined (default-constructed and never assigned)");
  return *t.cell();
}

void infer_detach(InferContext& c) { c.out(c.shape(0), c.dtype(0)); }
const OpDef kDetach{.name = "detach", .infer = infer_detach, .traits = {.alias = true}};

}  // namespace

Tensor Tensor::detach(Site at) const {
  const Cell& cell = cell_of(*this);
  // A value without history is shared as it is.
  Tensor result = cell.value().node->requires_grad() ? record(kDetach, {this}, {}, at)
                                                     : Cell::create(cell.value());
  return as_view(std::move(result), *this);
}

TensorRef Tensor::grad() const {
  const auto* extras = cell_of(*this).extras_or_null();
  return TensorRef(extras ? extras->grad : Tensor());
}

void Tensor::set_grad(Tensor grad) {
  Cell& cell = cell_of(*this);
  if (grad.defined() && !(grad.cell()->spec() == cell.spec()))
    throw_unlike(grad.cell()->spec(), cell.spec(),
                 "set_grad: the gradient is " + grad.cell()->spec().str() + " on " +
                     grad.device().str() + ", the tensor " + cell.spec().str() + " on " +
                     cell.spec().device.str());
  if (grad.defined() || cell.extras_or_null()) cell.extras().grad = std::move(grad);
}

void Tensor::retain_grad() {
  Cell& cell = cell_of(*this);
  if (!cell.requires_grad()) throw AutogradError("retain_grad: the tensor does not require grad");
  if (cell.is_leaf()) return;
  cell.value().node->hooks().retains.push_back({cell.value().output, WeakCell(*this)});
}

HookHandle Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) {
  Cell& cell = cell_of(*this);
  if (!cell.requires_grad()) throw AutogradError("register_hook: the tensor does not require grad");
  const std::int64_t id = next_hook_id();
  if (cell.is_leaf()) {
    cell.extras().hooks.emplace_back(id, std::move(hook));
    return HookHandle([weak = WeakCell(*this), id] {
      if (const Tensor t = weak.lock(); t.defined())
        std::erase_if(t.cell()->extras().hooks, [id](const auto& h) { return h.first == id; });
    });
  }
  const ValueId value = cell.value();
  value.node->hooks().hooks.push_back({value.output, id, std::move(hook)});
  return HookHandle([node = value.node, id] {
    std::erase_if(node->hooks().hooks, [id](const NodeHooks::Entry& e) { return e.id == id; });
  });
}

}  // namespace ingot
