// conv2d and its two gradients. Each is linear in both operands, so the three ops are each other's
// gradients and any number of derivatives stays within them. The public functions are in
// conv_forms.cpp.
#include "ops/conv.h"

#include <fmt/format.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kConv2d, kConv2dBackwardInput, kConv2dBackwardWeight;

Shape conv_output_shape(const InferContext& c, const Shape& x, const Shape& w) {
  const auto& a = c.as<ConvAttrs>();
  Shape out{x[0], w[0]};
  for (int i = 0; i < 2; ++i) {
    const std::int64_t padded = (Size(2) * a.padding[i] + x[2 + i]).value();
    const std::int64_t reach = (Size(a.dilation[i]) * (w[2 + i] - 1) + 1).value();
    if (reach > padded)
      c.shape_error(
          fmt::format("the kernel reaches over {} elements (weight{}, dilation {}) but the padded "
                      "input has only {} (x{}, padding {})",
                      reach, w.str(), a.dilation.str(), padded, x.str(), a.padding.str()));
    out.push_back((padded - reach) / a.stride[i] + 1);
  }
  return out;
}

// Shapes of an image batch and a weight that fit each other; returns the output's shape.
Shape check_conv(const InferContext& c, const Shape& x, const Shape& w) {
  const auto& a = c.as<ConvAttrs>();
  if (a.groups < 1) c.value_error(fmt::format("groups must be positive, got {}", a.groups));
  for (int i = 0; i < 2; ++i) {
    if (a.stride[i] < 1)
      c.value_error(fmt::format("stride must be positive, got {}", a.stride.str()));
    if (a.dilation[i] < 1)
      c.value_error(fmt::format("dilation must be positive, got {}", a.dilation.str()));
    if (a.padding[i] < 0)
      c.value_error(fmt::format("padding must not be negative, got {}", a.padding.str()));
  }
  if (x.rank() != 4)
    c.shape_error(fmt::format("x must be [N, C, H, W] or [C, H, W], got {}", x.str()));
  if (w.rank() != 4)
    c.shape_error(fmt::format("weight must be [O, C/groups, KH, KW], got {}", w.str()));
  if (w[2] < 1 || w[3] < 1) c.shape_error(fmt::format("weight{} has an empty kernel", w.str()));
  const std::int64_t channels = (Size(w[1]) * a.groups).value();
  if (x[1] != channels)
    c.shape_error(fmt::format("weight{} with groups={} expects x to have {} channels, got x{} ({})",
                              w.str(), a.groups, channels, x.str(), x[1]));
  if (w[0] % a.groups != 0)
    c.shape_error(fmt::format("{} output channels (weight{}) cannot be split into {} groups", w[0],
                              w.str(), a.groups));
  return conv_output_shape(c, x, w);
}

ConvAttrs with_shape(ConvAttrs a, const Shape& shape) {
  a.shape = shape;
  return a;
}

// -- conv2d(x, weight[, bias])
// ---------------------------------------------------------------------

void infer_conv2d(InferContext& c) {
  const Shape out = check_conv(c, c.shape(0), c.shape(1));
  if (c.num_inputs() == 3 && !(c.shape(2) == Shape{out[1]}))
    c.shape_error(fmt::format("bias must have shape [{}] for weight{}, got {}", out[1],
                              c.shape(1).str(), c.shape(2).str()));
  c.require_floating(0);
  c.require_same_dtype();
  c.out(out, c.dtype(0));
}

void vjp_conv2d(VjpContext& c) {
  const Site at = c.node.site();
  const auto& a = c.as<ConvAttrs>();
  const Tensor& g = c.grad();
  if (c.needs(0)) {
    const Tensor weight = c.input(1);
    c.set(0, record(kConv2dBackwardInput, {&g, &weight}, with_shape(a, c.in(0).shape), at));
  }
  if (c.needs(1)) {
    const Tensor x = c.input(0);
    c.set(1, record(kConv2dBackwardWeight, {&g, &x}, with_shape(a, c.in(1).shape), at));
  }
  if (c.num_inputs() == 3 && c.needs(2)) c.set(2, g.sum({0, 2, 3}, false, at));
}

// Each operand's gradient reads the other operand.
Saved saves_other(const SavesContext& c) {
  return {.inputs = (c.needs(0) ? 2u : 0u) | (c.needs(1) ? 1u : 0u)};
}

