// max_pool2d, avg_pool2d and their adaptive forms with their gradients. Maxima keep where each
// element came from as a hidden second output; their gradient scatters to those places and the
// gradient's gradient gathers from them.
#include <ingot/ops/pool.h>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kMaxPool2d, kMaxPool2dBackward, kAvgPool2d, kAvgPool2dBackward,
    kAdaptiveAvgPool2d, kAdaptiveAvgPool2dBackward, kAdaptiveMaxPool2d;

void require_image(const InferContext& c, const Shape& x) {
  if (x.rank() != 4)
    c.shape_error(fmt::format("x must be [N, C, H, W] or [C, H, W], got {}", x.str()));
  if (x[1] == 0 || x[2] == 0 || x[3] == 0)
    c.shape_error(fmt::format("only the batch may be empty, got x{}", x.str()));
}

// PyTorch's pooling_output_shape.
Shape pool_output_shape(const InferContext& c, const Shape& x) {
  const auto& a = c.as<PoolAttrs>();
  require_image(c, x);
  Shape out{x[0], x[1]};
  for (int i = 0; i < 2; ++i) {
    if (a.kernel[i] < 1)
      c.value_error(fmt::format("kernel_size must be positive, got {}", a.kernel.str()));
    if (a.stride[i] < 1)
      c.value_error(fmt::format("stride must be positive, got {}", a.stride.str()));
    if (a.dilation[i] < 1)
      c.value_error(fmt::format("dilation must be positive, got {}", a.dilation.str()));
    const std::int64_t reach = (Size(a.dilation[i]) * (a.kernel[i] - 1) + 1).value();
    if (a.padding[i] < 0 || a.padding[i] > reach / 2)
      c.value_error(
          fmt::format("padding must be between 0 and half of the kernel's reach, got padding {} "
                      "for kernel_size {} with dilation {}",
                      a.padding.str(), a.kernel.str(), a.dilation.str()));
    const Size size = x[2 + i];
    const std::int64_t room =
        (size + Size(2) * a.padding[i] - reach + (a.ceil_mode ? a.stride[i] - 1 : 0)).value();
    std::int64_t n = 0;
    if (room >= 0) {
      n = room / a.stride[i] + 1;
      // The last window must start inside the image or its left padding.
      if (a.ceil_mode && Size(n - 1) * a.stride[i] >= size + a.padding[i]) --n;
    }
    if (n < 1)
      c.shape_error(
          fmt::format("no window fits: kernel_size {} with dilation {} and padding {} on x{}",
                      a.kernel.str(), a.dilation.str(), a.padding.str(), x.str()));
    out.push_back(n);
  }
  return out;
}

// `kernel` holds the output size.
Shape adaptive_output_shape(const InferContext& c, const Shape& x) {
  const Dims& size = c.as<PoolAttrs>().kernel;
  require_image(c, x);
  if (size[0] < 1 || size[1] < 1)
    c.value_error(fmt::format("output_size must be positive, got {}", size.str()));
  if (x[2] < 1 || x[3] < 1) c.shape_error(fmt::format("x{} has an empty image", x.str()));
  return {x[0], x[1], size[0], size[1]};
}

bool is_adaptive(const PoolAttrs& a) { return a.stride.empty(); }

void require_grad_shape(const InferContext& c, const Shape& expected) {
  if (!(c.shape(0) == expected))
    c.shape_error(
        fmt::format("the gradient must have shape {}, got {}", expected.str(), c.shape(0).str()));
}

PoolAttrs with_shape(PoolAttrs a, const Shape& shape) {
  a.shape = shape;
  return a;
}

