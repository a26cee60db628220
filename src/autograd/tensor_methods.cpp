// Tensor's autograd methods that need no pass: grad, hooks, retain_grad.
#include <algorithm>
#include <memory>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"
#include "core/spec_error.h"

namespace ingot {
namespace {

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

TensorRef Tensor::grad() const { return TensorRef(cell_of(*this).grad()); }

void Tensor::set_grad(Tensor grad) {
  Cell& cell = cell_of(*this);
  if (grad.defined() && !(grad.cell()->spec() == cell.spec()))
    throw_unlike(grad.cell()->spec(), cell.spec(),
                 "set_grad: the gradient is " + grad.cell()->spec().str() + " on " +
                     grad.device().str() + ", the tensor " + cell.spec().str() + " on " +
                     cell.spec().device.str());
  cell.set_grad(std::move(grad));
}

void Tensor::retain_grad() {
  Cell& cell = cell_of(*this);
  if (!cell.requires_grad()) throw AutogradError("retain_grad: the tensor does not require grad");
  if (cell.is_leaf()) return;
  const ValueId& value = cell.value();
  auto& retains = value.node->hooks().retains;
  const bool known = std::any_of(retains.begin(), retains.end(), [&](const auto& r) {
    return r.output == value.output && r.cell.lock().is_same(*this);
  });
  if (!known) retains.push_back({value.output, WeakCell(*this)});
}

HookHandle Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) {
  Cell& cell = cell_of(*this);
  if (!cell.requires_grad()) throw AutogradError("register_hook: the tensor does not require grad");
  if (cell.is_leaf()) return cell.add_hook(std::move(hook));
  const ValueId& value = cell.value();
  auto& lists = value.node->hooks().hooks;
  auto it = std::find_if(lists.begin(), lists.end(),
                         [&](const auto& e) { return e.output == value.output; });
  if (it == lists.end()) it = lists.insert(it, {value.output, std::make_shared<GradHooks>()});
  return GradHooks::add(it->hooks, std::move(hook));
}

}  // namespace ingot
