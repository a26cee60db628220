// The public convolutions, all in terms of conv2d and its gradient: a sequence is an image of
// height 1, a transposed convolution is the gradient with respect to the image, and "same" padding
// that is not symmetric puts the odd zeros on the image first.
#include <ingot/ops/conv.h>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "ops/at.h"
#include "ops/conv.h"
#include "ops/slice.h"

namespace ingot {
namespace ops {
namespace {

bool is_same(std::string_view mode) {
  if (mode == "same") return true;
  if (mode == "valid") return false;
  throw ValueError(fmt::format(
      "convolution: padding must be a number, \"same\" or \"valid\", got \"{}\"", mode));
}

Dims dims_of(Pair p) { return {p.h, p.w}; }

// An image of height 1.
Tensor as_row(const Tensor& sequence, Site at) { return sequence.unsqueeze(-2, at); }

struct Padded {
  Tensor x;
  Pair padding;
};

// What conv2d can do with `options`: the image, if need be with the odd zeros of "same" padding.
Padded resolve_padding(const char* op, const Tensor& x, const Tensor& weight,
                       const Conv2dOptions& o, Site at) {
  if (!o.padding.same || weight.dim() != 4 || x.dim() != 4) return {x, o.padding};
  if (o.stride != Pair(1))
    fail<ValueError>(
        op, fmt::format("padding \"same\" needs stride 1, got [{}, {}]", o.stride.h, o.stride.w),
        at);
  Tensor image = x;
  std::int64_t least[2];
  for (int i = 0; i < 2; ++i) {
    const std::int64_t dilation = i == 0 ? o.dilation.h : o.dilation.w;
    const std::int64_t total = checked_sizes(op, at, [&] {
      return (Size(std::max<std::int64_t>(0, dilation)) *
              std::max<std::int64_t>(0, weight.shape()[2 + i] - 1))
          .value();
    });
    least[i] = total / 2;
    if (total % 2 != 0) image = record_zero_pad(image, 2 + i, 0, 1, at);
  }
  return {image, {least[0], least[1]}};
}

// -- Transposed convolution --------------------------------------------------------------------

struct Transposed {
  const char* op;
  const Tensor& x;
  const Tensor& weight;
  const ConvTranspose2dOptions& o;
  Site at;
  /// How the user knows the operands: of a conv_transpose1d without the height.
  bool sequence;

  std::string shape(const Tensor& t) const {
    Shape s = t.shape();
    if (sequence && s.rank() == 4) s.erase(2);
    return s.str();
  }
  std::string pair(Pair p) const {
    return sequence ? fmt::format("{}", p.w) : fmt::format("[{}, {}]", p.h, p.w);
  }

  void check_options() const {
    const auto at_least = [&](const char* what, Pair value, std::int64_t least) {
      if (value.h < least || value.w < least)
        fail<ValueError>(op,
                         fmt::format("{} must {}, got {}", what,
                                     least == 1 ? "be positive" : "not be negative", pair(value)),
                         at);
    };
    at_least("stride", o.stride, 1);
    at_least("dilation", o.dilation, 1);
    at_least("padding", o.padding, 0);
    at_least("output_padding", o.output_padding, 0);
    if (o.groups < 1)
      fail<ValueError>(op, fmt::format("groups must be positive, got {}", o.groups), at);
    if (o.output_padding.h >= std::max(o.stride.h, o.dilation.h) ||
        o.output_padding.w >= std::max(o.stride.w, o.dilation.w))
      fail<ValueError>(
          op,
          fmt::format("output_padding must be less than stride or dilation, got {} for "
                      "stride {} and dilation {}",
                      pair(o.output_padding), pair(o.stride), pair(o.dilation)),
          at);
  }

