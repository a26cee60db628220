// Batch normalisation.
//
//   batch_norm(x, weight, bias)                         -> y, mean, var     (var over count)
//   batch_norm_backward(grad, x, weight, mean, var)     -> dx, dweight, dbias
//   batch_norm_eval(x, mean, var, weight, bias)         -> y
//
// mean and var are hidden, ordinary outputs of shape [C]: the running statistics and the gradient
// read them. They are differentiable, so that second derivatives flow through the statistics.
#include <ingot/ops/norm.h>

#include <fmt/format.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"
#include "ops/flops.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kBatchNorm, kBatchNormBackward, kBatchNormEval;

// Every dimension but the channels.
Dims reduced_dims(const Shape& x) {
  Dims dims;
  for (int i = 0; i < x.rank(); ++i)
    if (i != 1) dims.push_back(i);
  return dims;
}

std::int64_t count_per_channel(const Shape& x) {
  std::int64_t n = 1;
  for (const std::int64_t d : reduced_dims(x)) n *= x[static_cast<int>(d)];
  return n;
}

// [C] as [1, C, 1, 1], to broadcast over x.
Tensor per_channel(const Tensor& t, const Shape& x, Site at) {
  Shape shape = Shape::filled(x.rank(), 1);
  shape[1] = x[1];
  return t.reshape(shape, at);
}

void check_operands(InferContext& c, int x_index, int first_vector,
                    std::initializer_list<const char*> names) {
  const Shape& x = c.shape(x_index);
  if (x.rank() < 2)
    c.shape_error(fmt::format("x must have at least 2 dimensions [N, C, …], got {}", x.str()));
  c.require_floating(x_index);
  const DType dtype = c.dtype(x_index);
  int i = first_vector;
  for (const char* operand : names) {
    if (!(c.shape(i) == Shape{x[1]}))
      c.shape_error(fmt::format("{} must have shape [{}] for x{}, got {}", operand, x[1], x.str(),
                                c.shape(i).str()));
    if (c.dtype(i) != dtype && c.dtype(i) != compute_dtype(dtype))
      c.dtype_error(fmt::format("{} must be {} like x, got {}; convert it with .to({})", operand,
                                name(dtype), c.in(i).str(), name(dtype)));
    ++i;
  }
}

// -- batch_norm
// ------------------------------------------------------------------------------------

void infer_batch_norm(InferContext& c) {
  check_operands(c, 0, 1, {"weight", "bias"});
  const Shape& x = c.shape(0);
  if (count_per_channel(x) == 1)
    c.value_error(fmt::format(
        "training needs more than one value per channel, got x{}; use a larger batch or "
        "evaluation mode",
        x.str()));
  c.out(x, c.dtype(0));
  c.out({x[1]}, compute_dtype(c.dtype(0)));
  c.out({x[1]}, compute_dtype(c.dtype(0)));
}

void expand_batch_norm(ExpandContext& c) {
  const Site at = Site::current();
  const Shape& shape = c.out(0).shape;
  const Dims dims = reduced_dims(shape);
  const DType dtype = compute_dtype(c.in(0).dtype());
  const Tensor x = c.in(0).to(dtype), weight = c.in(1).to(dtype), bias = c.in(2).to(dtype);
  // Two passes: the variance of centered values loses nothing to cancellation.
  const Tensor mean = x.mean(dims, true);
  const Tensor centered = x - mean;
  const Tensor var = centered.square().mean(dims, true);
  const Tensor scale = (var + c.as<NormAttrs>().eps).rsqrt() * per_channel(weight, shape, at);
  c.result((centered * scale + per_channel(bias, shape, at)).to(c.out(0).dtype));
  c.result(mean.reshape(c.out(1).shape));
  c.result(var.reshape(c.out(2).shape));
}

Saved saves_batch_norm(const SavesContext&) {
  return {.inputs = 1u | 2u, .outputs = 2u | 4u};  // x, weight; mean, var
}