// Along one axis: the elements of the image that all windows have, so that those which two windows
// share count twice.
double in_windows(const PoolAttrs& a, int axis, std::int64_t size, std::int64_t windows) {
  if (is_adaptive(a))  // window o is [⌊o·size/windows⌋, ⌈(o+1)·size/windows⌉)
    return static_cast<double>(size + windows - std::gcd(size, windows));
  const std::int64_t kernel = a.kernel[axis], stride = a.stride[axis];
  const std::int64_t dilation = a.dilation.empty() ? 1 : a.dilation[axis];
  double total = static_cast<double>(windows) * static_cast<double>(kernel);
  const auto outside = [&](std::int64_t window) {
    const std::int64_t start = window * stride - a.padding[axis];
    const std::int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    const std::int64_t end = start < size ? (size - 1 - start) / dilation + 1 : 0;
    return kernel - std::max<std::int64_t>(std::min(kernel, end) - std::min(first, kernel), 0);
  };
  // Only the first and the last windows reach over the edges.
  std::int64_t front = 0;
  for (; front < windows && front * stride < a.padding[axis]; ++front)
    total -= static_cast<double>(outside(front));
  for (std::int64_t w = windows - 1; w >= front && outside(w) > 0; --w)
    total -= static_cast<double>(outside(w));
  return total;
}

// The same for planes of `image` [N, C, H, W] and windows [N, C, OH, OW].
double in_windows(const PoolAttrs& a, const Shape& image, const Shape& windows) {
  if (windows.numel() == 0) return 0;
  return static_cast<double>(windows[0]) * static_cast<double>(windows[1]) *
         in_windows(a, 0, image[2], windows[2]) * in_windows(a, 1, image[3], windows[3]);
}

// Comparisons: one less than elements, in each window.
double flops_max(const FlopsContext& c) {
  return counts(c) * (in_windows(c.as<PoolAttrs>(), c.in(0), c.out()) - c.numel_out());
}
// Each gradient is added where the maximum was.
double flops_max_backward(const FlopsContext& c) { return counts(c) * c.numel_in(0); }
// One addition less than elements, and a division.
double flops_avg(const FlopsContext& c) {
  return counts(c) * in_windows(c.as<PoolAttrs>(), c.in(0), c.out());
}
// A division, and an addition for each element of the window.
double flops_avg_backward(const FlopsContext& c) {
  return counts(c) * (c.numel_in(0) + in_windows(c.as<PoolAttrs>(), c.out(), c.in(0)));
}

// -- max_pool2d(x) -> values, indices
// --------------------------------------------------------------

void infer_max(InferContext& c) {
  const Shape out = pool_output_shape(c, c.shape(0));
  if (c.dtype(0) == DType::Bool) c.dtype_error("bool images cannot be pooled; use .to(uint8)");
  c.out(out, c.dtype(0));
  c.out(out, DType::Int64);
}

void vjp_max(VjpContext& c) {
  if (!c.grad().defined()) return;
  const Tensor indices = c.output(1);
  c.set(0, record(kMaxPool2dBackward, {&c.grad(), &indices},
                  with_shape(c.as<PoolAttrs>(), c.in(0).shape), c.node.site()));
}

const OpDef kMaxPool2d{.name = "max_pool2d",
                       .infer = infer_max,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_max,
                       .saves = [](const SavesContext&) { return Saved{.outputs = 2}; },
                       .traits = {.in_dtype = true},
                       .flops = flops_max};

void infer_max_backward(InferContext& c) {
  const auto& a = c.as<PoolAttrs>();
  const Shape& x = a.shape;
  require_grad_shape(c, is_adaptive(a) ? adaptive_output_shape(c, x) : pool_output_shape(c, x));
  c.out(x, c.dtype(0));
}

void vjp_max_backward(VjpContext& c) {
  if (!c.needs(0)) return;
  const Site at = c.node.site();
  const Shape &x = c.as<PoolAttrs>().shape, &g = c.in(0).shape;
  const Tensor planes = c.grad().reshape({x[0], x[1], x[2] * x[3]}, at);
  const Tensor places = c.input(1).reshape({g[0], g[1], g[2] * g[3]}, at);
  c.set(0, planes.gather(2, places, at).reshape(g, at));
}

const OpDef kMaxPool2dBackward{.name = "max_pool2d_backward",
                               .infer = infer_max_backward,
                               .gradient = Gradient::Rule,
                               .vjp = vjp_max_backward,
                               .saves = [](const SavesContext&) { return Saved{.inputs = 2}; },
                               .traits = {.in_dtype = true},
                               .flops = flops_max_backward};