  void check_operands() const {
    if (x.dim() != 4)
      fail<ShapeError>(
          op,
          fmt::format("x must be {}, got {}",
                      sequence ? "[N, C, L] or [C, L]" : "[N, C, H, W] or [C, H, W]", shape(x)),
          at);
    if (weight.dim() != 4)
      fail<ShapeError>(
          op,
          fmt::format("weight must be {}, got {}",
                      sequence ? "[C, O/groups, K]" : "[C, O/groups, KH, KW]", shape(weight)),
          at);
    const Shape& w = weight.shape();
    if (w[1] < 1 || w[2] < 1 || w[3] < 1)
      fail<ShapeError>(op, fmt::format("weight{} is empty", shape(weight)), at);
    if (x.shape()[1] != w[0])
      fail<ShapeError>(op,
                       fmt::format("weight{} expects x to have {} channels, got x{} ({})",
                                   shape(weight), w[0], shape(x), x.shape()[1]),
                       at);
    if (w[0] % o.groups != 0)
      fail<ShapeError>(op,
                       fmt::format("{} input channels (weight{}) cannot be split into {} groups",
                                   w[0], shape(weight), o.groups),
                       at);
    if (x.shape()[2] < 1 || x.shape()[3] < 1)
      fail<ShapeError>(op, fmt::format("only the batch may be empty, got x{}", shape(x)), at);
    if (!is_floating(x.dtype()))
      fail<DTypeError>(op,
                       fmt::format("needs a floating-point tensor, got {}; convert it with "
                                   ".to(float32)",
                                   spec_of(x).str()),
                       at);
    if (x.dtype() != weight.dtype())
      fail<DTypeError>(op,
                       fmt::format("operands have different dtypes: x is {}, weight is {}; convert "
                                   "one with .to()",
                                   name(x.dtype()), name(weight.dtype())),
                       at);
  }

  Shape output_shape() const {
    const Shape &s = x.shape(), &w = weight.shape();
    const Shape out = checked_sizes(op, at, [&] {
      Shape shape{s[0], (Size(w[1]) * o.groups).value()};
      for (int i = 0; i < 2; ++i) {
        const auto of = [i](Pair p) { return Size(i == 0 ? p.h : p.w); };
        shape.push_back((Size(s[2 + i] - 1) * of(o.stride) - Size(2) * of(o.padding) +
                         of(o.dilation) * Size(w[2 + i] - 1) + of(o.output_padding) + 1)
                            .value());
      }
      return shape;
    });
    if (out[2] < 1 || out[3] < 1)
      fail<ShapeError>(op,
                       fmt::format("padding {} leaves nothing of the output (x{}, weight{})",
                                   pair(o.padding), shape(x), shape(weight)),
                       at);
    return out;
  }

