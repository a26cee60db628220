// interpolate: linear in its input, so its gradient is one op and that one's gradient is
// interpolate again.
#include <ingot/ops/interpolate.h>

#include <fmt/format.h>

#include <cmath>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kInterpolate, kInterpolateBackward;

void infer_sized(InferContext& c, const Dims& from, const Dims& to) {
  const Shape& x = c.shape(0);
  if (!(Shape{x[2], x[3]} == from))
    c.shape_error(fmt::format("expects images of size {}, got {}", from.str(), x.str()));
  if (!is_floating(c.dtype(0)) && c.dtype(0) != DType::UInt8)
    c.dtype_error(
        fmt::format("needs a floating-point or uint8 tensor, got {}; convert it with "
                    ".to(float32)",
                    c.in(0).str()));
  c.out({x[0], x[1], to[0], to[1]}, c.dtype(0));
}

void infer_interpolate(InferContext& c) {
  const auto& a = c.as<InterpolateAttrs>();
  infer_sized(c, a.source, a.size);
}

void infer_backward(InferContext& c) {
  const auto& a = c.as<InterpolateAttrs>();
  infer_sized(c, a.size, a.source);
}

// Nearest pixels are only moved; what the other modes do depends on the kernel.
double flops_interpolate(const FlopsContext& c) {
  return c.as<InterpolateAttrs>().mode.starts_with("nearest") ? 0 : -1;
}

const OpDef kInterpolate{
    .name = "interpolate",
    .infer = infer_interpolate,
    .gradient = Gradient::Rule,
    .vjp =
        [](VjpContext& c) {
          c.set(0, record(kInterpolateBackward, {&c.grad()}, c.node.attrs(), c.node.site()));
        },
    .saves = save_nothing,
    .traits = {.in_dtype = true},
    .flops = flops_interpolate};

const OpDef kInterpolateBackward{
    .name = "interpolate_backward",
    .infer = infer_backward,
    .gradient = Gradient::Rule,
    .vjp =
        [](VjpContext& c) {
          c.set(0, record(kInterpolate, {&c.grad()}, c.node.attrs(), c.node.site()));
        },
    .saves = save_nothing,
    .traits = {.in_dtype = true},
    .flops = flops_interpolate};

const char* mode_name(Interpolation mode) {
  switch (mode) {
    case Interpolation::Nearest:
      return "nearest";
    case Interpolation::NearestExact:
      return "nearest-exact";
    case Interpolation::Linear:
    case Interpolation::Bilinear:
      return "bilinear";
    case Interpolation::Bicubic:
      break;
  }
  return "bicubic";
}

bool is_nearest(Interpolation mode) {
  return mode == Interpolation::Nearest || mode == Interpolation::NearestExact;
}

void check_options(const InterpolateOptions& o, const Tensor& x, Site at) {
  const auto refuse = [&](const std::string& text) { fail<ValueError>("interpolate", text, at); };
  if (x.dim() != 3 && x.dim() != 4)
    fail<ShapeError>("interpolate",
                     fmt::format("x must be [N, C, H, W] or [N, C, L], got {}", x.shape().str()),
                     at);
  const bool image = x.dim() == 4;
  if (o.size.has_value() == o.scale_factor.has_value())
    refuse("exactly one of size and scale_factor must be given");
  if (image && o.mode == Interpolation::Linear)
    refuse("mode Linear is for sequences [N, C, L]; use Bilinear for x" + x.shape().str());
  if (!image && (o.mode == Interpolation::Bilinear || o.mode == Interpolation::Bicubic))
    refuse("mode Bilinear and Bicubic are for images [N, C, H, W]; use Linear for x" +
           x.shape().str());
  if (o.align_corners && is_nearest(o.mode))
    refuse("align_corners has no meaning for the nearest modes");
  if (o.antialias && o.mode != Interpolation::Bilinear && o.mode != Interpolation::Bicubic)
    refuse("antialias needs mode Bilinear or Bicubic");
  if (o.scale_factor) {
    const bool usable = std::isfinite(o.scale_factor->w) && o.scale_factor->w > 0 &&
                        std::isfinite(o.scale_factor->h) && o.scale_factor->h > 0;
    if (!usable)
      refuse(fmt::format("scale_factor must be positive, got [{}, {}]", o.scale_factor->h,
                         o.scale_factor->w));
  }
  if (!is_nearest(o.mode) && !is_floating(x.dtype()))
    fail<DTypeError>(
        "interpolate",
        fmt::format("needs a floating-point tensor unless the mode is Nearest, got {}; "
                    "convert it with .to(float32)",
                    spec_of(x).str()),
        at);
}

// floor(size · factor), if that is a size.
std::int64_t scaled_size(std::int64_t size, double factor, Site at) {
  const double scaled = std::floor(static_cast<double>(size) * factor);
  if (scaled >= 0x1p53)
    fail<ValueError>("interpolate",
                     fmt::format("scale_factor {} is too large for size {}", factor, size), at);
  return static_cast<std::int64_t>(scaled);
}

}  // namespace

INGOT_EXPORT_OPS(interpolate, &kInterpolate, &kInterpolateBackward)

}  // namespace ops

Tensor interpolate(const Tensor& x, const InterpolateOptions& o, Site at) {
  ops::check_options(o, ops::defined("interpolate", x, at), at);
  const bool image = x.dim() == 4;
  const Tensor planes = image ? x : x.unsqueeze(2, at);
  const std::int64_t h = planes.shape()[2], w = planes.shape()[3];
  InterpolateAttrs attrs{.mode = ops::mode_name(o.mode),
                         .size = {},
                         .source = {h, w},
                         .scale_height = 0,
                         .scale_width = 0,
                         .align_corners = o.align_corners,
                         .antialias = o.antialias};
  if (o.size) {
    attrs.size = {image ? o.size->h : 1, o.size->w};
  } else {
    attrs.size = {image ? ops::scaled_size(h, o.scale_factor->h, at) : 1,
                  ops::scaled_size(w, o.scale_factor->w, at)};
    if (!o.recompute_scale_factor) {
      attrs.scale_height = image ? o.scale_factor->h : 0;
      attrs.scale_width = o.scale_factor->w;
    }
  }
  if (planes.shape()[1] == 0 || h == 0 || w == 0)
    ops::fail<ShapeError>("interpolate",
                          fmt::format("only the batch may be empty, got x{}", x.shape().str()), at);
  if (attrs.size[0] < 1 || attrs.size[1] < 1)
    ops::fail<ValueError>(
        "interpolate",
        fmt::format("the output would have size {}; both must be positive", attrs.size.str()), at);
  const Tensor y = record(ops::kInterpolate, {&planes}, std::move(attrs), at);
  return image ? y : y.squeeze(2, at);
}

}  // namespace ingot
