// Layer normalisation, and group normalisation in terms of it.
//
//   layer_norm(x, weight, bias)                        -> y, mean, var     (var over count)
//   layer_norm_backward(grad, x, weight, mean, var)    -> dx, dweight, dbias
//
// As in norm.cpp mean and var are hidden, differentiable outputs, here of x's leading shape.
#include <fmt/format.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/norm.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kLayerNorm, kLayerNormBackward;

int leading_rank(const Shape& x, const LayerNormAttrs& a) {
  return x.rank() - static_cast<int>(a.dims);
}

Shape leading(const Shape& x, const LayerNormAttrs& a) {
  return Shape(x.data(), static_cast<std::size_t>(leading_rank(x, a)));
}

Shape trailing(const Shape& x, const LayerNormAttrs& a) {
  return Shape(x.data() + leading_rank(x, a), static_cast<std::size_t>(a.dims));
}

// Dimensions from `begin` up to `end`.
Dims range(int begin, int end) {
  Dims dims;
  for (int i = begin; i < end; ++i) dims.push_back(i);
  return dims;
}

Dims normalized_dims(const Shape& x, const LayerNormAttrs& a) {
  return range(leading_rank(x, a), x.rank());
}

// A statistic of the leading shape, to broadcast over x.
Tensor over_rows(const Tensor& t, const LayerNormAttrs& a, Site at) {
  Shape shape = t.shape();
  for (std::int64_t i = 0; i < a.dims; ++i) shape.push_back(1);
  return t.reshape(shape, at);
}

// Sum over the leading dimensions; sum() of no dimensions would be over all.
Tensor sum_leading(const Tensor& t, int rank, Site at) {
  return rank == 0 ? t : t.sum(range(0, rank), false, at);
}

void check_affine(InferContext& c, int x, int i, const char* operand) {
  const auto& a = c.as<LayerNormAttrs>();
  const DType dtype = c.dtype(x);
  const Shape expected = trailing(c.shape(x), a);
  if (!(c.shape(i) == expected))
    c.shape_error(fmt::format("{} must have shape {} for x{}, got {}", operand, expected.str(),
                              c.shape(x).str(), c.shape(i).str()));
  if (c.dtype(i) != dtype && c.dtype(i) != compute_dtype(dtype))
    c.dtype_error(fmt::format("{} must be {} like x, got {}; convert it with .to({})", operand,
                              name(dtype), c.in(i).str(), name(dtype)));
}

// -- layer_norm ------------------------------------------------------------------------------------

void infer_layer_norm(InferContext& c) {
  c.require_floating(0);
  check_affine(c, 0, 1, "weight");
  check_affine(c, 0, 2, "bias");
  const Shape rows = leading(c.shape(0), c.as<LayerNormAttrs>());
  c.out(c.shape(0), c.dtype(0));
  c.out(rows, compute_dtype(c.dtype(0)));
  c.out(rows, compute_dtype(c.dtype(0)));
}

void expand_layer_norm(ExpandContext& c) {
  const auto& a = c.as<LayerNormAttrs>();
  const Dims dims = normalized_dims(c.out(0).shape, a);
  const DType dtype = compute_dtype(c.in(0).dtype());
  const Tensor x = c.in(0).to(dtype);
  const Tensor mean = x.mean(dims, true);
  const Tensor centered = x - mean;
  const Tensor var = centered.square().mean(dims, true);
  const Tensor normalized = centered * (var + a.eps).rsqrt();
  c.result((normalized * c.in(1).to(dtype) + c.in(2).to(dtype)).to(c.out(0).dtype));
  c.result(mean.reshape(c.out(1).shape));
  c.result(var.reshape(c.out(2).shape));
}

Saved saves_layer_norm(const SavesContext&) {
  return {.inputs = 1u | 2u, .outputs = 2u | 4u};  // x, weight; mean, var
}

void vjp_layer_norm(VjpContext& c) {
  const At at{c.node.site()};
  const auto& a = c.as<LayerNormAttrs>();
  const Shape& shape = c.in(0).shape;
  const DType dtype = c.in(0).dtype, compute = compute_dtype(dtype);
  Tensor dx;
  if (c.grad(0).defined()) {
    const Tensor x = c.input(0), weight = c.input(1), mean = c.output(1), var = c.output(2);
    const Tensor* inputs[] = {&c.grad(0), &x, &weight, &mean, &var};
    const auto d = record_multi(kLayerNormBackward, inputs, c.node.attrs(), at.site);
    dx = d[0];
    if (c.needs(1)) c.set(1, d[1]);
    if (c.needs(2)) c.set(2, d[2]);
  }
  // Through the statistics: ∂mean/∂x = 1/n and ∂var/∂x = 2 (x − mean)/n.
  const auto n = static_cast<double>(trailing(shape, a).numel());
  const auto add = [&](const Tensor& part) {
    const Tensor p = part.to(dtype, at.site);
    dx = dx.defined() ? at(dx) + p : p;
  };
  if (c.grad(1).defined()) {
    const Tensor g = at(over_rows(c.grad(1), a, at.site)) / n;
    add(g.expand(shape, at.site));
  }
  if (c.grad(2).defined()) {
    const Tensor x = c.input(0).to(compute, at.site);
    const Tensor centered = at(x) - over_rows(c.output(1), a, at.site);
    const Tensor g = at(over_rows(c.grad(2), a, at.site)) * (2.0 / n);
    add(at(centered) * g);
  }
  if (c.needs(0) && dx.defined()) c.set(0, dx);
}