// -- avg_pool2d(x)
// ---------------------------------------------------------------------------------

void infer_avg(InferContext& c) {
  const Shape out = pool_output_shape(c, c.shape(0));
  c.require_floating(0);
  c.out(out, c.dtype(0));
}

void vjp_avg(VjpContext& c) {
  c.set(0, record(kAvgPool2dBackward, {&c.grad()}, with_shape(c.as<PoolAttrs>(), c.in(0).shape),
                  c.node.site()));
}

const OpDef kAvgPool2d{.name = "avg_pool2d",
                       .infer = infer_avg,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_avg,
                       .traits = {.in_dtype = true},
                       .flops = flops_avg};

void infer_avg_backward(InferContext& c) {
  const Shape& x = c.as<PoolAttrs>().shape;
  require_grad_shape(c, pool_output_shape(c, x));
  c.require_floating(0);
  c.out(x, c.dtype(0));
}

void vjp_avg_backward(VjpContext& c) {
  c.set(0, record(kAvgPool2d, {&c.grad()}, with_shape(c.as<PoolAttrs>(), {}), c.node.site()));
}

const OpDef kAvgPool2dBackward{.name = "avg_pool2d_backward",
                               .infer = infer_avg_backward,
                               .gradient = Gradient::Rule,
                               .vjp = vjp_avg_backward,
                               .traits = {.in_dtype = true},
                               .flops = flops_avg_backward};

// -- adaptive_avg_pool2d(x)
// ------------------------------------------------------------------------

void infer_adaptive(InferContext& c) {
  c.require_floating(0);
  c.out(adaptive_output_shape(c, c.shape(0)), c.dtype(0));
}

void vjp_adaptive(VjpContext& c) {
  c.set(0, record(kAdaptiveAvgPool2dBackward, {&c.grad()},
                  with_shape(c.as<PoolAttrs>(), c.in(0).shape), c.node.site()));
}

const OpDef kAdaptiveAvgPool2d{.name = "adaptive_avg_pool2d",
                               .infer = infer_adaptive,
                               .gradient = Gradient::Rule,
                               .vjp = vjp_adaptive,
                               .traits = {.in_dtype = true},
                               .flops = flops_avg};

void infer_adaptive_backward(InferContext& c) {
  const Shape& x = c.as<PoolAttrs>().shape;
  require_grad_shape(c, adaptive_output_shape(c, x));
  c.require_floating(0);
  c.out(x, c.dtype(0));
}

void vjp_adaptive_backward(VjpContext& c) {
  c.set(0,
        record(kAdaptiveAvgPool2d, {&c.grad()}, with_shape(c.as<PoolAttrs>(), {}), c.node.site()));
}

const OpDef kAdaptiveAvgPool2dBackward{.name = "adaptive_avg_pool2d_backward",
                                       .infer = infer_adaptive_backward,
                                       .gradient = Gradient::Rule,
                                       .vjp = vjp_adaptive_backward,
                                       .traits = {.in_dtype = true},
                                       .flops = flops_avg_backward};

// -- adaptive_max_pool2d(x) -> values, indices
// -----------------------------------------------------

void infer_adaptive_max(InferContext& c) {
  const Shape out = adaptive_output_shape(c, c.shape(0));
  if (c.dtype(0) == DType::Bool) c.dtype_error("bool images cannot be pooled; use .to(uint8)");
  c.out(out, c.dtype(0));
  c.out(out, DType::Int64);
}

const OpDef kAdaptiveMaxPool2d{.name = "adaptive_max_pool2d",
                               .infer = infer_adaptive_max,
                               .gradient = Gradient::Rule,
                               .vjp = vjp_max,
                               .saves = [](const SavesContext&) { return Saved{.outputs = 2}; },
                               .traits = {.in_dtype = true},
                               .flops = flops_max};

Dims dims_of(Pair p) { return {p.h, p.w}; }

PoolAttrs adaptive_attrs(Pair output_size) {
  return {.kernel = dims_of(output_size),
          .stride = {},
          .padding = {},
          .dilation = {},
          .ceil_mode = false,
          .count_include_pad = true,
          .divisor_override = 0,
          .shape = {}};
}

}  // namespace

