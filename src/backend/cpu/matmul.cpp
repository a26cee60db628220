// matmul and linear.
#include "backend/cpu/contraction.h"
#include "backend/cpu/reduced.h"
#include "backend/kernel_table.h"

namespace ingot::cpu {
namespace {

// A provider reads matrices with contiguous rows or columns in place; anything else is copied to
// row-major by the plan. Reduced floats are widened as one block.
bool is_plain_matrix(const TensorDesc& t) {
  const int r = t.shape.rank();
  if (is_reduced_float(t.dtype)) return t.is_contiguous();
  const std::int64_t rows = t.shape[r - 2], cols = t.shape[r - 1];
  const std::int64_t row_stride = t.strides[r - 2], col_stride = t.strides[r - 1];
  return (col_stride == 1 && row_stride >= cols) || (row_stride == 1 && col_stride >= rows);
}

void want_matrix(TensorDesc& t) {
  if (!is_plain_matrix(t)) t.strides = t.shape.contiguous_strides();
}

std::unique_ptr<Kernel> lower_desc(MatmulDesc desc) {
  const DType dtype = desc.out.dtype;
  if (!is_reduced_float(dtype)) return lower_matmul(desc);
  std::vector<std::int64_t> inputs{desc.a.numel(), desc.b.numel()};
  if (desc.bias) {
    inputs.push_back(desc.bias->numel());
    desc.bias = as_float(*desc.bias);
  }
  desc.a = as_float(desc.a);
  desc.b = as_float(desc.b);
  desc.out = as_float(desc.out);
  return run_in_float(lower_matmul(desc), dtype, std::move(inputs), {desc.out.numel()});
}

std::unique_ptr<Kernel> lower_matmul_step(const StepDesc& step) {
  return lower_desc({step.inputs[0], step.inputs[1], step.outputs[0], std::nullopt});
}

void choose_matmul(StepDesc& step) {
  want_matrix(step.inputs[0]);
  want_matrix(step.inputs[1]);
}

// x[…, K] as the matrix of its rows.
TensorDesc as_rows(const TensorDesc& t) {
  if (t.shape.rank() == 2) return t;
  const std::int64_t cols = t.shape.back();
  std::int64_t rows = 1;
  for (int d = 0; d + 1 < t.shape.rank(); ++d) rows *= t.shape[d];
  return TensorDesc::contiguous({rows, cols}, t.dtype);
}

// y = x · weightᵀ + bias
std::unique_ptr<Kernel> lower_linear(const StepDesc& step) {
  const TensorDesc& w = step.inputs[1];
  MatmulDesc desc{as_rows(step.inputs[0]),
                  {{w.shape[1], w.shape[0]}, w.dtype, {w.strides[1], w.strides[0]}},
                  as_rows(step.outputs[0]),
                  std::nullopt};
  if (step.inputs.size() == 3) desc.bias = step.inputs[2];
  return lower_desc(std::move(desc));
}

void choose_linear(StepDesc& step) {
  TensorDesc& x = step.inputs[0];
  if (x.shape.rank() != 2 || !is_plain_matrix(x)) x.strides = x.shape.contiguous_strides();
  want_matrix(step.inputs[1]);
  if (step.inputs.size() == 3) step.inputs[2].strides = {1};
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(matmul) {
  table.add("matmul", {lower_matmul_step, choose_matmul});
  table.add("linear", {lower_linear, choose_linear});
}

}  // namespace ingot::cpu
