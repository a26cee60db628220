// Expanding an op: see op_def.h.
#include "core/op_def.h"

namespace ingot {
namespace {

bool is_wide_inside(const OpDef& op, std::span<const Tensor> inputs,
                    std::span<const TensorSpec> outputs) {
  if (op.traits.in_dtype) return false;
  for (const Tensor& t : inputs)
    if (is_reduced_float(t.dtype())) return true;
  for (const TensorSpec& s : outputs)
    if (is_reduced_float(s.dtype)) return true;
  return false;
}

}  // namespace

void record_expansion(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs,
                      std::span<const Scalar> slots, std::span<const TensorSpec> outputs,
                      std::vector<Tensor>& results) {
  if (!is_wide_inside(op, inputs, outputs)) {
    ExpandContext context(inputs, attrs, slots, outputs, results);
    op.expand(context);
    return;
  }
  std::vector<Tensor> wide_inputs(inputs.begin(), inputs.end());
  for (Tensor& t : wide_inputs)
    if (is_reduced_float(t.dtype())) t = t.to(DType::Float32);
  std::vector<TensorSpec> wide_outputs(outputs.begin(), outputs.end());
  for (TensorSpec& s : wide_outputs)
    if (is_reduced_float(s.dtype)) s.dtype = DType::Float32;
  ExpandContext context(wide_inputs, attrs, slots, wide_outputs, results);
  op.expand(context);
  for (std::size_t i = 0; i < results.size() && i < outputs.size(); ++i)
    if (results[i].dtype() == wide_outputs[i].dtype) results[i] = results[i].to(outputs[i].dtype);
}

}  // namespace ingot