// An element of the output (or of its gradient) meets a filter [C/groups, KH, KW], over the padding
// as well: what is done there depends on the kernel, and PyTorch's FlopCounterMode counts it, too.
double filter_numel(const Shape& weight) {
  return static_cast<double>(weight[1]) * static_cast<double>(weight[2]) *
         static_cast<double>(weight[3]);
}

double flops_conv2d(const FlopsContext& c) {
  const double bias = c.inputs.size() == 3 ? counts(c) * c.numel_out() : 0;
  return flops_of_products(c, c.numel_out(), filter_numel(c.in(1))) + bias;
}

const OpDef kConv2d{.name = "conv2d",
                    .infer = infer_conv2d,
                    .gradient = Gradient::Rule,
                    .vjp = vjp_conv2d,
                    .saves = saves_other,
                    .traits = {.in_dtype = true},
                    .flops = flops_conv2d};

// -- conv2d_backward_input(grad, weight)
// -----------------------------------------------------------

void require_grad_shape(const InferContext& c, const Shape& expected) {
  if (!(c.shape(0) == expected))
    c.shape_error(
        fmt::format("the gradient must have shape {}, got {}", expected.str(), c.shape(0).str()));
}

void infer_backward_input(InferContext& c) {
  const Shape& x = c.as<ConvAttrs>().shape;
  require_grad_shape(c, check_conv(c, x, c.shape(1)));
  c.require_floating(0);
  c.require_same_dtype();
  c.out(x, c.dtype(0));
}

void vjp_backward_input(VjpContext& c) {
  const Site at = c.node.site();
  const auto& a = c.as<ConvAttrs>();
  const Tensor& h = c.grad();  // shaped like x
  if (c.needs(0)) {
    const Tensor weight = c.input(1);
    c.set(0, record(kConv2d, {&h, &weight}, with_shape(a, {}), at));
  }
  if (c.needs(1)) {
    const Tensor g = c.input(0);
    c.set(1, record(kConv2dBackwardWeight, {&g, &h}, with_shape(a, c.in(1).shape), at));
  }
}

double flops_backward_input(const FlopsContext& c) {
  return flops_of_products(c, c.numel_in(0), filter_numel(c.in(1)));
}

const OpDef kConv2dBackwardInput{.name = "conv2d_backward_input",
                                 .infer = infer_backward_input,
                                 .gradient = Gradient::Rule,
                                 .vjp = vjp_backward_input,
                                 .saves = saves_other,
                                 .traits = {.in_dtype = true},
                                 .flops = flops_backward_input};

// -- conv2d_backward_weight(grad, x)
// ---------------------------------------------------------------

void infer_backward_weight(InferContext& c) {
  const Shape& w = c.as<ConvAttrs>().shape;
  require_grad_shape(c, check_conv(c, c.shape(1), w));
  c.require_floating(0);
  c.require_same_dtype();
  c.out(w, c.dtype(0));
}

void vjp_backward_weight(VjpContext& c) {
  const Site at = c.node.site();
  const auto& a = c.as<ConvAttrs>();
  const Tensor& h = c.grad();  // shaped like the weight
  if (c.needs(0)) {
    const Tensor x = c.input(1);
    c.set(0, record(kConv2d, {&x, &h}, with_shape(a, {}), at));
  }
  if (c.needs(1)) {
    const Tensor g = c.input(0);
    c.set(1, record(kConv2dBackwardInput, {&g, &h}, with_shape(a, c.in(1).shape), at));
  }
}

double flops_backward_weight(const FlopsContext& c) {
  return flops_of_products(c, c.numel_in(0), filter_numel(c.out()));
}

const OpDef kConv2dBackwardWeight{.name = "conv2d_backward_weight",
                                  .infer = infer_backward_weight,
                                  .gradient = Gradient::Rule,
                                  .vjp = vjp_backward_weight,
                                  .saves = saves_other,
                                  .traits = {.in_dtype = true},
                                  .flops = flops_backward_weight};

}  // namespace

Tensor record_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvAttrs& attrs, Site at) {
  if (!bias.defined()) return record(kConv2d, {&x, &weight}, attrs, at);
  return record(kConv2d, {&x, &weight, &bias}, attrs, at);
}

Tensor record_conv2d_backward_input(const Tensor& grad, const Tensor& weight,
                                    const ConvAttrs& attrs, Site at) {
  return record(kConv2dBackwardInput, {&grad, &weight}, attrs, at);
}

INGOT_EXPORT_OPS(conv, &kConv2d, &kConv2dBackwardInput, &kConv2dBackwardWeight)

}  // namespace ops
}  // namespace ingot
