// What gradient rules see: see op_def.h.
#include <fmt/format.h>

#include "core/cell.h"
#include "core/op_def.h"

namespace ingot {

VjpContext::VjpContext(const Node& the_node, std::span<const Tensor> grads,
                       std::span<Tensor> results, Saved saved)
    : node(the_node), grads_(grads), results_(results), saved_(saved) {}

int VjpContext::num_inputs() const { return static_cast<int>(node.inputs().size()); }
const TensorSpec& VjpContext::in(int i) const {
  return node.inputs()[static_cast<std::size_t>(i)].spec();
}
const TensorSpec& VjpContext::out(int i) const {
  return node.outputs()[static_cast<std::size_t>(i)].spec;
}
Scalar VjpContext::slot(int i) const { return node.slots()[static_cast<std::size_t>(i)]; }
bool VjpContext::needs(int i) const {
  return node.inputs()[static_cast<std::size_t>(i)].requires_grad();
}

Tensor VjpContext::input(int i) const {
  if (i < 32 && !(saved_.inputs >> i & 1))
    throw InternalError(fmt::format("{}: its gradient reads input {}, which `saves` does not name",
                                    node.op().name, i));
  return Cell::create(node.inputs()[static_cast<std::size_t>(i)]);
}

Tensor VjpContext::output(int i) const {
  if (i < 32 && !(saved_.outputs >> i & 1))
    throw InternalError(fmt::format("{}: its gradient reads output {}, which `saves` does not name",
                                    node.op().name, i));
  return Cell::create({NodeRef(const_cast<Node*>(&node)), static_cast<std::uint32_t>(i)});
}

void VjpContext::set(int i, Tensor grad) {
  if (!grad.defined() || !needs(i)) return;
  const TensorSpec& wanted = in(i);
  if (!(grad.shape() == wanted.shape) || grad.dtype() != wanted.dtype)
    throw InternalError(fmt::format("{}: its rule gives gradient {} for input {} of {}",
                                    node.op().name, grad.cell()->spec().str(), i, wanted.str()));
  results_[static_cast<std::size_t>(i)] = std::move(grad);
}

}  // namespace ingot
