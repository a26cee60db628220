#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/softmax.h>

#include <ingot/core/site_scope.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/at.h"
#include "ops/flops.h"
#include "ops/reduced_dims.h"

namespace ingot::ops {
namespace {

template <class A>
void infer_reduced(InferContext& c, DType dtype) {
  const auto& a = c.as<A>();
  c.out(reduced_shape(c.shape(0), a.dims, a.keepdim), dtype);
}

void infer_accumulated(InferContext& c) {
  infer_reduced<ReduceAttrs>(c, is_floating(c.dtype(0)) ? c.dtype(0) : DType::Int64);
}

template <class A>
void infer_floating(InferContext& c) {
  c.require_floating(0);
  infer_reduced<A>(c, c.dtype(0));
}

void infer_extremum(InferContext& c) {
  for (const std::int64_t d : c.as<ReduceAttrs>().dims)
    if (c.shape(0)[static_cast<int>(d)] == 0)
      c.shape_error(fmt::format("dimension {} of {} is empty, and nothing has no extremum", d,
                                c.in(0).str()));
  infer_reduced<ReduceAttrs>(c, c.dtype(0));
}

void infer_position(InferContext& c) {
  const auto& a = c.as<AxisAttrs>();
  const Shape& from = c.shape(0);
  if (from.rank() > 0 && from[static_cast<int>(a.dim)] == 0)
    c.shape_error(fmt::format("dimension {} of {} is empty, and nothing has no extremum", a.dim,
                              c.in(0).str()));
  c.out(from.rank() == 0 ? from : reduced_shape(from, {a.dim}, a.keepdim), DType::Int64);
}

void infer_predicate_reduction(InferContext& c) { infer_reduced<ReduceAttrs>(c, DType::Bool); }

template <class A = ReduceAttrs>
Tensor grad_kept(VjpContext& c) {
  return keep_dims(c.grad(), c.in(0).shape, c.as<A>().dims);
}

// -- Definitions ----------------------------------------------------------------------------------

constexpr OpDef kSum{
    .name = "sum",
    .infer = infer_accumulated,
    .gradient = Gradient::Rule,
    .vjp = [](VjpContext& c) { c.set(0, broadcast_to(grad_kept(c), c.in(0).shape)); },
    .saves = save_nothing,
    .traits = {.in_dtype = true},
    .flops = flops_joined};

// Sums in float32 at least, so that a float16 sum does not overflow before it is divided.
Tensor wide(const Tensor& x) { return is_reduced_float(x.dtype()) ? cast(x, DType::Float32) : x; }

// The sum, and a division per result.
double flops_mean(const FlopsContext& c) { return flops_joined(c) + counts(c) * c.numel_out(); }

constexpr OpDef kMean{.name = "mean",
                      .infer = infer_floating<ReduceAttrs>,
                      .gradient = Gradient::Rule,
                      .vjp =
                          [](VjpContext& c) {
                            const Shape& from = c.in(0).shape;
                            const std::int64_t n = reduced_numel(from, c.as<ReduceAttrs>().dims);
                            c.set(0, broadcast_to(grad_kept(c) / n, from));
                          },
                      .saves = save_nothing,
                      .traits = {.in_dtype = true},
                      .flops = flops_mean};

// For each element of x[outer, n] the product of the others in its row: halves are multiplied into
// one row, whose others are then multiplied by the half that each element is not in. Nothing is
// divided, so that zeros are like any number, in derivatives of every order as well.
Tensor product_of_others(const Tensor& x) {
  const std::int64_t n = x.size(1), half = (n + 1) / 2;
  if (n <= 1) return ones(x.shape(), {.dtype = x.dtype(), .device = x.device()});
  const Tensor even = n % 2 ? pad(x, {0, 1}, "constant", 1) : x;
  const Tensor left = even.narrow(1, 0, half), right = even.narrow(1, half, half);
  const Tensor outside = product_of_others(left * right);
  return cat({outside * right, outside * left}, 1).narrow(1, 0, n);
}

// A tensor as a matrix with a row for each group of elements that is reduced to one.
class Rows {
 public:
  Rows(const Shape& from, const Dims& dims) : numel_(reduced_numel(from, dims)) {
    for (const bool reduced : {false, true})
      for (int d = 0; d < from.rank(); ++d)
        if (dims.contains(d) == reduced) {
          order_.push_back(d);
          permuted_.push_back(from[d]);
          if (!reduced) count_ *= from[d];
        }
    for (int d = 0; d < from.rank(); ++d)
      back_.push_back(std::find(order_.begin(), order_.end(), d) - order_.begin());
  }
  Tensor fold(const Tensor& x) const { return reshape(permute(x, order_), {count_, numel_}); }
  Tensor unfold(const Tensor& rows) const { return permute(reshape(rows, permuted_), back_); }

