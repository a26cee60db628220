// Views: other shapes and orders of the same elements.
#include <ingot/ops/shape.h>

#include "core/known_ops.h"
#include "ops/broadcast.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

constexpr OpDef kReshape{
    .name = "reshape",
    .infer =
        [](InferContext& c) {
          const Shape& to = c.as<ShapeAttrs>().shape;
          if (to.numel() != c.shape(0).numel())
            c.shape_error(fmt::format("{} has {} elements and does not fit into shape {} ({})",
                                      c.in(0).str(), c.shape(0).numel(), to.str(), to.numel()));
          c.out(to, c.dtype(0));
        },
    .gradient = Gradient::Rule,
    .vjp = [](VjpContext& c) { c.set(0, reshape(c.grad(), c.in(0).shape)); },
    .saves = save_nothing,
    .traits = {.view = true}};

void infer_permute(InferContext& c) {
  const Dims& dims = c.as<PermuteAttrs>().dims;
  const Shape& from = c.shape(0);
  Shape to;
  std::uint32_t seen = 0;
  for (const std::int64_t d : dims) {
    if (d < 0 || d >= from.rank() || (seen >> d & 1u))
      c.shape_error(
          fmt::format("{} is not an order of the dimensions of {}", dims.str(), c.in(0).str()));
    seen |= 1u << d;
    to.push_back(from[static_cast<int>(d)]);
  }
  if (to.rank() != from.rank())
    c.shape_error(
        fmt::format("{} names {} of {} dimensions", dims.str(), dims.rank(), from.rank()));
  c.out(to, c.dtype(0));
}

}  // namespace
constexpr OpDef kPermute{.name = "permute",
                         .infer = infer_permute,
                         .gradient = Gradient::Rule,
                         .vjp =
                             [](VjpContext& c) {
                               const Dims& dims = c.as<PermuteAttrs>().dims;
                               Dims inverse = dims;
                               for (int i = 0; i < dims.rank(); ++i)
                                 inverse[static_cast<int>(dims[i])] = i;
                               c.set(0, permute(c.grad(), inverse));
                             },
                         .saves = save_nothing,
                         .traits = {.view = true}};
namespace {

void infer_broadcast_to(InferContext& c) {
  const Shape& to = c.as<ShapeAttrs>().shape;
  const Shape& from = c.shape(0);
  const int added = to.rank() - from.rank();
  bool fits = added >= 0;
  for (int i = 0; fits && i < from.rank(); ++i) fits = from[i] == to[i + added] || from[i] == 1;
  if (!fits)
    c.shape_error(fmt::format("{} cannot be expanded to {}: only dimensions of size 1 can grow",
                              c.in(0).str(), to.str()));
  c.out(to, c.dtype(0));
}

}  // namespace
constexpr OpDef kBroadcastTo{
    .name = "broadcast_to",
    .infer = infer_broadcast_to,
    .gradient = Gradient::Rule,
    .vjp = [](VjpContext& c) { c.set(0, sum_to(c.grad(), c.in(0).shape)); },
    .saves = save_nothing,
    .traits = {.view = true}};
namespace {

// The tensor itself when the shape stays: PyTorch's view of the same shape aliases, and here only
// the same cell does.
Tensor reshape_view(const Tensor& x, const Shape& shape, Site at) {
  if (shape == x.shape()) return x;
  return as_view(record(kReshape, {&x}, ShapeAttrs{shape}, at), x);
}

int dim_of(const Tensor& x, std::int64_t dim, const char* op, const Site& at, int more = 0) {
  try {
    return normalize_dim(dim, defined(op, x, at).dim() + more, op);
  } catch (const IndexError& e) {
    throw IndexError(e.what() + recorded_at(at, record_state().has_outer_site
                                                    ? record_state().outer_site
                                                    : Site{}));
  }
}

}  // namespace

