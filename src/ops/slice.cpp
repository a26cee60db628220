// Parts of tensors: slices and what replaces them, and order reversed. All are copies.
#include <ingot/ops/creation.h>
#include <ingot/ops/shape.h>

#include <algorithm>

#include "ops/flops.h"
#include "ops/slice.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

Shape with_length(Shape shape, std::int64_t dim, std::int64_t length) {
  shape[static_cast<int>(dim)] = length;
  return shape;
}

void infer_slice(InferContext& c) {
  const auto& a = c.as<SliceAttrs>();
  c.out(with_length(c.shape(0), a.dim, a.length), c.dtype(0));
}

void infer_slice_backward(InferContext& c) { c.out(c.as<ScatterAttrs>().shape, c.dtype(0)); }

void infer_slice_scatter(InferContext& c) {
  const auto& a = c.as<SliceAttrs>();
  c.require_same_dtype();
  const Shape part = with_length(c.shape(0), a.dim, a.length);
  if (c.shape(1) != part)
    c.shape_error(fmt::format("the part to replace in {} has shape {}, the source is {}",
                              c.in(0).str(), part.str(), c.in(1).str()));
  c.out(c.shape(0), c.dtype(0));
}

// In all three, slot 0 is the start.
void vjp_slice(VjpContext& c);
void vjp_slice_backward(VjpContext& c);
void vjp_slice_scatter(VjpContext& c);

constexpr OpDef kSlice{.name = "slice",
                       .infer = infer_slice,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_slice,
                       .saves = save_nothing,
                       .traits = {.in_dtype = true, .selects = true},
                       .flops = no_flops};
// Zeros with the gradient of a slice in its place.
constexpr OpDef kSliceBackward{.name = "slice_backward",
                               .infer = infer_slice_backward,
                               .gradient = Gradient::Rule,
                               .vjp = vjp_slice_backward,
                               .saves = save_nothing,
                               .traits = {.in_dtype = true},
                               .flops = no_flops};
constexpr OpDef kSliceScatter{.name = "slice_scatter",
                              .infer = infer_slice_scatter,
                              .gradient = Gradient::Rule,
                              .vjp = vjp_slice_scatter,
                              .saves = save_nothing,
                              .traits = {.in_dtype = true},
                              .flops = no_flops};

void vjp_slice(VjpContext& c) {
  const auto& a = c.as<SliceAttrs>();
  c.set(0, record(kSliceBackward, {&c.grad()}, ScatterAttrs{a.dim, a.step, c.in(0).shape},
                  Site::current(), {c.slot(0)}));
}

void vjp_slice_backward(VjpContext& c) {
  const auto& a = c.as<ScatterAttrs>();
  const std::int64_t length = c.in(0).shape[static_cast<int>(a.dim)];
  c.set(0, record(kSlice, {&c.grad()}, SliceAttrs{a.dim, length, a.step}, Site::current(),
                  {c.slot(0)}));
}

void vjp_slice_scatter(VjpContext& c) {
  const auto& a = c.as<SliceAttrs>();
  if (c.needs(0)) {
    const Tensor nothing = zeros(c.in(1).shape, {.dtype = c.in(1).dtype, .device = c.in(1).device});
    c.set(0, record(kSliceScatter, {&c.grad(), &nothing}, a, Site::current(), {c.slot(0)}));
  }
  if (c.needs(1)) c.set(1, record(kSlice, {&c.grad()}, a, Site::current(), {c.slot(0)}));
}

constexpr OpDef kFlip{
    .name = "flip",
    .infer = infer_like_first,
    .gradient = Gradient::Rule,
    .vjp = [](VjpContext& c) { c.set(0, flip(c.grad(), c.as<PermuteAttrs>().dims)); },
    .saves = save_nothing,
    .traits = {.in_dtype = true},
    .flops = no_flops};

// A range along one dimension, clipped as Python clips.
struct Range {
  std::int64_t start, length;
};

Range clip_range(std::int64_t size, std::int64_t start, std::optional<std::int64_t> end,
                 std::int64_t step) {
  const auto clip = [size](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  const std::int64_t first = clip(start), last = end ? clip(*end) : size;
  return {first, last > first ? (last - first - 1) / step + 1 : 0};
}

void check_step(const char* op, std::int64_t step, const Site& at) {
  if (step <= 0)
    fail<ValueError>(op, fmt::format("the step must be positive, got {}; flip() reverses", step),
                     at);
}

}  // namespace

