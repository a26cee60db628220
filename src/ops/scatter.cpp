// scatter and what joins elements at the places that an index names.
#include <fmt/format.h>

#include <limits>

#include <ingot/core/site_scope.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/shape.h>

#include "ops/at.h"
#include "ops/flops.h"
#include "ops/slice.h"
#include "ops/support.h"

namespace ingot {
namespace ops {
namespace {

void infer_scatter(InferContext& c) {
  const std::int64_t dim = c.as<AxisAttrs>().dim;
  const Shape &x = c.shape(0), &index = c.shape(1);
  if (c.dtype(1) != DType::Int64)
    c.dtype_error(
        fmt::format("index must be int64, got {}; convert it with .to(int64)", c.in(1).str()));
  bool fits = index.rank() == x.rank();
  for (int d = 0; fits && d < x.rank(); ++d) fits = d == dim || index[d] <= x[d];
  if (!fits)
    c.shape_error(
        fmt::format("index{} does not lie within x{} outside of dimension {}; both need "
                    "the same number of dimensions",
                    index.str(), x.str(), dim));
  if (!(c.shape(2) == index))
    c.shape_error(fmt::format("source{} and index{} must have the same shape", c.shape(2).str(),
                              index.str()));
  if (c.dtype(2) != c.dtype(0))
    c.dtype_error(fmt::format("x is {} but source is {}; convert one with .to(dtype)",
                              name(c.dtype(0)), name(c.dtype(2))));
  c.out(x, c.dtype(0));
}

void vjp_scatter(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const std::int64_t dim = c.as<AxisAttrs>().dim;
  const Tensor index = c.input(1);
  if (c.needs(0)) c.set(0, scatter(c.grad(), dim, index, 0));
  if (c.needs(2)) c.set(2, gather(c.grad(), dim, index));
}

const OpDef kScatter{.name = "scatter",
                     .infer = infer_scatter,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_scatter,
                     .saves = [](const SavesContext&) { return Saved{.inputs = 2}; },
                     .traits = {.checks = true, .in_dtype = true},
                     .flops = no_flops};

// -- scatter_prod, scatter_amax, scatter_amin (x, index, source): x's own elements take part ------

Saved save_all(const SavesContext&) { return {.inputs = 7, .outputs = 1}; }

void vjp_scatter_prod(VjpContext& c);

// Equal extremes share the gradient, x's own among them.
void vjp_scatter_extreme(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const std::int64_t dim = c.as<AxisAttrs>().dim;
  const Tensor index = c.input(1), out = c.output(0);
  const DType t = c.in(0).dtype;
  const Tensor own = cast(c.input(0) == out, t);
  const Tensor theirs = cast(c.input(2) == gather(out, dim, index), t);
  const Tensor share = c.grad() / scatter_add(own, dim, index, theirs);
  if (c.needs(0)) c.set(0, own * share);
  if (c.needs(2)) c.set(2, theirs * gather(share, dim, index));
}

const OpDef kScatterProd{.name = "scatter_prod",
                         .infer = infer_scatter,
                         .gradient = Gradient::Rule,
                         .vjp = vjp_scatter_prod,
                         .saves = save_all,
                         .traits = {.checks = true},
                         .flops = flops_into<2>};
const OpDef kScatterAmax{.name = "scatter_amax",
                         .infer = infer_scatter,
                         .gradient = Gradient::Rule,
                         .vjp = vjp_scatter_extreme,
                         .saves = save_all,
                         .traits = {.checks = true, .reads_rounded = true},
                         .flops = flops_into<2>};
const OpDef kScatterAmin{.name = "scatter_amin",
                         .infer = infer_scatter,
                         .gradient = Gradient::Rule,
                         .vjp = vjp_scatter_extreme,
                         .saves = save_all,
                         .traits = {.checks = true, .reads_rounded = true},
                         .flops = flops_into<2>};

// A factor's gradient is the product of the others: the whole divided by it, or, for the only zero
// of a place, the product without it.
void vjp_scatter_prod(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const AxisAttrs a = c.as<AxisAttrs>();
  const Tensor x = c.input(0), index = c.input(1), source = c.input(2), g = c.grad();
  const auto product = [&](const Tensor& first, const Tensor& others) {
    return record(kScatterProd, {&first, &index, &others}, a, Site::current());
  };
  if (c.needs(0)) c.set(0, g * product(ones_like(x), source));
  if (!c.needs(2)) return;
  const Tensor is_zero = source == 0;
  const Tensor zeros_there =
      gather(scatter_add(zeros_like(x), a.dim, index, cast(is_zero, x.dtype())), a.dim, index);
  const Tensor rest = where(logical_and(is_zero, zeros_there == 1), 1, source);
  const Tensor without = gather(g * product(x, rest), a.dim, index);
  const Tensor divided = gather(g * c.output(0), a.dim, index) / where(is_zero, 1, source);
  c.set(2, where(is_zero, without, divided));
}

// What joins with anything and changes nothing.
Scalar neutral(std::string_view reduce, DType t) {
  if (reduce == "sum" || reduce == "mean") return 0;
  if (reduce == "prod") return 1;
  const bool largest = reduce == "amax";
  return visit_dtype(t, [&]<class T>(T) -> Scalar {
    if constexpr (std::is_integral_v<T>)
      return largest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
    else
      return largest ? -std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::infinity();
  });
}

// What of the source the index names: the source may be larger.
Tensor used_part(const Tensor& source, const Tensor& index, Site at) {
  if (source.dim() != index.dim())
    fail<ShapeError>("scatter",
                     fmt::format("index{} and source{} need the same number of dimensions",
                                 index.shape().str(), source.shape().str()),
                     at);
  Tensor used = source;
  for (int d = 0; d < index.dim(); ++d) {
    const std::int64_t wanted = index.shape()[d], there = source.shape()[d];
    if (wanted > there)
      fail<ShapeError>("scatter",
                       fmt::format("index{} is larger than source{} in dimension {}",
                                   index.shape().str(), source.shape().str(), d),
                       at);
    if (wanted < there) used = record_slice(used, d, 0, wanted, 1, at);
  }
  return used;
}

// x[…] with dimensions, `index` and `values` of one shape.
Tensor reduced_into(const Tensor& x, int axis, const Tensor& index, const Tensor& values,
                    std::string_view reduce, bool include_self, Site at) {
  const AxisAttrs attrs{.dim = axis};
  const Tensor from =
      include_self ? x : scatter(x, axis, index, Operand(neutral(reduce, x.dtype()), at));
  if (reduce == "prod") return record(kScatterProd, {&from, &index, &values}, attrs, at);
  if (reduce == "amax") return record(kScatterAmax, {&from, &index, &values}, attrs, at);
  if (reduce == "amin") return record(kScatterAmin, {&from, &index, &values}, attrs, at);
  const Tensor total = scatter_add(from, axis, index, values, at);
  if (reduce == "sum") return total;
  Tensor count =
      scatter_add(full_like(x, include_self ? 1 : 0, at), axis, index, ones_like(values, at), at);
  if (!include_self) count = maximum(Operand(count, at), 1);
  return is_floating(x.dtype()) ? div({total, at}, count) : floor_divide({total, at}, count);
}

// A 0-dim tensor is indexed as one with a single element.
Tensor as_vector(const Tensor& t, Site at) { return t.dim() == 0 ? t.reshape({1}, at) : t; }

}  // namespace

INGOT_EXPORT_OPS(scatter, &kScatter, &kScatterProd, &kScatterAmax, &kScatterAmin)

}  // namespace ops

using namespace ops;  // the definitions above

Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Operand& source) {
  const Site at = source.site();
  defined("scatter", x, at);
  defined("scatter", index, at);
  const Tensor values =
      source.is_tensor()
          ? used_part(defined("scatter", source.tensor(), at), index, at)
          : full(index.shape(), source.scalar(), {.dtype = x.dtype(), .device = x.device()}, at);
  if (x.dim() > 0) {
    const int axis = checked_dim("scatter", x, dim, at);
    return record(kScatter, {&x, &index, &values}, AxisAttrs{.dim = axis}, at);
  }
  const Tensor one = as_vector(x, at), places = as_vector(index, at),
               sources = as_vector(values, at);
  checked_dim("scatter", one, dim, at);
  return record(kScatter, {&one, &places, &sources}, AxisAttrs{.dim = 0}, at).reshape({}, at);
}

Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Operand& source,
               std::string_view reduce) {
  const Site at = source.site();
  if (reduce != "add" && reduce != "multiply")
    fail<ValueError>("scatter",
                     fmt::format("reduce is \"add\" or \"multiply\", got \"{}\"; scatter_reduce "
                                 "knows more",
                                 reduce),
                     at);
  defined("scatter", x, at);
  defined("scatter", index, at);
  if (const Widened w(at, {&x}); w && !source.is_tensor())
    return w.rounded(scatter(w[0], dim, index, source, reduce));
  const Tensor values = source.is_tensor() ? source.tensor()
                                           : full(index.shape(), source.scalar(),
                                                  {.dtype = x.dtype(), .device = x.device()}, at);
  return scatter_reduce(x, dim, index, values, reduce == "add" ? "sum" : "prod", true, at);
}

