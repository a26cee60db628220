#include <ingot/ops/creation.h>

#include <cmath>

#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_create(InferContext& c) {
  const auto& a = c.as<CreateAttrs>();
  for (const std::int64_t d : a.shape)
    if (d < 0) c.shape_error(fmt::format("a shape cannot have negative sizes: {}", a.shape.str()));
  c.out(a.shape, a.dtype);
}

constexpr OpDef kFull{.name = "full", .infer = infer_create};          // slot: value
constexpr OpDef kArange{.name = "arange", .infer = infer_create};      // slots: start, step
constexpr OpDef kLinspace{.name = "linspace", .infer = infer_create};  // slots: start, end
constexpr OpDef kEye{.name = "eye", .infer = infer_create};

void check_device(const OpDef& op, Device device, const Site& at) {
  if (device == Device{} || is_available(device)) return;
  fail<DeviceError>(op.name, fmt::format("{}: {}", device.str(), why_unavailable(device)), at);
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
  return record(kFull, {}, number_attrs(dtype, device), at, {value});
}

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              std::optional<DType> dtype, Device device, Site at) {
  check_device(kArange, device, at);
  const bool integers = start.kind() != Scalar::Kind::Float && end.kind() != Scalar::Kind::Float &&
                        step.kind() != Scalar::Kind::Float;
  const DType t = dtype.value_or(integers ? DType::Int64 : DType::Float32);
  const double first = start.to_double(), last = end.to_double(), by = step.to_double();
  if (by == 0 || (by > 0 ? last < first : last > first) || !std::isfinite(first) ||
      !std::isfinite(last) || !std::isfinite(by))
    fail<ValueError>(
        "arange",
        fmt::format("a step of {} does not lead from {} to {}", step.str(), start.str(), end.str()),
        at);
  std::int64_t count = 0;
  if (integers) {
    const std::int64_t s = step.to_int64();
    count = (end.to_int64() - start.to_int64() + s - (s > 0 ? 1 : -1)) / s;
  } else {
    count = static_cast<std::int64_t>(std::ceil((last - first) / by));
  }
  return record(kArange, {}, CreateAttrs{{count}, t, device}, at, {start, step});
}

Tensor arange(const Scalar& end, Site at) {
  return arange(end.kind() == Scalar::Kind::Float ? Scalar(0.0) : Scalar(0), end, 1, {}, {}, at);
}

Tensor linspace(const Scalar& start, const Scalar& end, std::int64_t steps,
                const TensorOptions& options, Site at) {
  check_device(kLinspace, options.device, at);
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