 private:
  Dims order_, back_;
  Shape permuted_;
  std::int64_t count_ = 1, numel_;
};

// Each element's gradient is the product of the others.
void vjp_prod(VjpContext& c) {
  const Dims& dims = c.as<ReduceAttrs>().dims;
  if (dims.empty()) return c.set(0, c.grad());
  const SiteScope scope(c.node.site());
  const Rows rows(c.in(0).shape, dims);
  const Tensor others = rows.unfold(product_of_others(rows.fold(wide(c.input(0)))));
  c.set(0, cast(wide(grad_kept(c)) * others, c.in(0).dtype));
}

constexpr OpDef kProd{.name = "prod",
                      .infer = infer_accumulated,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_prod,
                      .saves = save_input,
                      .flops = flops_joined};

void vjp_extremum(VjpContext& c) {
  const Dims& dims = c.as<ReduceAttrs>().dims;
  if (dims.empty()) return c.set(0, c.grad());
  const Tensor x = c.input(0), extremum = keep_dims(c.output(0), x.shape(), dims);
  // Where NaN is the extremum, the NaNs are.
  const Tensor equal = logical_or(x == extremum, logical_and(isnan(x), isnan(extremum)));
  const Tensor chosen = cast(is_floating(x.dtype()) ? equal : x == extremum, x.dtype());
  c.set(0, chosen * (grad_kept(c) / sum(chosen, dims, true)));
}

Saved save_both(const SavesContext&) { return {.inputs = 1, .outputs = 1}; }

constexpr OpDef kAmax{.name = "amax",
                      .infer = infer_extremum,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_extremum,
                      .saves = save_both,
                      .traits = {.reads_rounded = true},
                      .flops = flops_joined};
constexpr OpDef kAmin{.name = "amin",
                      .infer = infer_extremum,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_extremum,
                      .saves = save_both,
                      .traits = {.reads_rounded = true},
                      .flops = flops_joined};
constexpr OpDef kArgmax{.name = "argmax", .infer = infer_position, .flops = flops_joined};
constexpr OpDef kArgmin{.name = "argmin", .infer = infer_position, .flops = flops_joined};
constexpr OpDef kAny{.name = "any", .infer = infer_predicate_reduction, .flops = no_flops};
constexpr OpDef kAll{.name = "all", .infer = infer_predicate_reduction, .flops = no_flops};

// The gradient is the softmax over all reduced dimensions. exp(x - result) would be that, too, but
// for what the result lost when it was rounded: for x around 1e8 that is everything.
void vjp_logsumexp(VjpContext& c) {
  const Dims& dims = c.as<ReduceAttrs>().dims;
  if (dims.empty()) return c.set(0, c.grad());
  const SiteScope scope(c.node.site());
  const Rows rows(c.in(0).shape, dims);
  const Tensor share = rows.unfold(softmax(rows.fold(c.input(0)), 1));
  c.set(0, grad_kept(c) * share);
}

constexpr OpDef kLogsumexp{.name = "logsumexp",
                           .infer = infer_floating<ReduceAttrs>,
                           .gradient = Gradient::Rule,
                           .vjp = vjp_logsumexp,
                           .saves = save_input,
                           .expand = [](ExpandContext& c) {
                             const auto& a = c.as<ReduceAttrs>();
                             const Tensor x = wide(c.in(0));
                             if (a.dims.empty()) return c.result(c.in(0));
                             if (reduced_numel(x.shape(), a.dims) == 0)
                               return c.result(log(sum(c.in(0), a.dims, a.keepdim)));
                             const Tensor top = amax(x, a.dims, true);
                             // Infinite maxima would give inf - inf.
                             const Tensor shift = where(isinf(top), 0.0, top);
                             const Tensor total = sum(exp(x - shift), a.dims, true);
                             const Tensor result = log(total) + shift;
                             c.result(cast(reshape(result, c.out(0).shape), c.in(0).dtype()));
                           }};

// -- Recording ------------------------------------------------------------------------------------

Tensor record_reduction(const OpDef& op, const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  const ReduceAttrs attrs{reduced_dims(op.name, x, dims, at), keepdim};
  return record(op, {&x}, attrs, at);
}

Tensor record_position(const OpDef& op, const Tensor& x, std::optional<std::int64_t> dim,
                       bool keepdim, Site at) {
  defined(op.name, x, at);
  if (!dim) {
    const Tensor flat = reshape(x, {-1}, at);
    const Tensor position = record(op, {&flat}, AxisAttrs{0, false}, at);
    return keepdim ? reshape(position, Shape::filled(x.dim(), 1), at) : position;
  }
  const Dims one = reduced_dims(op.name, x, {*dim}, at);
  return record(op, {&x}, AxisAttrs{one.empty() ? 0 : one[0], keepdim}, at);
}

}  // namespace

INGOT_EXPORT_OPS(reduction, &kSum, &kMean, &kProd, &kAmax, &kAmin, &kArgmax, &kArgmin, &kAny, &kAll,
                 &kLogsumexp)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kSum, x, dims, keepdim, at);
}
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kMean, x, dims, keepdim, at);
}
Tensor prod(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kProd, x, dims, keepdim, at);
}
Tensor amax(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kAmax, x, dims, keepdim, at);
}
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kAmin, x, dims, keepdim, at);
}
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim, Site at) {
  return record_position(kArgmax, x, dim, keepdim, at);
}
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim, Site at) {
  return record_position(kArgmin, x, dim, keepdim, at);
}
Tensor any(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kAny, x, dims, keepdim, at);
}
Tensor all(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kAll, x, dims, keepdim, at);
}
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_reduction(kLogsumexp, x, dims, keepdim, at);
}