const OpDef kLayerNorm{.name = "layer_norm",
                       .infer = infer_layer_norm,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_layer_norm,
                       .saves = saves_layer_norm,
                       .expand = expand_layer_norm};

// -- layer_norm_backward ---------------------------------------------------------------------------

void infer_layer_norm_backward(InferContext& c) {
  if (!(c.shape(0) == c.shape(1)))
    c.shape_error(
        fmt::format("the gradient must have shape {}, got {}", c.shape(1).str(), c.shape(0).str()));
  check_affine(c, 1, 2, "weight");
  c.out(c.shape(1), c.dtype(1));
  c.out(c.shape(2), c.dtype(2));
  c.out(c.shape(2), c.dtype(2));
}

void expand_layer_norm_backward(ExpandContext& c) {
  const Site at = Site::current();
  const auto& a = c.as<LayerNormAttrs>();
  const Shape& shape = c.out(0).shape;
  const Dims dims = normalized_dims(shape, a);
  const DType dtype = compute_dtype(c.in(1).dtype());
  const auto n = static_cast<double>(trailing(shape, a).numel());
  const Tensor g = c.in(0).to(dtype), x = c.in(1).to(dtype), weight = c.in(2).to(dtype);
  const Tensor rstd = over_rows((c.in(4) + a.eps).rsqrt(), a, at);
  const Tensor normalized = (x - over_rows(c.in(3), a, at)) * rstd;
  const Tensor gw = g * weight;
  const Tensor mean_gw = gw.sum(dims, true) / n;
  const Tensor mean_gwx = (gw * normalized).sum(dims, true) / n;
  c.result(((gw - mean_gw - normalized * mean_gwx) * rstd).to(c.out(0).dtype));
  const int rows = leading_rank(shape, a);
  c.result(sum_leading(g * normalized, rows, at).to(c.out(1).dtype));
  c.result(sum_leading(g, rows, at).to(c.out(2).dtype));
}

const OpDef kLayerNormBackward{.name = "layer_norm_backward",
                               .infer = infer_layer_norm_backward,
                               .gradient = Gradient::Expand,
                               .expand = expand_layer_norm_backward};

}  // namespace

INGOT_EXPORT_OPS(layer_norm, &kLayerNorm, &kLayerNormBackward)

}  // namespace ops

Tensor layer_norm(const Tensor& x, const Shape& shape, const Tensor& weight, const Tensor& bias,
                  double eps, Site at) {
  const LayerNormAttrs attrs{.dims = shape.rank(), .eps = eps};
  if (shape.rank() == 0 || shape.rank() > x.dim() || !(ops::trailing(x.shape(), attrs) == shape))
    ops::fail<ShapeError>(
        "layer_norm",
        fmt::format("x must end with the dimensions {}, got x{}", shape.str(), x.shape().str()),
        at);
  const TensorOptions options{.dtype = ops::compute_dtype(x.dtype()), .device = x.device()};
  const Tensor scale = weight.defined() ? weight : ones(shape, options, at);
  const Tensor shift = bias.defined() ? bias : zeros(shape, options, at);
  const Tensor* inputs[] = {&x, &scale, &shift};
  return record_multi(ops::kLayerNorm, inputs, attrs, at)[0];
}

Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                  double eps, Site at) {
  const ops::At s{at};
  const Shape& shape = x.shape();
  if (shape.rank() < 2)
    ops::fail<ShapeError>(
        "group_norm",
        fmt::format("x must have at least 2 dimensions [N, C, …], got {}", shape.str()), at);
  if (groups < 1 || shape[1] % groups != 0)
    ops::fail<ValueError>("group_norm",
                          fmt::format("{} channels (x{}) cannot be split into {} groups", shape[1],
                                      shape.str(), groups),
                          at);
  // Without weight and bias it is one op, which rounds by itself.
  if (const ops::Widened w(at, {&x, &weight, &bias}); w && (weight.defined() || bias.defined()))
    return w.rounded(group_norm(w[0], groups, w[1], w[2], eps, at));
  std::int64_t size = shape[1] / groups;
  for (int i = 2; i < shape.rank(); ++i) size *= shape[i];
  Tensor y = layer_norm(x.reshape({shape[0], groups, size}, at), {size}, {}, {}, eps, at)
                 .reshape(shape, at);
  Shape per_channel = Shape::filled(shape.rank(), 1);
  per_channel[1] = shape[1];
  const auto affine = [&](const Tensor& t, const char* operand) {
    if (!(t.shape() == Shape{shape[1]}))
      ops::fail<ShapeError>("group_norm",
                            fmt::format("{} must have shape [{}] for x{}, got {}", operand,
                                        shape[1], shape.str(), t.shape().str()),
                            at);
    return t.reshape(per_channel, at);
  };
  if (weight.defined()) y = s(y) * affine(weight, "weight");
  if (bias.defined()) y = s(y) + affine(bias, "bias");
  return y;
}

}  // namespace ingot
