#include "plan/figures.h"

#include <algorithm>

namespace ingot::plan {
namespace {

double program_flops(const Program& program, const Shape& over) {
  std::int64_t arithmetic = 0;
  for (const Program::Instruction& i : program.code) {
    if (i.kind != Program::Kind::Compute) continue;
    if (i.op == ScalarOp::Cast || i.op == ScalarOp::Where) continue;  // they only move
    if (is_floating(program.code[i.a].dtype) || is_floating(i.dtype)) ++arithmetic;
  }
  return static_cast<double>(arithmetic) * static_cast<double>(over.numel());
}

std::vector<TensorSpec> specs(const std::vector<TensorDesc>& operands) {
  std::vector<TensorSpec> all;
  all.reserve(operands.size());
  for (const TensorDesc& t : operands) all.push_back({t.shape, t.dtype, {}});
  return all;
}

std::uint64_t nbytes_touched(const TensorDesc& t) {
  std::uint64_t count = nbytes_of(t.dtype);
  for (int d = 0; d < t.shape.rank(); ++d)
    if (t.strides[d] != 0 || t.shape[d] == 0) count *= static_cast<std::uint64_t>(t.shape[d]);
  return count;
}

}  // namespace

double flops_of(const StepDesc& step) {
  if (step.program) return program_flops(*step.program, step.outputs[0].shape);
  if (!step.op || !step.op->flops) return -1;
  const std::vector<TensorSpec> inputs = specs(step.inputs), outputs = specs(step.outputs);
  return step.op->flops({step.attrs, inputs, outputs});
}

StepFigures figures_of(const StepDesc& step) {
  StepFigures figures;
  figures.flops = flops_of(step);
  for (const TensorDesc& t : step.inputs) figures.nbytes_read += nbytes_touched(t);
  for (const TensorDesc& t : step.outputs) figures.nbytes_written += nbytes_touched(t);
  if (step.op && !step.program && step.op->traits.selects)
    figures.nbytes_read -=
        nbytes_touched(step.inputs[0]) -
        std::min(nbytes_touched(step.inputs[0]), nbytes_touched(step.outputs[0]));
  std::size_t numbers = 0;
  for (const auto* list : {&step.inputs, &step.outputs})
    for (const TensorDesc& t : *list) numbers += 1 + static_cast<std::size_t>(t.shape.rank());
  figures.operands.reserve(numbers);
  for (const auto* list : {&step.inputs, &step.outputs})
    for (const TensorDesc& t : *list) {
      figures.operands.push_back(static_cast<std::int64_t>(t.dtype) << 8 | t.shape.rank());
      figures.operands.insert(figures.operands.end(), t.shape.begin(), t.shape.end());
    }
  return figures;
}

std::vector<TensorSpec> operand_specs(const StepFigures& figures, Device device) {
  std::vector<TensorSpec> all;
  const std::vector<std::int64_t>& list = figures.operands;
  for (std::size_t i = 0; i < list.size();) {
    const auto rank = static_cast<std::size_t>(list[i] & 0xff);
    all.push_back({Shape(list.data() + i + 1, rank), static_cast<DType>(list[i] >> 8), device});
    i += 1 + rank;
  }
  return all;
}

}  // namespace ingot::plan