void vjp_batch_norm(VjpContext& c) {
  const At at{c.node.site()};
  const Shape& shape = c.in(0).shape;
  const DType dtype = c.in(0).dtype, compute = compute_dtype(dtype);
  Tensor dx;
  if (c.grad(0).defined()) {
    const Tensor x = c.input(0), weight = c.input(1), mean = c.output(1), var = c.output(2);
    const Tensor* inputs[] = {&c.grad(0), &x, &weight, &mean, &var};
    const auto d = record_multi(kBatchNormBackward, inputs, c.node.attrs(), at.site);
    dx = d[0];
    if (c.needs(1)) c.set(1, d[1]);
    if (c.needs(2)) c.set(2, d[2]);
  }
  // Through the statistics: ∂mean/∂x = 1/n and ∂var/∂x = 2 (x − mean)/n.
  const double n = static_cast<double>(count_per_channel(shape));
  if (c.grad(1).defined()) {
    const Tensor g = at(per_channel(c.grad(1), shape, at.site)) / n;
    const Tensor full = g.expand(shape, at.site).to(dtype, at.site);
    dx = dx.defined() ? at(dx) + full : full;
  }
  if (c.grad(2).defined()) {
    const Tensor x = c.input(0).to(compute, at.site);
    const Tensor centered = at(x) - per_channel(c.output(1), shape, at.site);
    const Tensor g = at(per_channel(c.grad(2), shape, at.site)) * (2.0 / n);
    const Tensor part = (at(centered) * g).to(dtype, at.site);
    dx = dx.defined() ? at(dx) + part : part;
  }
  if (c.needs(0) && dx.defined()) c.set(0, dx);
}

// Both count what their expansions do: so often per element, and three times per channel.
double flops_batch_norm(const FlopsContext& c) { return 6 * c.numel_in(0) + 3 * c.numel_out(1); }
double flops_batch_norm_backward(const FlopsContext& c) {
  return 9 * c.numel_in(0) + 3 * c.numel_out(1);
}

const OpDef kBatchNorm{.name = "batch_norm",
                       .infer = infer_batch_norm,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_batch_norm,
                       .saves = saves_batch_norm,
                       .expand = expand_batch_norm,
                       .flops = flops_batch_norm};

// -- batch_norm_backward
// ---------------------------------------------------------------------------

void infer_batch_norm_backward(InferContext& c) {
  check_operands(c, 1, 2, {"weight", "mean", "var"});
  if (!(c.shape(0) == c.shape(1)))
    c.shape_error(
        fmt::format("the gradient must have shape {}, got {}", c.shape(1).str(), c.shape(0).str()));
  c.out(c.shape(1), c.dtype(1));
  c.out(c.shape(2), c.dtype(2));
  c.out(c.shape(2), c.dtype(2));
}

void expand_batch_norm_backward(ExpandContext& c) {
  const Site at = Site::current();
  const Shape& shape = c.out(0).shape;
  const Dims dims = reduced_dims(shape);
  const DType dtype = compute_dtype(c.in(1).dtype());
  const double n = static_cast<double>(count_per_channel(shape));
  const Tensor g = c.in(0).to(dtype), x = c.in(1).to(dtype), weight = c.in(2).to(dtype);
  const Tensor rstd = per_channel((c.in(4) + c.as<NormAttrs>().eps).rsqrt(), shape, at);
  const Tensor normalized = (x - per_channel(c.in(3), shape, at)) * rstd;
  const Tensor dbias = g.sum(dims, true);
  const Tensor dweight = (g * normalized).sum(dims, true);
  const Tensor scale = per_channel(weight, shape, at) * rstd;
  c.result(((g - dbias / n - normalized * (dweight / n)) * scale).to(c.out(0).dtype));
  c.result(dweight.reshape(c.out(1).shape).to(c.out(1).dtype));
  c.result(dbias.reshape(c.out(2).shape).to(c.out(2).dtype));
}

const OpDef kBatchNormBackward{.name = "batch_norm_backward",
                               .infer = infer_batch_norm_backward,
                               .gradient = Gradient::Expand,
                               .expand = expand_batch_norm_backward,
                               .flops = flops_batch_norm_backward};

// -- batch_norm_eval
// -------------------------------------------------------------------------------

void infer_batch_norm_eval(InferContext& c) {
  check_operands(c, 0, 1, {"running_mean", "running_var", "weight", "bias"});
  c.out(c.shape(0), c.dtype(0));
}

void expand_batch_norm_eval(ExpandContext& c) {
  const Site at = Site::current();
  const Shape& shape = c.out(0).shape;
  const DType dtype = compute_dtype(c.in(0).dtype());
  const Tensor x = c.in(0).to(dtype), mean = c.in(1).to(dtype), var = c.in(2).to(dtype);
  const Tensor scale = (var + c.as<NormAttrs>().eps).rsqrt() * c.in(3).to(dtype);
  const Tensor shift = c.in(4).to(dtype) - mean * scale;
  c.result((x * per_channel(scale, shape, at) + per_channel(shift, shape, at)).to(c.out(0).dtype));
}

