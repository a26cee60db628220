#include <ingot/ops/order.h>

#include <fmt/format.h>

#include <limits>

#include <ingot/core/site_scope.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "ops/at.h"
#include "ops/flops.h"

namespace ingot {
namespace ops {
namespace {

void infer_sort(InferContext& c) {
  const auto& a = c.as<SortAttrs>();
  Shape out = c.shape(0);
  out[static_cast<int>(a.dim)] = a.k;
  c.out(out, c.dtype(0));
  c.out(out, DType::Int64);
}

void vjp_sort(VjpContext& c) {
  if (!c.grad(0).defined()) return;
  const SiteScope scope(c.node.site());
  const TensorSpec& x = c.in(0);
  const Tensor nothing = zeros(x.shape, {.dtype = x.dtype, .device = x.device});
  c.set(0, scatter_add(nothing, c.as<SortAttrs>().dim, c.output(1), c.grad(0)));
}

const OpDef kSort{.name = "sort",
                  .infer = infer_sort,
                  .gradient = Gradient::Rule,
                  .vjp = vjp_sort,
                  .saves = [](const SavesContext&) { return Saved{.outputs = 2}; }};

// From the last to the first: what element i adds to all that follow.
Tensor reverse_cumsum(const Tensor& x, std::int64_t dim) {
  return flip(cumsum(flip(x, {dim}), dim), {dim});
}

void vjp_cumsum(VjpContext& c) {
  const SiteScope scope(c.node.site());
  c.set(0, reverse_cumsum(c.grad(), c.as<AxisAttrs>().dim));
}

constexpr OpDef kCumsum{.name = "cumsum",
                        .infer = infer_like_first,
                        .gradient = Gradient::Rule,
                        .vjp = vjp_cumsum,
                        .saves = save_nothing,
                        .flops = flops_scanned};

// Element i of `x` along `dim` becomes element i − by; what comes in at the end is 0.
Tensor moved_down(const Tensor& x, int dim, std::int64_t by) {
  std::vector<std::int64_t> sides(static_cast<std::size_t>(2 * (x.dim() - dim)), 0);
  sides.back() = by;
  return pad(x.narrow(dim, by, x.size(dim) - by), sides);
}

// Element i is a factor of every product from i on: its gradient is the product of those before it
// times s[i] = g[i] + x[i + 1]·s[i + 1]. That recurrence is solved by doubling: s[i] = b[i] +
// a[i]·s[i + d] for d = 1, 2, 4, … until i + d is beyond the end. Nothing is divided, so that zeros
// are like any number, in derivatives of every order as well.
void vjp_cumprod(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const int dim = static_cast<int>(c.as<AxisAttrs>().dim);
  const std::int64_t n = c.in(0).shape[dim];
  if (n <= 1) return c.set(0, c.grad());
  const DType dtype = c.in(0).dtype;
  const auto wide = [](const Tensor& t) {
    return is_reduced_float(t.dtype()) ? cast(t, DType::Float32) : t;
  };
  const Tensor x = wide(c.input(0));
  Tensor a = moved_down(x, dim, 1), b = wide(c.grad());
  for (std::int64_t d = 1; d < n; d *= 2) {
    b = b + a * moved_down(b, dim, d);
    if (2 * d < n) a = a * moved_down(a, dim, d);
  }
  std::vector<std::int64_t> one_in_front(static_cast<std::size_t>(2 * (x.dim() - dim)), 0);
  one_in_front[one_in_front.size() - 2] = 1;
  const Tensor before = cumprod(pad(x.narrow(dim, 0, n - 1), one_in_front, "constant", 1), dim);
  c.set(0, cast(before * b, dtype));
}

constexpr OpDef kCumprod{.name = "cumprod",
                         .infer = infer_like_first,
                         .gradient = Gradient::Rule,
                         .vjp = vjp_cumprod,
                         .saves = save_input,
                         .flops = flops_scanned};

void infer_extreme_index(InferContext& c) { c.out(c.shape(0), DType::Int64); }

// Where the largest (smallest) element so far is; the values are gathered from there.
constexpr OpDef kCummaxIndex{
    .name = "cummax_index", .infer = infer_extreme_index, .flops = flops_scanned};
constexpr OpDef kCumminIndex{
    .name = "cummin_index", .infer = infer_extreme_index, .flops = flops_scanned};

int axis_of(std::string_view op, const Tensor& x, std::int64_t dim, Site at) {
  const int rank = std::max(defined(op, x, at).dim(), 1);
  if (dim < -rank || dim >= rank)
    fail<IndexError>(op, fmt::format("dimension {} is out of range for {}", dim, spec_of(x).str()),
                     at);
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}

// The first k elements in order; a 0-dim tensor is a vector of one.
ValuesAndIndices ordered(const Tensor& x, int dim, std::int64_t k, bool descending, Site at) {
  const Tensor vector = x.dim() == 0 ? x.reshape({1}, at) : x;
  const Tensor* const inputs[] = {&vector};
  std::vector<Tensor> out =
      record_multi(kSort, inputs, SortAttrs{.dim = dim, .k = k, .descending = descending}, at);
  if (x.dim() == 0)
    for (Tensor& t : out) t = t.reshape({}, at);
  return {out[0], out[1]};
}

std::int64_t length_of(const Tensor& x, int dim) { return x.dim() == 0 ? 1 : x.shape()[dim]; }

ValuesAndIndices without(ValuesAndIndices r, const Tensor& x, int dim, bool keepdim, Site at) {
  if (keepdim || x.dim() == 0) return r;
  return {r.values.squeeze(dim, at), r.indices.squeeze(dim, at)};
}

Tensor record_scan(const OpDef& op, const Tensor& x, std::int64_t dim, Site at) {
  const int axis = axis_of(op.name, x, dim, at);
  const Tensor number = is_floating(x.dtype()) ? x : cast(x, DType::Int64, at);
  if (x.dim() > 0) return record(op, {&number}, AxisAttrs{.dim = axis}, at);
  const Tensor vector = number.reshape({1}, at);
  return record(op, {&vector}, AxisAttrs{.dim = 0}, at).reshape({}, at);
}

ValuesAndIndices running_extreme(const char* name, const OpDef& op, const Tensor& x,
                                 std::int64_t dim, Site at) {
  const int axis = axis_of(name, x, dim, at);
  const Tensor vector = x.dim() == 0 ? x.reshape({1}, at) : x;
  const Tensor place = record(op, {&vector}, AxisAttrs{.dim = axis}, at);
  const Tensor value = gather(vector, axis, place, at);
  if (x.dim() > 0) return {value, place};
  return {value.reshape({}, at), place.reshape({}, at)};
}

}  // namespace

INGOT_EXPORT_OPS(order, &kSort, &kCumsum, &kCumprod, &kCummaxIndex, &kCumminIndex)

}  // namespace ops

using namespace ops;  // the definitions above

ValuesAndIndices sort(const Tensor& x, std::int64_t dim, bool descending, Site at) {
  const int axis = axis_of("sort", x, dim, at);
  return ordered(x, axis, length_of(x, axis), descending, at);
}

Tensor argsort(const Tensor& x, std::int64_t dim, bool descending, Site at) {
  const int axis = axis_of("argsort", x, dim, at);
  return ordered(x, axis, length_of(x, axis), descending, at).indices;
}

ValuesAndIndices topk(const Tensor& x, std::int64_t k, std::int64_t dim, bool largest, Site at) {
  const int axis = axis_of("topk", x, dim, at);
  if (k < 0 || k > length_of(x, axis))
    fail<ValueError>(
        "topk",
        fmt::format("k = {} is not between 0 and the {} elements of dimension {} of {}", k,
                    length_of(x, axis), axis, spec_of(x).str()),
        at);
  if (x.dim() == 0 && k == 0) {  // a vector without elements, as in PyTorch
    const auto none = ordered(x.reshape({1}, at), 0, 0, largest, at);
    return none;
  }
  return ordered(x, axis, k, largest, at);
}

ValuesAndIndices kthvalue(const Tensor& x, std::int64_t k, std::int64_t dim, bool keepdim,
                          Site at) {
  const int axis = axis_of("kthvalue", x, dim, at);
  if (k < 1 || k > length_of(x, axis))
    fail<ValueError>(
        "kthvalue",
        fmt::format("k = {} is not between 1 and the {} elements of dimension {} of {}", k,
                    length_of(x, axis), axis, spec_of(x).str()),
        at);
  auto r = ordered(x, axis, k, false, at);
  if (x.dim() == 0) return r;
  r = {r.values.narrow(axis, k - 1, 1, at), r.indices.narrow(axis, k - 1, 1, at)};
  return without(r, x, axis, keepdim, at);
}

ValuesAndIndices median(const Tensor& x, std::int64_t dim, bool keepdim, Site at) {
  const int axis = axis_of("median", x, dim, at);
  const std::int64_t n = length_of(x, axis);
  if (n == 0)
    fail<ShapeError>("median", fmt::format("dimension {} of {} is empty", axis, spec_of(x).str()),
                     at);
  if (!is_floating(x.dtype())) return kthvalue(x, (n + 1) / 2, axis, keepdim, at);
  if (x.dim() == 0) return ordered(x, 0, 1, false, at);
  // NaNs stand last: if there are any, the first of them.
  const At s{at};
  const auto [values, places] = ordered(x, axis, n, false, at);
  const Tensor nans = isnan(x, at).to(DType::Int64, at).sum({axis}, true, at);
  const Tensor middle = where(s(nans) > 0, s(s(n) - nans), s((n - 1) / 2));
  const Tensor chosen = cast(middle, DType::Int64, at);
  return without({values.gather(axis, chosen, at), places.gather(axis, chosen, at)}, x, axis,
                 keepdim, at);
}

Tensor median(const Tensor& x, Site at) {
  // The middle of nothing is NaN, as is its mean.
  if (is_floating(defined("median", x, at).dtype()) && x.numel() == 0)
    return full({}, std::numeric_limits<double>::quiet_NaN(),
                {.dtype = x.dtype(), .device = x.device()}, at);
  return median(x.reshape({x.numel()}, at), 0, false, at).values;
}

Tensor cumsum(const Tensor& x, std::int64_t dim, Site at) {
  return record_scan(kCumsum, x, dim, at);
}
Tensor cumprod(const Tensor& x, std::int64_t dim, Site at) {
  return record_scan(kCumprod, x, dim, at);
}

ValuesAndIndices cummax(const Tensor& x, std::int64_t dim, Site at) {
  return running_extreme("cummax", kCummaxIndex, x, dim, at);
}
ValuesAndIndices cummin(const Tensor& x, std::int64_t dim, Site at) {
  return running_extreme("cummin", kCumminIndex, x, dim, at);
}

ValuesAndIndices Tensor::sort(std::int64_t dim, bool descending, Site at) const {
  return ingot::sort(*this, dim, descending, at);
}
Tensor Tensor::argsort(std::int64_t dim, bool descending, Site at) const {
  return ingot::argsort(*this, dim, descending, at);
}
ValuesAndIndices Tensor::topk(std::int64_t k, std::int64_t dim, bool largest, Site at) const {
  return ingot::topk(*this, k, dim, largest, at);
}
Tensor Tensor::cumsum(std::int64_t dim, Site at) const { return ingot::cumsum(*this, dim, at); }
Tensor Tensor::cumprod(std::int64_t dim, Site at) const { return ingot::cumprod(*this, dim, at); }
ValuesAndIndices Tensor::cummax(std::int64_t dim, Site at) const {
  return ingot::cummax(*this, dim, at);
}
ValuesAndIndices Tensor::cummin(std::int64_t dim, Site at) const {
  return ingot::cummin(*this, dim, at);
}

}  // namespace ingot