namespace {
ValuesAndIndices with_place(const Tensor& x, std::int64_t dim, const Tensor& place, bool keepdim,
                            Site at) {
  if (x.dim() == 0) return {clone(x, at), place};
  const Tensor value = gather(x, dim, place, at);
  if (keepdim) return {value, place};
  return {squeeze(value, dim, at), squeeze(place, dim, at)};
}
}  // namespace

Tensor max(const Tensor& x, Site at) { return amax(x, {}, false, at); }
Tensor min(const Tensor& x, Site at) { return amin(x, {}, false, at); }
ValuesAndIndices max(const Tensor& x, std::int64_t dim, bool keepdim, Site at) {
  return with_place(x, dim, argmax(x, dim, true, at), keepdim, at);
}
ValuesAndIndices min(const Tensor& x, std::int64_t dim, bool keepdim, Site at) {
  return with_place(x, dim, argmin(x, dim, true, at), keepdim, at);
}
Tensor max(const Tensor& a, const Tensor& b, Site at) { return maximum({a, at}, {b, at}); }
Tensor min(const Tensor& a, const Tensor& b, Site at) { return minimum({a, at}, {b, at}); }

Tensor Tensor::sum(const Dims& dims, bool keepdim, Site at) const {
  return ingot::sum(*this, dims, keepdim, at);
}
Tensor Tensor::mean(const Dims& dims, bool keepdim, Site at) const {
  return ingot::mean(*this, dims, keepdim, at);
}
Tensor Tensor::var(const Dims& dims, bool unbiased, bool keepdim, Site at) const {
  return ingot::var(*this, dims, unbiased, keepdim, at);
}
Tensor Tensor::amax(const Dims& dims, bool keepdim, Site at) const {
  return ingot::amax(*this, dims, keepdim, at);
}
Tensor Tensor::amin(const Dims& dims, bool keepdim, Site at) const {
  return ingot::amin(*this, dims, keepdim, at);
}
Tensor Tensor::argmax(std::optional<std::int64_t> dim, bool keepdim, Site at) const {
  return ingot::argmax(*this, dim, keepdim, at);
}
Tensor Tensor::argmin(std::optional<std::int64_t> dim, bool keepdim, Site at) const {
  return ingot::argmin(*this, dim, keepdim, at);
}
Tensor Tensor::std(const Dims& dims, bool unbiased, bool keepdim, Site at) const {
  return ingot::std(*this, dims, unbiased, keepdim, at);
}
Tensor Tensor::prod(const Dims& dims, bool keepdim, Site at) const {
  return ingot::prod(*this, dims, keepdim, at);
}
Tensor Tensor::logsumexp(const Dims& dims, bool keepdim, Site at) const {
  return ingot::logsumexp(*this, dims, keepdim, at);
}
Tensor Tensor::any(const Dims& dims, bool keepdim, Site at) const {
  return ingot::any(*this, dims, keepdim, at);
}
Tensor Tensor::all(const Dims& dims, bool keepdim, Site at) const {
  return ingot::all(*this, dims, keepdim, at);
}
Tensor Tensor::norm_of(std::optional<double> p, const Dims& dims, bool keepdim, Site at) const {
  return p ? vector_norm(*this, *p, dims, keepdim, at) : ingot::norm(*this, dims, keepdim, at);
}
Tensor Tensor::max(Site at) const { return ingot::max(*this, at); }
Tensor Tensor::min(Site at) const { return ingot::min(*this, at); }
ValuesAndIndices Tensor::max(std::int64_t dim, bool keepdim, Site at) const {
  return ingot::max(*this, dim, keepdim, at);
}
ValuesAndIndices Tensor::min(std::int64_t dim, bool keepdim, Site at) const {
  return ingot::min(*this, dim, keepdim, at);
}

}  // namespace ingot