Tensor scatter_reduce(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self, Site at) {
  const char* const op = "scatter_reduce";
  defined(op, x, at);
  defined(op, index, at);
  if (reduce != "sum" && reduce != "prod" && reduce != "mean" && reduce != "amax" &&
      reduce != "amin")
    fail<ValueError>(op,
                     fmt::format("reduce is \"sum\", \"prod\", \"mean\", \"amax\" or \"amin\", "
                                 "got \"{}\"",
                                 reduce),
                     at);
  if (x.dtype() == DType::Bool)
    fail<DTypeError>(op, "bool cannot be reduced; convert it with .to(int64)", at);
  if (defined(op, source, at).dtype() != x.dtype())
    fail<DTypeError>(op,
                     fmt::format("x is {} but source is {}; convert one with .to(dtype)",
                                 name(x.dtype()), name(source.dtype())),
                     at);
  if (const Widened w(at, {&x, &source}); w)
    return w.rounded(scatter_reduce(w[0], dim, index, w[1], reduce, include_self, at));
  const Tensor one = as_vector(x, at), places = as_vector(index, at);
  const Tensor values = as_vector(used_part(source, index, at), at);
  const int axis = checked_dim(op, one, dim, at);
  const Tensor result = reduced_into(one, axis, places, values, reduce, include_self, at);
  return x.dim() == 0 ? result.reshape({}, at) : result;
}

Tensor Tensor::scatter(std::int64_t dim, const Tensor& index, const Operand& source,
                       std::string_view reduce) const {
  return ingot::scatter(*this, dim, index, source, reduce);
}

Tensor Tensor::scatter_reduce(std::int64_t dim, const Tensor& index, const Tensor& source,
                              std::string_view reduce, bool include_self, Site at) const {
  return ingot::scatter_reduce(*this, dim, index, source, reduce, include_self, at);
}

Tensor Tensor::scatter(std::int64_t dim, const Tensor& index, const Operand& source) const {
  return ingot::scatter(*this, dim, index, source);
}

}  // namespace ingot