INGOT_EXPORT_OPS(pool, &kMaxPool2d, &kMaxPool2dBackward, &kAvgPool2d, &kAvgPool2dBackward,
                 &kAdaptiveAvgPool2d, &kAdaptiveAvgPool2dBackward, &kAdaptiveMaxPool2d)

}  // namespace ops

MaxPoolResult max_pool2d_with_indices(const Tensor& x, Pair kernel_size,
                                      const MaxPool2dOptions& options, Site at) {
  if (x.dim() == 3) {
    const auto [values, indices] =
        max_pool2d_with_indices(x.unsqueeze(0, at), kernel_size, options, at);
    return {values.squeeze(0, at), indices.squeeze(0, at)};
  }
  const PoolAttrs attrs{.kernel = ops::dims_of(kernel_size),
                        .stride = ops::dims_of(options.stride.value_or(kernel_size)),
                        .padding = ops::dims_of(options.padding),
                        .dilation = ops::dims_of(options.dilation),
                        .ceil_mode = options.ceil_mode,
                        .count_include_pad = true,
                        .divisor_override = 0,
                        .shape = {}};
  const Tensor* inputs[] = {&x};
  auto outputs = record_multi(ops::kMaxPool2d, inputs, attrs, at);
  return {outputs[0], outputs[1]};
}

Tensor max_pool2d(const Tensor& x, Pair kernel_size, const MaxPool2dOptions& options, Site at) {
  return max_pool2d_with_indices(x, kernel_size, options, at).output;
}

Tensor avg_pool2d(const Tensor& x, Pair kernel_size, const AvgPool2dOptions& options, Site at) {
  if (options.divisor_override == 0)
    ops::fail<ValueError>("avg_pool2d", "divisor_override must not be 0", at);
  if (x.dim() == 3) return avg_pool2d(x.unsqueeze(0, at), kernel_size, options, at).squeeze(0, at);
  const PoolAttrs attrs{.kernel = ops::dims_of(kernel_size),
                        .stride = ops::dims_of(options.stride.value_or(kernel_size)),
                        .padding = ops::dims_of(options.padding),
                        .dilation = {1, 1},
                        .ceil_mode = options.ceil_mode,
                        .count_include_pad = options.count_include_pad,
                        .divisor_override = options.divisor_override.value_or(0),
                        .shape = {}};
  return record(ops::kAvgPool2d, {&x}, attrs, at);
}

Tensor adaptive_avg_pool2d(const Tensor& x, Pair output_size, Site at) {
  if (x.dim() == 3) return adaptive_avg_pool2d(x.unsqueeze(0, at), output_size, at).squeeze(0, at);
  // The usual cases are simpler ops, for which every backend has fast kernels.
  if (x.dim() == 4 && x.numel() > 0 && is_floating(x.dtype()) && output_size.h > 0 &&
      output_size.w > 0) {
    const std::int64_t h = x.shape()[2], w = x.shape()[3];
    if (output_size == Pair(1)) return x.mean({2, 3}, true, at);
    if (h % output_size.h == 0 && w % output_size.w == 0)
      return avg_pool2d(x, {h / output_size.h, w / output_size.w}, {}, at);
  }
  return record(ops::kAdaptiveAvgPool2d, {&x}, ops::adaptive_attrs(output_size), at);
}

MaxPoolResult adaptive_max_pool2d_with_indices(const Tensor& x, Pair output_size, Site at) {
  if (x.dim() == 3) {
    const auto [values, indices] =
        adaptive_max_pool2d_with_indices(x.unsqueeze(0, at), output_size, at);
    return {values.squeeze(0, at), indices.squeeze(0, at)};
  }
  const Tensor* inputs[] = {&x};
  auto outputs =
      record_multi(ops::kAdaptiveMaxPool2d, inputs, ops::adaptive_attrs(output_size), at);
  return {outputs[0], outputs[1]};
}

Tensor adaptive_max_pool2d(const Tensor& x, Pair output_size, Site at) {
  return adaptive_max_pool2d_with_indices(x, output_size, at).output;
}

}  // namespace ingot
