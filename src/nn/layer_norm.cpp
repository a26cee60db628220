// LayerNorm and GroupNorm: no state but their parameters.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/init.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/norm.h>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

void check_eps(const char* layer, double eps) {
  if (!(eps >= 0))
    throw ValueError(fmt::format("{}: eps must not be negative, got {}", layer, eps));
}

void to_identity(Tensor& weight, Tensor& bias) {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}

}  // namespace

void LayerNorm::check(const Shape& shape, const LayerNormOptions& o) {
  if (shape.rank() == 0) throw ValueError("LayerNorm: normalized_shape must have a dimension");
  for (const std::int64_t size : shape)
    if (size < 1)
      throw ValueError(fmt::format(
          "LayerNorm: sizes in normalized_shape must be at least 1, got {}", shape.str()));
  check_eps("LayerNorm", o.eps);
}

Tensor LayerNorm::filled(bool wanted, double value) const {
  return wanted ? full(normalized_shape(), value) : Tensor();
}

void LayerNorm::reset_parameters() { to_identity(weight, bias); }

Tensor LayerNorm::forward(const Tensor& x) {
  return layer_norm(x, normalized_shape(), weight, bias, options().eps);
}

std::string LayerNorm::description() const {
  return fmt::format("{}, eps={}, elementwise_affine={}{}", normalized_shape().str(), options().eps,
                     options().elementwise_affine, options().bias ? "" : ", bias=false");
}

void GroupNorm::check(std::int64_t groups, std::int64_t channels, const GroupNormOptions& o) {
  require_at_least("GroupNorm", "num_groups", groups, 1);
  require_at_least("GroupNorm", "num_channels", channels, 1);
  if (channels % groups != 0)
    throw ValueError(
        fmt::format("GroupNorm: num_groups={} must divide num_channels={}", groups, channels));
  check_eps("GroupNorm", o.eps);
}

Tensor GroupNorm::filled(double value) const {
  return options().affine ? full(argument<1>(), value) : Tensor();
}

void GroupNorm::reset_parameters() { to_identity(weight, bias); }

Tensor GroupNorm::forward(const Tensor& x) {
  if (x.dim() < 2 || x.size(1) != argument<1>())
    throw ShapeError(
        fmt::format("GroupNorm: made for x[N, {}, …], got x{}", argument<1>(), x.shape().str()));
  return group_norm(x, argument<0>(), weight, bias, options().eps);
}

std::string GroupNorm::description() const {
  return fmt::format("{}, {}, eps={}, affine={}", argument<0>(), argument<1>(), options().eps,
                     options().affine);
}

}  // namespace ingot::nn