  Tensor record() const {
    check_options();
    check_operands();
    const ConvAttrs attrs{.stride = dims_of(o.stride),
                          .padding = dims_of(o.padding),
                          .dilation = dims_of(o.dilation),
                          .groups = o.groups,
                          .shape = output_shape()};
    // Output padding of a whole stride or more is what further rows of zeros give.
    Tensor image = x;
    if (const std::int64_t rows = o.output_padding.h / o.stride.h; rows > 0)
      image = record_zero_pad(image, 2, 0, rows, at);
    if (const std::int64_t columns = o.output_padding.w / o.stride.w; columns > 0)
      image = record_zero_pad(image, 3, 0, columns, at);
    return record_conv2d_backward_input(image, weight, attrs, at);
  }
};

Tensor transposed(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const ConvTranspose2dOptions& options, bool sequence, Site at) {
  const Transposed form{op, x, weight, options, at, sequence};
  const Tensor y = form.record();
  if (!bias.defined()) return y;
  const std::int64_t channels = y.shape()[1];
  if (!(bias.shape() == Shape{channels}))
    fail<ShapeError>(op,
                     fmt::format("bias must have shape [{}] for weight{} with groups={}, got {}",
                                 channels, form.shape(weight), options.groups, bias.shape().str()),
                     at);
  if (bias.dtype() != x.dtype())
    fail<DTypeError>(op,
                     fmt::format("operands have different dtypes: x is {}, bias is {}; convert one "
                                 "with .to()",
                                 name(x.dtype()), name(bias.dtype())),
                     at);
  const Tensor shift = bias.reshape({1, channels, 1, 1}, at);
  if (!is_reduced_float(x.dtype())) return Operand(y, at) + shift;
  // As conv2d: the bias is added before the result is rounded.
  const Tensor wide_x = x.to(DType::Float32, at), wide_weight = weight.to(DType::Float32, at);
  const Tensor wide = Transposed{op, wide_x, wide_weight, options, at, sequence}.record();
  return (Operand(wide, at) + shift).to(x.dtype(), at);
}

}  // namespace
}  // namespace ops

ConvPadding::ConvPadding(const char* mode) : Pair(0), same(ops::is_same(mode)) {}
ConvPadding1d::ConvPadding1d(const char* mode) : same(ops::is_same(mode)) {}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2dOptions& options, Site at) {
  if (x.dim() == 3) return conv2d(x.unsqueeze(0, at), weight, bias, options, at).squeeze(0, at);
  const auto [image, padding] = ops::resolve_padding("conv2d", x, weight, options, at);
  return ops::record_conv2d(image, weight, bias,
                            {.stride = ops::dims_of(options.stride),
                             .padding = ops::dims_of(padding),
                             .dilation = ops::dims_of(options.dilation),
                             .groups = options.groups,
                             .shape = {}},
                            at);
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv1dOptions& options, Site at) {
  if (x.dim() == 2) return conv1d(x.unsqueeze(0, at), weight, bias, options, at).squeeze(0, at);
  if (x.dim() != 3)
    ops::fail<ShapeError>(
        "conv1d", fmt::format("x must be [N, C, L] or [C, L], got {}", x.shape().str()), at);
  if (weight.dim() != 3)
    ops::fail<ShapeError>(
        "conv1d", fmt::format("weight must be [O, C/groups, K], got {}", weight.shape().str()), at);
  // What conv2d would say of an image that the user does not know of.
  const std::int64_t channels = x.shape()[1];
  const std::int64_t expected = ops::checked_sizes(
      "conv1d", at, [&] { return (Size(weight.shape()[1]) * options.groups).value(); });
  if (channels != expected)
    ops::fail<ShapeError>(
        "conv1d",
        fmt::format("weight{} with groups={} expects x to have {} channels, got "
                    "x{} ({})",
                    weight.shape().str(), options.groups, expected, x.shape().str(), channels),
        at);
  const std::int64_t padding = options.padding.same ? 0 : options.padding.size;
  const auto [reach, padded] = ops::checked_sizes("conv1d", at, [&] {
    return std::pair((Size(options.dilation) * (weight.shape()[2] - 1) + 1).value(),
                     (Size(2) * padding + x.shape()[2]).value());
  });
  if (!options.padding.same && padding >= 0 && reach > padded)
    ops::fail<ShapeError>("conv1d",
                          fmt::format("the kernel reaches over {} elements (weight{}, dilation {}) "
                                      "but the padded input has only {} (x{}, padding {})",
                                      reach, weight.shape().str(), options.dilation, padded,
                                      x.shape().str(), padding),
                          at);
  ConvPadding sides(0, padding);
  sides.same = options.padding.same;
  return conv2d(ops::as_row(x, at), ops::as_row(weight, at), bias,
                {.stride = {1, options.stride},
                 .padding = sides,
                 .dilation = {1, options.dilation},
                 .groups = options.groups},
                at)
      .squeeze(2, at);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& options, Site at) {
  if (x.dim() == 3)
    return conv_transpose2d(x.unsqueeze(0, at), weight, bias, options, at).squeeze(0, at);
  return ops::transposed("conv_transpose2d", x, weight, bias, options, false, at);
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose1dOptions& options, Site at) {
  if (x.dim() == 2)
    return conv_transpose1d(x.unsqueeze(0, at), weight, bias, options, at).squeeze(0, at);
  const ConvTranspose2dOptions image{.stride = {1, options.stride},
                                     .padding = {0, options.padding},
                                     .output_padding = {0, options.output_padding},
                                     .groups = options.groups,
                                     .dilation = {1, options.dilation}};
  const Tensor row = x.dim() == 3 ? ops::as_row(x, at) : x;
  const Tensor kernel = weight.dim() == 3 ? ops::as_row(weight, at) : weight;
  // A 4-dim operand is wrong here, whatever conv_transpose2d would make of it.
  if (x.dim() == 4 || weight.dim() == 4)
    ops::fail<ShapeError>("conv_transpose1d",
                          fmt::format("x must be [N, C, L] or [C, L] and weight [C, O/groups, K], "
                                      "got x{} and weight{}",
                                      x.shape().str(), weight.shape().str()),
                          at);
  return ops::transposed("conv_transpose1d", row, kernel, bias, image, true, at).squeeze(2, at);
}

}  // namespace ingot
