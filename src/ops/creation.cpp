#include <ingot/ops/creation.h>

#include <cmath>

#include "core/fits.h"
#include "core/known_ops.h"
#include "core/progression.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_create(InferContext& c) {
  const auto& a = c.as<CreateAttrs>();
  for (const std::int64_t d : a.shape)
    if (d < 0) c.shape_error(fmt::format("a shape cannot have negative sizes: {}", a.shape.str()));
  c.out(a.shape, a.dtype);
}

// start + i · step
double flops_progression(const FlopsContext& c) { return counts(c) * 2 * c.numel_out(); }

}  // namespace
constexpr OpDef kFull{.name = "full", .infer = infer_create, .flops = no_flops};  // slot: value
namespace {
constexpr OpDef kArange{
    .name = "arange", .infer = infer_create, .flops = flops_progression};  // slots: start, step
constexpr OpDef kLinspace{
    .name = "linspace", .infer = infer_create, .flops = flops_progression};  // slots: start, end
constexpr OpDef kEye{.name = "eye", .infer = infer_create, .flops = no_flops};

void check_device(const OpDef& op, Device device, const Site& at) {
  check_available(op.name, device, at);
}

// Numbers in expressions are made all the time: their attributes are kept per dtype.
Attrs number_attrs(DType t, Device device) {
  if (device != Device{}) return CreateAttrs{{}, t, device};
  static const std::array<Attrs, kNumDTypes> all = [] {
    std::array<Attrs, kNumDTypes> a;
    for (int i = 0; i < kNumDTypes; ++i)
      a[static_cast<std::size_t>(i)] = CreateAttrs{{}, static_cast<DType>(i), {}};
    return a;
  }();
  return all[static_cast<std::size_t>(t)];
}

// What fills a tensor must fit its dtype. Numbers in expressions may overflow float32 to infinity,
// those that a user stores may not: as in PyTorch.
void check_fill(const char* op, const Scalar& value, DType t, const Site& at) {
  if (!fits(value, t) || overflows_float32(value, t))
    fail<ValueError>(op, misfit_text(value, t), at);
}

// How many values a sequence from `start` to before `end` has; nothing when there are too many to
// count. `step` leads from one to the other and is not 0.
std::optional<std::int64_t> count_integers(std::int64_t start, std::int64_t end,
                                           std::int64_t step) {
  using Bits = std::uint64_t;
  const Bits distance = step > 0 ? static_cast<Bits>(end) - static_cast<Bits>(start)
                                 : static_cast<Bits>(start) - static_cast<Bits>(end);
  const Bits by = step > 0 ? static_cast<Bits>(step) : Bits{0} - static_cast<Bits>(step);
  const Bits count = distance / by + (distance % by != 0);
  if (count > static_cast<Bits>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

std::optional<std::int64_t> count_steps(double start, double end, double step) {
  double ways = (end - start) / step;
  if (!std::isfinite(ways)) ways = (end / 2 - start / 2) / step * 2;
  const double count = std::ceil(ways);
  if (!(count < 0x1p63)) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

Tensor with_grad(Tensor t, bool requires_grad) {
  if (requires_grad) t.requires_grad_();
  return t;
}

}  // namespace

INGOT_EXPORT_OPS(creation, &kFull, &kArange, &kLinspace, &kEye)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor full(const Shape& shape, const Scalar& value, const TensorOptions& options, Site at) {
  check_device(kFull, options.device, at);
  check_fill("full", value, options.dtype, at);
  return with_grad(
      record(kFull, {}, CreateAttrs{shape, options.dtype, options.device}, at, {value}),
      options.requires_grad);
}

Tensor full(const Shape& shape, const Scalar& value, Site at) {
  return full(shape, value, TensorOptions{.dtype = value.default_dtype()}, at);
}

Tensor zeros(const Shape& shape, const TensorOptions& options, Site at) {
  return full(shape, 0, options, at);
}

Tensor ones(const Shape& shape, const TensorOptions& options, Site at) {
  return full(shape, 1, options, at);
}

Tensor full_like(const Tensor& x, const Scalar& value, Site at) {
  const TensorSpec& s = spec_of(defined("full_like", x, at));
  check_fill("full_like", value, s.dtype, at);
  return record(kFull, {}, CreateAttrs{s.shape, s.dtype, s.device}, at, {value});
}

Tensor zeros_like(const Tensor& x, Site at) { return full_like(x, 0, at); }
Tensor ones_like(const Tensor& x, Site at) { return full_like(x, 1, at); }

Tensor full_like(const Tensor& x, const Scalar& value, DType dtype, Site at) {
  defined("full_like", x, at);
  return full(x.shape(), value, {.dtype = dtype, .device = x.device()}, at);
}
Tensor zeros_like(const Tensor& x, DType dtype, Site at) { return full_like(x, 0, dtype, at); }
Tensor ones_like(const Tensor& x, DType dtype, Site at) { return full_like(x, 1, dtype, at); }

Tensor scalar_tensor(const Scalar& value, DType dtype, Device device, Site at) {
  check_device(kFull, device, at);
  require_fits("scalar_tensor", value, dtype, at);
  return record(kFull, {}, number_attrs(dtype, device), at, {value});
}

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              std::optional<DType> dtype, Device device, Site at) {
  check_device(kArange, device, at);
  const bool integers = start.kind() != Scalar::Kind::Float && end.kind() != Scalar::Kind::Float &&
                        step.kind() != Scalar::Kind::Float;
  const DType t = dtype.value_or(integers ? DType::Int64 : DType::Float32);
  const double first = start.to_double(), last = end.to_double(), by = step.to_double();
  const bool leads = integers ? (step.to_int64() > 0 ? start.to_int64() <= end.to_int64()
                                                     : start.to_int64() >= end.to_int64())
                              : (by > 0 ? first <= last : first >= last);
  if (by == 0 || !leads || !std::isfinite(first) || !std::isfinite(last) || !std::isfinite(by))
    fail<ValueError>(
        "arange",
        fmt::format("a step of {} does not lead from {} to {}", step.str(), start.str(), end.str()),
        at);
  const std::optional<std::int64_t> count =
      integers ? count_integers(start.to_int64(), end.to_int64(), step.to_int64())
               : count_steps(first, last, by);
  if (!count)
    fail<ValueError>("arange",
                     fmt::format("there are too many values from {} to {} in steps of {} to count "
                                 "them",
                                 start.str(), end.str(), step.str()),
                     at);
  if (*count > 0) {
    require_fits("arange", start, t, at);
    require_fits("arange",
                 integers ? Scalar(progression_at(start.to_int64(), *count - 1, step.to_int64()))
                          : Scalar(progression_at(first, static_cast<double>(*count - 1), by)),
                 t, at);
  }
  return record(kArange, {}, CreateAttrs{{*count}, t, device}, at, {start, step});
}

Tensor arange(const Scalar& end, Site at) {
  return arange(end.kind() == Scalar::Kind::Float ? Scalar(0.0) : Scalar(0), end, 1, {}, {}, at);
}

Tensor linspace(const Scalar& start, const Scalar& end, std::int64_t steps,
                const TensorOptions& options, Site at) {
  check_device(kLinspace, options.device, at);
  require_fits("linspace", start, options.dtype, at);
  require_fits("linspace", end, options.dtype, at);
  return with_grad(
      record(kLinspace, {}, CreateAttrs{{steps}, options.dtype, options.device}, at, {start, end}),
      options.requires_grad);
}

Tensor eye(std::int64_t n, std::optional<std::int64_t> m, const TensorOptions& options, Site at) {
  check_device(kEye, options.device, at);
  return with_grad(
      record(kEye, {}, CreateAttrs{{n, m.value_or(n)}, options.dtype, options.device}, at),
      options.requires_grad);
}

}  // namespace ingot
