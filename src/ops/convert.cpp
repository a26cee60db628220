// Conversion between dtypes and devices, and copies.
#include <ingot/ops/elementwise.h>

#include "core/known_ops.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

constexpr OpDef kCast = primitive(
    "cast", ScalarOp::Cast, [](InferContext& c) { c.out(c.shape(0), c.as<CastAttrs>().dtype); },
    save_nothing, [](VjpContext& c) { c.set(0, cast(c.grad(), c.in(0).dtype)); });

constexpr OpDef kClone{.name = "clone",
                       .infer = infer_like_first,
                       .gradient = Gradient::Rule,
                       .vjp = [](VjpContext& c) { c.set(0, c.grad()); },
                       .saves = save_nothing,
                       .traits = {.alias = true}};

// A copy to another device; plans carry it out themselves.
}  // namespace
constexpr OpDef kCopyTo{
    .name = "copy_to",
    .infer = [](InferContext& c) { c.out(c.shape(0), c.dtype(0), c.as<CopyAttrs>().device); },
    .gradient = Gradient::Rule,
    .vjp = [](VjpContext& c) { c.set(0, c.grad().to(c.in(0).device)); },
    .saves = save_nothing,
    .traits = {.in_dtype = true},
    .flops = no_flops};
namespace {

// The attributes of a cast, made once per dtype.
const Attrs& cast_attrs(DType t) {
  static const std::array<Attrs, kNumDTypes> all = [] {
    std::array<Attrs, kNumDTypes> a;
    for (int i = 0; i < kNumDTypes; ++i)
      a[static_cast<std::size_t>(i)] = CastAttrs{static_cast<DType>(i)};
    return a;
  }();
  return all[static_cast<std::size_t>(t)];
}

}  // namespace

INGOT_EXPORT_OPS(convert, &kCast, &kClone, &kCopyTo)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor cast(const Tensor& x, DType dtype, Site at) {
  if (defined(kCast.name, x, at).dtype() == dtype) return x;
  return record(kCast, {&x}, cast_attrs(dtype), at);
}

Tensor clone(const Tensor& x, Site at) { return record(kClone, {&x}, {}, at); }

Tensor Tensor::to(DType dtype, Site at) const { return cast(*this, dtype, at); }

Tensor Tensor::to(Device device, Site at) const {
  if (ops::defined(kCopyTo.name, *this, at).device() == device) return *this;
  ops::check_available("to", device, at);
  return record(kCopyTo, {this}, CopyAttrs{device}, at);
}

// The smaller elements travel; and of the two dtypes the wider one need not be there on both
// devices.
Tensor Tensor::to(Device device, DType dtype, Site at) const {
  const DType own = ops::defined(kCopyTo.name, *this, at).dtype();
  return nbytes_of(dtype) <= nbytes_of(own) ? to(dtype, at).to(device, at)
                                            : to(device, at).to(dtype, at);
}

Tensor Tensor::to(const Tensor& other, Site at) const {
  const Tensor& like = ops::defined(kCopyTo.name, other, at);
  return to(like.device(), like.dtype(), at);
}

Tensor Tensor::to(const ToOptions& options, Site at) const {
  const Tensor& x = ops::defined(kCopyTo.name, *this, at);
  const Device device = options.device.value_or(x.device());
  const bool begins = options.non_blocking && device != x.device() && x.is_evaluated();
  const Tensor moved = x.to(device, options.dtype.value_or(x.dtype()), at);
  if (begins) evaluate_alone(moved);
  return options.copy && moved.is_same(x) ? clone(at) : moved;
}

Tensor Tensor::clone(Site at) const { return ingot::clone(*this, at); }

// Physical order is the plan's business: every tensor is contiguous as far as a user can see.
Tensor Tensor::contiguous(Site at) const { return ops::defined("contiguous", *this, at); }

}  // namespace ingot
