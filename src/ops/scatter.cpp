#include <fmt/format.h>

#include <ingot/core/site_scope.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/index.h>
#include <ingot/ops/shape.h>

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
                     .traits = {.checks = true}};

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

}  // namespace

INGOT_EXPORT_OPS(scatter, &kScatter)

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
  // A 0-dim tensor is indexed as one with a single element.
  const auto vector = [&](const Tensor& t) { return t.dim() == 0 ? t.reshape({1}, at) : t; };
  const Tensor one = vector(x), places = vector(index), sources = vector(values);
  checked_dim("scatter", one, dim, at);
  return record(kScatter, {&one, &places, &sources}, AxisAttrs{.dim = 0}, at).reshape({}, at);
}

Tensor Tensor::scatter(std::int64_t dim, const Tensor& index, const Operand& source) const {
  return ingot::scatter(*this, dim, index, source);
}

}  // namespace ingot
