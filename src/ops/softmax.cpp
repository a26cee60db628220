// softmax and log_softmax: composite, with gradients that read only the result.
#include <ingot/ops/softmax.h>

#include <ingot/ops/elementwise.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"

namespace ingot {
namespace ops {
namespace {

void infer_softmax(InferContext& c) {
  c.require_floating(0);
  infer_like_first(c);
}

Dims axis_of(const Attrs& attrs) { return {attrs.as<AxisAttrs>().dim}; }

// The largest element is subtracted first, so that exp cannot overflow.
Tensor centered(const Tensor& x, const Dims& dims) { return x - x.amax(dims, true); }

void expand_softmax(ExpandContext& c) {
  const DType dtype = c.in(0).dtype();
  const Tensor x = c.in(0).to(compute_dtype(dtype));
  if (x.numel() == 0) return c.result(c.in(0).exp());  // no largest element; nothing to compute
  const Dims dims = axis_of(c.attrs);
  const Tensor e = centered(x, dims).exp();
  c.result((e / e.sum(dims, true)).to(dtype));
}

void vjp_softmax(VjpContext& c) {
  const At at{c.node.site()};
  const DType dtype = c.in(0).dtype;
  const Tensor y = c.output(0).to(compute_dtype(dtype), at.site);
  const Tensor g = c.grad().to(compute_dtype(dtype), at.site);
  const Tensor gy = at(g) * y;
  const Tensor inner = gy.sum(axis_of(c.node.attrs()), true, at.site);
  c.set(0, (at(y) * (at(g) - inner)).to(dtype, at.site));
}

const OpDef kSoftmax{.name = "softmax",
                     .infer = infer_softmax,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_softmax,
                     .saves = save_output,
                     .expand = expand_softmax};

void expand_log_softmax(ExpandContext& c) {
  const DType dtype = c.in(0).dtype();
  const Tensor x = c.in(0).to(compute_dtype(dtype));
  if (x.numel() == 0) return c.result(c.in(0).exp());
  const Dims dims = axis_of(c.attrs);
  const Tensor shifted = centered(x, dims);
  c.result((shifted - shifted.exp().sum(dims, true).log()).to(dtype));
}

void vjp_log_softmax(VjpContext& c) {
  const At at{c.node.site()};
  const DType dtype = c.in(0).dtype;
  const Tensor y = c.output(0).to(compute_dtype(dtype), at.site);
  const Tensor g = c.grad().to(compute_dtype(dtype), at.site);
  const Tensor total = g.sum(axis_of(c.node.attrs()), true, at.site);
  c.set(0, (at(g) - at(y.exp(at.site)) * total).to(dtype, at.site));
}

const OpDef kLogSoftmax{.name = "log_softmax",
                        .infer = infer_softmax,
                        .gradient = Gradient::Rule,
                        .vjp = vjp_log_softmax,
                        .saves = save_output,
                        .expand = expand_log_softmax};

Tensor record_along(const OpDef& op, const Tensor& x, std::int64_t dim, Site at) {
  int axis = 0;
  try {
    axis = normalize_dim(dim, std::max(x.dim(), 1), "dim");
  } catch (const IndexError& e) {
    fail<IndexError>(op.name, e.what(), at);
  }
  if (x.dim() > 0) return record(op, {&x}, AxisAttrs{.dim = axis}, at);
  const Tensor vector = x.reshape({1}, at);
  return record(op, {&vector}, AxisAttrs{.dim = 0}, at).reshape({}, at);
}

}  // namespace

INGOT_EXPORT_OPS(softmax, &kSoftmax, &kLogSoftmax)

}  // namespace ops

Tensor softmax(const Tensor& x, std::int64_t dim, Site at) {
  return ops::record_along(ops::kSoftmax, x, dim, at);
}
Tensor log_softmax(const Tensor& x, std::int64_t dim, Site at) {
  return ops::record_along(ops::kLogSoftmax, x, dim, at);
}

Tensor Tensor::softmax(std::int64_t dim, Site at) const { return ingot::softmax(*this, dim, at); }
Tensor Tensor::log_softmax(std::int64_t dim, Site at) const {
  return ingot::log_softmax(*this, dim, at);
}

}  // namespace ingot