int checked_dim(const char* op, const Tensor& x, std::int64_t dim, const Site& at) {
  const int rank = defined(op, x, at).dim();
  if (rank == 0) fail<IndexError>(op, "a 0-dim tensor has no dimensions", at);
  if (dim < -rank || dim >= rank)
    fail<IndexError>(op, fmt::format("dimension {} is out of range for {}", dim, spec_of(x).str()),
                     at);
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}

Tensor record_slice(const Tensor& x, int dim, std::int64_t start, std::int64_t length,
                    std::int64_t step, Site at) {
  return as_view(record(kSlice, {&x}, SliceAttrs{dim, length, step}, at, {start}), x);
}

Tensor record_zero_pad(const Tensor& x, int dim, std::int64_t before, std::int64_t after, Site at) {
  const std::int64_t size = (Size(before) + x.shape()[dim] + after).value();
  return record(kSliceBackward, {&x}, ScatterAttrs{dim, 1, with_length(x.shape(), dim, size)}, at,
                {before});
}

INGOT_EXPORT_OPS(slice, &kSlice, &kSliceBackward, &kSliceScatter, &kFlip)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor slice(const Tensor& x, std::int64_t dim, std::int64_t start, std::optional<std::int64_t> end,
             std::int64_t step, Site at) {
  const int d = checked_dim("slice", x, dim, at);
  check_step("slice", step, at);
  const Range range = clip_range(x.shape()[d], start, end, step);
  return record_slice(x, d, range.start, range.length, step, at);
}

Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length, Site at) {
  const int d = checked_dim("narrow", x, dim, at);
  const std::int64_t size = x.shape()[d];
  const std::int64_t first = start < 0 ? start + size : start;
  if (first < 0 || length < 0 || first > size || length > size - first)
    fail<IndexError>("narrow",
                     fmt::format("{} elements from {} on are not all in dimension {} of {}", length,
                                 start, d, spec_of(x).str()),
                     at);
  return record_slice(x, d, first, length, 1, at);
}

Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index, Site at) {
  const int d = checked_dim("select", x, dim, at);
  const std::int64_t size = x.shape()[d];
  if (index < -size || index >= size)
    fail<IndexError>(
        "select",
        fmt::format("index {} is out of range for dimension {} of {}", index, d, spec_of(x).str()),
        at);
  Shape without = x.shape();
  without.erase(d);
  const Tensor row = record_slice(x, d, index < 0 ? index + size : index, 1, 1, at);
  // A view of x, not of the slice, which nobody else holds.
  return as_view(reshape(row, without, at), x);
}

Tensor slice_scatter(const Tensor& x, const Tensor& source, std::int64_t dim, std::int64_t start,
                     std::optional<std::int64_t> end, std::int64_t step, Site at) {
  const int d = checked_dim("slice_scatter", x, dim, at);
  check_step("slice_scatter", step, at);
  const Range range = clip_range(x.shape()[d], start, end, step);
  return record(kSliceScatter, {&x, &source}, SliceAttrs{d, range.length, step}, at, {range.start});
}

Tensor flip(const Tensor& x, const Dims& dims, Site at) {
  Dims sorted;
  for (const std::int64_t dim : dims) {
    const int d = checked_dim("flip", x, dim, at);
    if (sorted.contains(d))
      fail<ValueError>("flip", fmt::format("dimension {} is named twice in {}", d, dims.str()), at);
    sorted.push_back(d);
  }
  std::sort(sorted.begin(), sorted.end());
  return record(kFlip, {&x}, PermuteAttrs{sorted}, at);
}

Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length, Site at) const {
  return ingot::narrow(*this, dim, start, length, at);
}
Tensor Tensor::slice(std::int64_t dim, std::int64_t start, std::optional<std::int64_t> end,
                     std::int64_t step, Site at) const {
  return ingot::slice(*this, dim, start, end, step, at);
}
Tensor Tensor::select(std::int64_t dim, std::int64_t index, Site at) const {
  return ingot::select(*this, dim, index, at);
}

Tensor Tensor::flip(const Dims& dims, Site at) const { return ingot::flip(*this, dims, at); }

}  // namespace ingot