Saved saves_batch_norm_eval(const SavesContext& c) {
  // dx reads var and weight; dweight reads x, mean and var.
  return {.inputs = (c.needs(0) ? 4u | 8u : 0u) | (c.needs(3) ? 1u | 2u | 4u : 0u)};
}

// The running statistics are constants: they get no gradient, as in PyTorch.
void vjp_batch_norm_eval(VjpContext& c) {
  const At at{c.node.site()};
  const Shape& shape = c.in(0).shape;
  const Dims dims = reduced_dims(shape);
  const DType dtype = compute_dtype(c.in(0).dtype);
  const Tensor g = c.grad().to(dtype, at.site);
  const auto rstd = [&] {
    const Tensor var = c.input(2).to(dtype, at.site);
    return (at(var) + c.as<NormAttrs>().eps).rsqrt(at.site);
  };
  if (c.needs(0)) {
    const Tensor scale = at(rstd()) * c.input(3).to(dtype, at.site);
    c.set(0, (at(g) * per_channel(scale, shape, at.site)).to(c.in(0).dtype, at.site));
  }
  if (c.needs(3)) {
    const Tensor x = c.input(0).to(dtype, at.site), mean = c.input(1).to(dtype, at.site);
    const Tensor centered = at(x) - per_channel(mean, shape, at.site);
    const Tensor sum = (at(g) * centered).sum(dims, false, at.site);
    c.set(3, (at(sum) * rstd()).to(c.in(3).dtype, at.site));
  }
  if (c.needs(4)) c.set(4, g.sum(dims, false, at.site).to(c.in(4).dtype, at.site));
}

const OpDef kBatchNormEval{.name = "batch_norm_eval",
                           .infer = infer_batch_norm_eval,
                           .gradient = Gradient::Rule,
                           .vjp = vjp_batch_norm_eval,
                           .saves = saves_batch_norm_eval,
                           .expand = expand_batch_norm_eval};

void check_running(const Tensor& running, std::int64_t channels, const char* operand, Site at) {
  check_in_place(running, "batch_norm", at);
  if (!(running.shape() == Shape{channels}))
    fail<ShapeError>(
        "batch_norm",
        fmt::format("{} must have shape [{}], got {}", operand, channels, running.shape().str()),
        at);
  if (!is_floating(running.dtype()))
    fail<DTypeError>("batch_norm",
                     fmt::format("{} must be floating, got {}", operand, name(running.dtype())),
                     at);
}

// running ← (1 − momentum)·running + momentum·batch
void move_running(const Tensor& running, const Tensor& batch, double momentum, Site at) {
  const At s{at};
  const DType wide = compute_dtype(running.dtype());
  const Tensor kept = s(running.to(wide, at)) * (1.0 - momentum);
  const Tensor taken = s(batch.to(wide, at)) * momentum;
  rebind(running, (s(kept) + taken).to(running.dtype(), at));
}

}  // namespace

INGOT_EXPORT_OPS(norm, &kBatchNorm, &kBatchNormBackward, &kBatchNormEval)

}  // namespace ops

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps, Site at) {
  const NormAttrs attrs{.eps = eps};
  const std::int64_t channels = x.dim() > 1 ? x.shape()[1] : 1;
  const TensorOptions options{.dtype = ops::compute_dtype(x.dtype()), .device = x.device()};
  const Tensor scale = weight.defined() ? weight : ones({channels}, options, at);
  const Tensor shift = bias.defined() ? bias : zeros({channels}, options, at);
  if (!training) {
    if (!running_mean.defined() || !running_var.defined())
      ops::fail<ValueError>("batch_norm", "evaluation mode needs running_mean and running_var", at);
    return record(ops::kBatchNormEval, {&x, &running_mean, &running_var, &scale, &shift}, attrs,
                  at);
  }
  const Tensor* inputs[] = {&x, &scale, &shift};
  const auto outputs = record_multi(ops::kBatchNorm, inputs, attrs, at);
  const NoGradGuard no_grad;
  // Both are checked before either moves.
  if (running_mean.defined()) ops::check_running(running_mean, channels, "running_mean", at);
  if (running_var.defined()) ops::check_running(running_var, channels, "running_var", at);
  // Nothing was seen of an empty batch.
  if (ops::count_per_channel(x.shape()) == 0) return outputs[0];
  if (running_mean.defined()) ops::move_running(running_mean, outputs[1], momentum, at);
  if (running_var.defined()) {
    const auto n = static_cast<double>(ops::count_per_channel(x.shape()));
    ops::move_running(running_var, Operand(outputs[2], at) * (n / (n - 1)), momentum, at);
  }
  return outputs[0];
}

}  // namespace ingot
