// conv2d and its gradients.
#include "backend/cpu/contraction.h"
#include "backend/cpu/reduced.h"
#include "backend/kernel_table.h"
#include "backend/layouts.h"

namespace ingot::cpu {
namespace {

// Images are wanted channels-last: as fast as oneDNN's blocked ones here, and what every other
// kernel can read.

std::unique_ptr<Kernel> lower_desc(ConvDesc desc, std::vector<std::int64_t> inputs,
                                   std::int64_t output) {
  const DType dtype = desc.x.dtype;
  if (!is_reduced_float(dtype)) return lower_convolution(desc);
  desc.x = as_float(desc.x);
  desc.weight = as_float(desc.weight);
  desc.y = as_float(desc.y);
  if (desc.bias) desc.bias = as_float(*desc.bias);
  return run_in_float(lower_convolution(desc), dtype, std::move(inputs), {output});
}

std::vector<std::int64_t> input_numels(const StepDesc& step) {
  std::vector<std::int64_t> numels;
  for (const TensorDesc& t : step.inputs) numels.push_back(t.numel());
  return numels;
}

std::unique_ptr<Kernel> lower_conv2d(const StepDesc& step) {
  ConvDesc d{ConvKind::Forward, step.inputs[0], step.inputs[1],
             step.outputs[0],   std::nullopt,   step.as<ConvAttrs>()};
  if (step.inputs.size() == 3) d.bias = step.inputs[2];
  return lower_desc(std::move(d), input_numels(step), step.outputs[0].numel());
}

void choose_conv2d(StepDesc& step) {
  make_channels_last(step.inputs[0]);
  make_row_major(step.inputs[1]);
  if (step.inputs.size() == 3) make_row_major(step.inputs[2]);
  make_channels_last(step.outputs[0]);
}

std::unique_ptr<Kernel> lower_backward_input(const StepDesc& step) {
  return lower_desc({ConvKind::BackwardInput, step.outputs[0], step.inputs[1], step.inputs[0],
                     std::nullopt, step.as<ConvAttrs>()},
                    input_numels(step), step.outputs[0].numel());
}

void choose_backward_input(StepDesc& step) {
  make_channels_last(step.inputs[0]);
  make_row_major(step.inputs[1]);
  make_channels_last(step.outputs[0]);
}

std::unique_ptr<Kernel> lower_backward_weight(const StepDesc& step) {
  return lower_desc({ConvKind::BackwardWeight, step.inputs[1], step.outputs[0], step.inputs[0],
                     std::nullopt, step.as<ConvAttrs>()},
                    input_numels(step), step.outputs[0].numel());
}

void choose_backward_weight(StepDesc& step) {
  make_channels_last(step.inputs[0]);
  make_channels_last(step.inputs[1]);
  make_row_major(step.outputs[0]);
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(conv) {
  table.add("conv2d", {lower_conv2d, choose_conv2d});
  table.add("conv2d_backward_input", {lower_backward_input, choose_backward_input});
  table.add("conv2d_backward_weight", {lower_backward_weight, choose_backward_weight});
}

}  // namespace ingot::cpu
