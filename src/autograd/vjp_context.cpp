// What gradient rules see: see op_def.h.
#include <fmt/format.h>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"

namespace ingot {

namespace {
Tensor widen(const Tensor& t, const Node& node) {
  return t.defined() && is_reduced_float(t.dtype()) ? t.to(DType::Float32, node.site()) : t;
}
}  // namespace

VjpContext::VjpContext(const Node& the_node, std::span<const Tensor> grads,
                       std::span<Tensor> results, Saved saved)
    : node(the_node), grads_(grads), results_(results), saved_(saved) {
  const Traits& t = node.op().traits;
  if (t.in_dtype || t.view || t.alias) return;
  for (const ValueId& in : node.inputs()) wide_ |= is_reduced_float(in.spec().dtype);
  for (const NodeOutput& out : node.outputs()) wide_ |= is_reduced_float(out.spec.dtype);
  if (!wide_) return;
  const auto widened = [](TensorSpec spec) {
    if (is_reduced_float(spec.dtype)) spec.dtype = DType::Float32;
    return spec;
  };
  for (const ValueId& in : node.inputs()) wide_in_.push_back(widened(in.spec()));
  for (const NodeOutput& out : node.outputs()) wide_out_.push_back(widened(out.spec));
  for (const Tensor& g : grads) wide_grads_.push_back(widen(g, node));
}

int VjpContext::num_inputs() const { return static_cast<int>(node.inputs().size()); }
const TensorSpec& VjpContext::in(int i) const {
  if (wide_) return wide_in_[static_cast<std::size_t>(i)];
  return node.inputs()[static_cast<std::size_t>(i)].spec();
}
const TensorSpec& VjpContext::out(int i) const {
  if (wide_) return wide_out_[static_cast<std::size_t>(i)];
  return node.outputs()[static_cast<std::size_t>(i)].spec;
}
Scalar VjpContext::slot(int i) const { return node.slots()[static_cast<std::size_t>(i)]; }
bool VjpContext::needs(int i) const {
  return node.inputs()[static_cast<std::size_t>(i)].requires_grad();
}

Tensor VjpContext::input(int i) const {
  if (!saved_.input(static_cast<std::size_t>(i)))
    throw InternalError(fmt::format("{}: its gradient reads input {}, which `saves` does not name",
                                    node.op().name, i));
  const Tensor t = Cell::create(node.inputs()[static_cast<std::size_t>(i)]);
  return wide_ ? widen(t, node) : t;
}

// The same op on the widened operands.
Tensor VjpContext::recomputed(int i) const {
  std::vector<Tensor> inputs;
  std::vector<const Tensor*> list;
  for (int k = 0; k < num_inputs(); ++k) inputs.push_back(input(k));
  for (const Tensor& t : inputs) list.push_back(&t);
  return record_multi(node.op(), list, node.attrs(), node.site(),
                      node.slots())[static_cast<std::size_t>(i)];
}

Tensor VjpContext::output(int i) const {
  if (wide_ && is_rounded_output(node, static_cast<std::size_t>(i))) return recomputed(i);
  if (!saved_.output(static_cast<std::size_t>(i)))
    throw InternalError(fmt::format("{}: its gradient reads output {}, which `saves` does not name",
                                    node.op().name, i));
  const Tensor t = Cell::create({NodeRef(const_cast<Node*>(&node)), static_cast<std::uint32_t>(i)});
  return wide_ ? widen(t, node) : t;
}

void VjpContext::set(int i, Tensor grad) {
  if (!grad.defined() || !needs(i)) return;
  const TensorSpec& wanted = node.inputs()[static_cast<std::size_t>(i)].spec();
  if (wide_ && grad.dtype() == in(i).dtype && grad.dtype() != wanted.dtype) {
    // A gradient that passes through unchanged is the one that came.
    std::size_t same = 0;
    while (same < grads_.size() &&
           !(wide_grads_[same].defined() && grad.is_same(wide_grads_[same])))
      ++same;
    grad = same < grads_.size() && grads_[same].dtype() == wanted.dtype
               ? grads_[same]
               : grad.to(wanted.dtype, node.site());
  }
  // A number of the cpu that stood beside another device's tensors: its gradient is where it is.
  if (wanted.shape.rank() == 0 && grad.device() != wanted.device)
    grad = grad.to(wanted.device, node.site());
  if (!(grad.shape() == wanted.shape) || grad.dtype() != wanted.dtype)
    throw InternalError(fmt::format("{}: its rule gives gradient {} for input {} of {}",
                                    node.op().name, grad.cell()->spec().str(), i, wanted.str()));
  results_[static_cast<std::size_t>(i)] = std::move(grad);
}

}  // namespace ingot
