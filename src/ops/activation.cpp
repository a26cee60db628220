// Activation functions. Each has an expansion into elementwise primitives, so that it joins the
// program of its neighbours, and a rule of its own, so that backward keeps one tensor only: the
// input, or the output where that is enough (the next layer keeps it anyway).
#include <ingot/ops/activation.h>

#include <cmath>
#include <numbers>

#include <ingot/core/site_scope.h>
#include <ingot/ops/elementwise.h>

#include "ops/at.h"
#include "ops/broadcast.h"

namespace ingot {
namespace ops {
namespace {

void infer_activation(InferContext& c) {
  c.require_floating(0);
  infer_like_first(c);
}

// An op with an expansion x -> y and a rule (x, g) -> dx.
template <Tensor (*forward)(const Tensor&, const Attrs&)>
void expand_unary(ExpandContext& c) {
  c.result(forward(c.in(0), c.attrs));
}
template <Tensor (*backward)(const Tensor&, const Tensor&, const Attrs&)>
void vjp_unary(VjpContext& c) {
  const SiteScope scope(c.node.site());
  c.set(0, backward(c.input(0), c.grad(), c.node.attrs()));
}
template <auto forward, auto backward>
constexpr OpDef activation(std::string_view name) {
  return {.name = name,
          .infer = infer_activation,
          .gradient = Gradient::Rule,
          .vjp = vjp_unary<backward>,
          .saves = save_input,
          .expand = expand_unary<forward>};
}

// -- Piecewise linear ----------------------------------------------------------------------------

void expand_hardtanh(ExpandContext& c) {
  const auto& a = c.as<HardtanhAttrs>();
  c.result(minimum(maximum(c.in(0), a.min), a.max));
}

// The output tells where the input was cut off.
void vjp_hardtanh(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const auto& a = c.as<HardtanhAttrs>();
  const Tensor y = c.output(0);
  c.set(0, where(logical_or(y <= a.min, y >= a.max), 0.0, c.grad()));
}

const OpDef kHardtanh{.name = "hardtanh",
                      .infer = infer_activation,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_hardtanh,
                      .saves = save_output,
                      .expand = expand_hardtanh};

void expand_leaky_relu(ExpandContext& c) {
  const Tensor x = c.in(0);
  c.result(where(x > 0, x, x * c.as<LeakyReluAttrs>().negative_slope));
}

// A slope that is not negative leaves the sign as it is, and the output tells the side.
bool keeps_sign(const Attrs& attrs) { return attrs.as<LeakyReluAttrs>().negative_slope >= 0; }

void vjp_leaky_relu(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const Tensor side = keeps_sign(c.node.attrs()) ? c.output(0) : c.input(0);
  const Tensor g = c.grad();
  c.set(0, where(side > 0, g, g * c.as<LeakyReluAttrs>().negative_slope));
}

Saved saves_leaky_relu(const SavesContext& c) {
  return keeps_sign(c.attrs) ? Saved{.outputs = 1} : Saved{.inputs = 1};
}

const OpDef kLeakyRelu{.name = "leaky_relu",
                       .infer = infer_activation,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_leaky_relu,
                       .saves = saves_leaky_relu,
                       .expand = expand_leaky_relu,
                       .traits = {.reads_rounded = true}};

// prelu(x, weight): the weight is already shaped to broadcast.
void infer_prelu(InferContext& c) {
  c.require_floating(0);
  c.require_same_dtype();
  if (!(broadcast_shapes(c.shape(0), c.shape(1), "prelu") == c.shape(0)))
    c.shape_error(
        fmt::format("weight{} does not broadcast to x{}", c.shape(1).str(), c.shape(0).str()));
  infer_like_first(c);
}

void expand_prelu(ExpandContext& c) {
  const Tensor x = c.in(0);
  c.result(where(x > 0, x, x * c.in(1)));
}

void vjp_prelu(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const Tensor x = c.input(0), g = c.grad();
  if (c.needs(0)) c.set(0, where(x > 0, g, g * c.input(1)));
  if (c.needs(1)) c.set(1, sum_to(where(x > 0, 0.0, g * x), c.in(1).shape));
}

const OpDef kPrelu{
    .name = "prelu",
    .infer = infer_prelu,
    .gradient = Gradient::Rule,
    .vjp = vjp_prelu,
    .saves = [](const SavesContext& c) { return Saved{.inputs = c.needs(0) ? 3u : 1u}; },
    .expand = expand_prelu};

Tensor hardsigmoid_of(const Tensor& x, const Attrs&) {
  return minimum(maximum(x + 3.0, 0.0), 6.0) / 6.0;
}
Tensor hardsigmoid_grad(const Tensor& x, const Tensor& g, const Attrs&) {
  return where(logical_and(x > -3.0, x < 3.0), g / 6.0, 0.0);
}
constexpr OpDef kHardsigmoid = activation<hardsigmoid_of, hardsigmoid_grad>("hardsigmoid");

Tensor hardswish_of(const Tensor& x, const Attrs&) {
  return x * (minimum(maximum(x + 3.0, 0.0), 6.0) / 6.0);
}
Tensor hardswish_grad(const Tensor& x, const Tensor& g, const Attrs&) {
  return where(x <= -3.0, 0.0, where(x < 3.0, g * (x / 3.0 + 0.5), g));
}
constexpr OpDef kHardswish = activation<hardswish_of, hardswish_grad>("hardswish");

// -- With an exponential -------------------------------------------------------------------------
// Arguments of exp are limited where the result is not used: an infinity there would become NaN in
// a second derivative (0 · ∞).

Tensor at_most_zero(const Tensor& x) { return where(x > 0, 0.0, x); }

Tensor elu_of(const Tensor& x, const Attrs& attrs) {
  const auto& a = attrs.as<EluAttrs>();
  const Tensor below = expm1(at_most_zero(x) * a.input_scale) * (a.alpha * a.scale);
  return where(x > 0, x * a.scale, below);
}
Tensor elu_grad(const Tensor& x, const Tensor& g, const Attrs& attrs) {
  const auto& a = attrs.as<EluAttrs>();
  const double slope = a.alpha * a.scale * a.input_scale;
  return where(x <= 0, g * (exp(at_most_zero(x) * a.input_scale) * slope), g * a.scale);
}
constexpr OpDef kElu = activation<elu_of, elu_grad>("elu");

Tensor silu_of(const Tensor& x, const Attrs&) { return x * sigmoid(x); }
Tensor silu_grad(const Tensor& x, const Tensor& g, const Attrs&) {
  const Tensor s = sigmoid(x);
  return g * (s * (1 + x * (1 - s)));
}
constexpr OpDef kSilu = activation<silu_of, silu_grad>("silu");

// tanh(log(1 + e)) = (e² + 2e) / (e² + 2e + 2) for e = exp(x); 1 to all digits of float64 from x
// = 20.
Tensor tanh_softplus(const Tensor& x) {
  const Tensor e = exp(where(x > 20.0, 20.0, x));
  const Tensor t = e * (e + 2.0);
  return t / (t + 2.0);
}
Tensor mish_of(const Tensor& x, const Attrs&) { return x * tanh_softplus(x); }
Tensor mish_grad(const Tensor& x, const Tensor& g, const Attrs&) {
  const Tensor t = tanh_softplus(x);
  return g * (t + x * sigmoid(x) * (1 - t * t));
}
constexpr OpDef kMish = activation<mish_of, mish_grad>("mish");

Tensor softplus_of(const Tensor& x, const Attrs& attrs) {
  const auto& a = attrs.as<SoftplusAttrs>();
  const Tensor z = x * a.beta;
  const Tensor linear = z > a.threshold;
  return where(linear, x, log1p(exp(where(linear, 0.0, z))) / a.beta);
}
Tensor softplus_grad(const Tensor& x, const Tensor& g, const Attrs& attrs) {
  const auto& a = attrs.as<SoftplusAttrs>();
  const Tensor z = x * a.beta;
  return where(z > a.threshold, g, g * sigmoid(z));
}
constexpr OpDef kSoftplus = activation<softplus_of, softplus_grad>("softplus");

Tensor logsigmoid_of(const Tensor& x, const Attrs&) {
  return minimum(x, 0.0) - log1p(exp(neg(abs(x))));
}
Tensor logsigmoid_grad(const Tensor& x, const Tensor& g, const Attrs&) {
  return g * sigmoid(neg(x));
}
constexpr OpDef kLogsigmoid = activation<logsigmoid_of, logsigmoid_grad>("logsigmoid");

// -- gelu ----------------------------------------------------------------------------------------

constexpr double kRootTwoOverPi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double kCubic = 0.044715;

Tensor gelu_of(const Tensor& x, const Attrs& attrs) {
  if (attrs.as<GeluAttrs>().tanh) {
    const Tensor inner = (x + x * x * x * kCubic) * kRootTwoOverPi;
    return x * 0.5 * (1 + tanh(inner));
  }
  return x * 0.5 * (1 + erf(x * (1 / std::numbers::sqrt2)));
}
Tensor gelu_grad(const Tensor& x, const Tensor& g, const Attrs& attrs) {
  if (attrs.as<GeluAttrs>().tanh) {
    // From 30 on t is ±1, and the slope's square would overflow.
    const Tensor near = clamp(x, -30, 30), square = near * near;
    const Tensor t = tanh((near + square * near * kCubic) * kRootTwoOverPi);
    const Tensor slope = (1 + square * (3 * kCubic)) * kRootTwoOverPi;
    return g * (0.5 * (1 + t) + near * 0.5 * (1 - t * t) * slope);
  }
  constexpr double kDensity = std::numbers::inv_sqrtpi / std::numbers::sqrt2;  // 1 / √(2π)
  const Tensor below = 0.5 * (1 + erf(x * (1 / std::numbers::sqrt2)));
  return g * (below + x * exp(x * x * -0.5) * kDensity);
}
constexpr OpDef kGelu = activation<gelu_of, gelu_grad>("gelu");

// The weight [n] as [1, n, 1, …] for channels in dimension 1 of x.
Tensor along_channels(const Tensor& x, const Tensor& weight, Site at) {
  const std::int64_t n = weight.numel();
  const std::int64_t channels = x.dim() >= 2 ? x.size(1) : 1;
  if (weight.dim() > 1 || (n != 1 && n != channels))
    fail<ShapeError>("prelu",
                     fmt::format("weight must have 1 element or {} (the channels of x{}), got {}",
                                 channels, x.shape().str(), weight.shape().str()),
                     at);
  if (n == 1 || x.dim() < 2) return weight.reshape({}, at);
  Shape shape = Shape::filled(x.dim() - 1, 1);
  shape[0] = n;
  return weight.reshape(shape, at);
}

}  // namespace

INGOT_EXPORT_OPS(activation, &kHardtanh, &kLeakyRelu, &kPrelu, &kHardsigmoid, &kHardswish, &kElu,
                 &kSilu, &kMish, &kSoftplus, &kLogsigmoid, &kGelu)

}  // namespace ops

using namespace ops;  // the definitions above

Tensor hardtanh(const Tensor& x, double min_value, double max_value, Site at) {
  if (!(min_value <= max_value))
    fail<ValueError>(kHardtanh.name,
                     fmt::format("min_value {} is above max_value {}", min_value, max_value), at);
  return record(kHardtanh, {&x}, HardtanhAttrs{.min = min_value, .max = max_value}, at);
}

Tensor relu6(const Tensor& x, Site at) {
  return record(kHardtanh, {&x}, HardtanhAttrs{.min = 0, .max = 6}, at);
}

Tensor leaky_relu(const Tensor& x, double negative_slope, Site at) {
  return record(kLeakyRelu, {&x}, LeakyReluAttrs{.negative_slope = negative_slope}, at);
}

Tensor prelu(const Tensor& x, const Tensor& weight, Site at) {
  defined(kPrelu.name, x, at);
  defined(kPrelu.name, weight, at);
  const Tensor shaped = along_channels(x, weight, at);
  return record(kPrelu, {&x, &shaped}, {}, at);
}

Tensor elu(const Tensor& x, double alpha, Site at) {
  return record(kElu, {&x}, EluAttrs{.alpha = alpha}, at);
}

Tensor selu(const Tensor& x, Site at) {
  return record(kElu, {&x},
                EluAttrs{.alpha = 1.6732632423543772848170429916717,
                         .scale = 1.0507009873554804934193349852946},
                at);
}

Tensor celu(const Tensor& x, double alpha, Site at) {
  if (alpha == 0) fail<ValueError>("celu", "alpha must not be 0", at);
  return record(kElu, {&x}, EluAttrs{.alpha = alpha, .input_scale = 1 / alpha}, at);
}

Tensor gelu(const Tensor& x, std::string_view approximate, Site at) {
  if (approximate != "none" && approximate != "tanh")
    fail<ValueError>(
        kGelu.name,
        fmt::format("approximate must be \"none\" or \"tanh\", got \"{}\"", approximate), at);
  return record(kGelu, {&x}, GeluAttrs{.tanh = approximate == "tanh"}, at);
}

Tensor silu(const Tensor& x, Site at) { return record(kSilu, {&x}, {}, at); }
Tensor mish(const Tensor& x, Site at) { return record(kMish, {&x}, {}, at); }
Tensor hardsigmoid(const Tensor& x, Site at) { return record(kHardsigmoid, {&x}, {}, at); }
Tensor hardswish(const Tensor& x, Site at) { return record(kHardswish, {&x}, {}, at); }
Tensor logsigmoid(const Tensor& x, Site at) { return record(kLogsigmoid, {&x}, {}, at); }

Tensor softplus(const Tensor& x, double beta, double threshold, Site at) {
  if (beta == 0) fail<ValueError>(kSoftplus.name, "beta must not be 0", at);
  return record(kSoftplus, {&x}, SoftplusAttrs{.beta = beta, .threshold = threshold}, at);
}

}  // namespace ingot