INGOT_EXPORT_OPS(shape, &kReshape, &kPermute, &kBroadcastTo)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor reshape(const Tensor& x, const Shape& shape, Site at) {
  const std::int64_t numel = defined("reshape", x, at).numel();
  Shape to = shape;
  int unknown = -1;
  Size product = 1;
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == -1 && unknown < 0) {
      unknown = i;
    } else if (to[i] < 0) {
      fail<ShapeError>("reshape",
                       fmt::format("{} is no shape: at most one size may be -1, and no "
                                   "other negative",
                                   shape.str()),
                       at);
    } else {
      product =
          checked_sizes("reshape", at, [&] { return to.contains(0) ? Size(0) : product * to[i]; });
    }
  }
  const std::int64_t known = product.value();
  if (unknown >= 0) {
    if (known == 0 || numel % known != 0)
      fail<ShapeError>("reshape",
                       fmt::format("{} has {} elements and does not fit into shape {}",
                                   spec_of(x).str(), numel, shape.str()),
                       at);
    to[unknown] = numel / known;
  }
  return reshape_view(x, to, at);
}

Tensor flatten(const Tensor& x, std::int64_t start, std::int64_t end, Site at) {
  const int first = dim_of(x, start, "flatten", at), last = dim_of(x, end, "flatten", at);
  if (x.dim() == 0) return reshape_view(x, {1}, at);
  if (first > last)
    fail<ValueError>("flatten", fmt::format("start {} comes after end {}", start, end), at);
  Shape to;
  for (int i = 0; i < first; ++i) to.push_back(x.shape()[i]);
  std::int64_t joined = 1;
  for (int i = first; i <= last; ++i) joined *= x.shape()[i];
  to.push_back(joined);
  for (int i = last + 1; i < x.dim(); ++i) to.push_back(x.shape()[i]);
  return reshape_view(x, to, at);
}

Tensor permute(const Tensor& x, const Dims& dims, Site at) {
  Dims order;
  for (const std::int64_t d : dims) order.push_back(dim_of(x, d, "permute", at));
  return as_view(record(kPermute, {&x}, PermuteAttrs{order}, at), x);
}

Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b, Site at) {
  const int i = dim_of(x, a, "transpose", at), j = dim_of(x, b, "transpose", at);
  if (x.dim() == 0) return x;
  Dims order = Dims::filled(x.dim(), 0);
  for (int d = 0; d < x.dim(); ++d) order[d] = d;
  std::swap(order[i], order[j]);
  return as_view(record(kPermute, {&x}, PermuteAttrs{order}, at), x);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape, Site at) {
  const Shape& from = defined("expand", x, at).shape();
  Shape to = shape;
  const int added = to.rank() - from.rank();
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == -1 && i >= added) to[i] = from[i - added];
    if (to[i] < 0)
      fail<ShapeError>("expand",
                       fmt::format("{} cannot be expanded to {}: only sizes of dimensions that "
                                   "exist can be kept with -1",
                                   spec_of(x).str(), shape.str()),
                       at);
  }
  if (to == from) return x;
  return as_view(record(kBroadcastTo, {&x}, ShapeAttrs{to}, at), x);
}

Tensor squeeze(const Tensor& x, std::optional<std::int64_t> dim, Site at) {
  const int only = dim ? dim_of(x, *dim, "squeeze", at) : -1;
  const Shape& from = defined("squeeze", x, at).shape();
  Shape to;
  for (int i = 0; i < from.rank(); ++i)
    if (from[i] != 1 || (dim && i != only)) to.push_back(from[i]);
  return reshape_view(x, to, at);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim, Site at) {
  const int position = dim_of(x, dim, "unsqueeze", at, 1);
  Shape to = x.shape();
  to.insert(position, 1);
  return reshape_view(x, to, at);
}

Tensor Tensor::reshape(const Shape& shape, Site at) const {
  return ingot::reshape(*this, shape, at);
}
Tensor Tensor::flatten(std::int64_t start, std::int64_t end, Site at) const {
  return ingot::flatten(*this, start, end, at);
}
Tensor Tensor::permute(const Dims& dims, Site at) const { return ingot::permute(*this, dims, at); }
Tensor Tensor::transpose(std::int64_t a, std::int64_t b, Site at) const {
  return ingot::transpose(*this, a, b, at);
}
Tensor Tensor::expand(const Shape& shape, Site at) const { return broadcast_to(*this, shape, at); }
Tensor Tensor::squeeze(std::optional<std::int64_t> dim, Site at) const {
  return ingot::squeeze(*this, dim, at);
}
Tensor Tensor::unsqueeze(std::int64_t dim, Site at) const {
  return ingot::unsqueeze(*this, dim, at);
}

}  // namespace ingot
