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

Tensor wanted(bool want, const Shape& shape) { return want ? zeros(shape) : Tensor(); }

void to_identity(Tensor& weight, Tensor& bias) {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}

const Shape& checked(const Shape& shape, const LayerNormOptions& o) {
  if (shape.rank() == 0) throw ValueError("LayerNorm: normalized_shape must have a dimension");
  for (const std::int64_t size : shape)
    if (size < 1)
      throw ValueError(fmt::format(
          "LayerNorm: sizes in normalized_shape must be at least 1, got {}", shape.str()));
  check_eps("LayerNorm", o.eps);
  return shape;
}

Shape checked(std::int64_t groups, std::int64_t channels, const GroupNormOptions& o) {
  require_at_least("GroupNorm", "num_groups", groups, 1);
  require_at_least("GroupNorm", "num_channels", channels, 1);
  if (channels % groups != 0)
    throw ValueError(
        fmt::format("GroupNorm: num_groups={} must divide num_channels={}", groups, channels));
  check_eps("GroupNorm", o.eps);
  return {channels};
}

}  // namespace

LayerNorm::LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options)
    : weight(register_parameter(
          "weight", wanted(options.elementwise_affine, checked(normalized_shape, options)))),
      bias(register_parameter(
          "bias", wanted(options.elementwise_affine && options.bias, normalized_shape))),
      shape_(normalized_shape),
      options_(options) {
  reset_parameters();
}

LayerNorm::LayerNorm(Module& owner, std::string name, const Shape& normalized_shape,
                     const LayerNormOptions& options)
    : LayerNorm(normalized_shape, options) {
  attach_to(owner, std::move(name));
}

LayerNorm::LayerNorm(std::int64_t features, const LayerNormOptions& options)
    : LayerNorm(Shape{features}, options) {}

LayerNorm::LayerNorm(Module& owner, std::string name, std::int64_t features,
                     const LayerNormOptions& options)
    : LayerNorm(owner, std::move(name), Shape{features}, options) {}

void LayerNorm::reset_parameters() { to_identity(weight, bias); }

Tensor LayerNorm::forward(const Tensor& x) {
  return layer_norm(x, shape_, weight, bias, options_.eps);
}

std::string LayerNorm::description() const {
  return fmt::format("{}, eps={}, elementwise_affine={}{}", shape_.str(), options_.eps,
                     options_.elementwise_affine, options_.bias ? "" : ", bias=false");
}

std::unique_ptr<Module> LayerNorm::make_same() const {
  return std::make_unique<LayerNorm>(shape_, options_);
}

GroupNorm::GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
                     const GroupNormOptions& options)
    : weight(register_parameter(
          "weight", wanted(options.affine, checked(num_groups, num_channels, options)))),
      bias(register_parameter("bias", wanted(options.affine, {num_channels}))),
      groups_(num_groups),
      channels_(num_channels),
      options_(options) {
  reset_parameters();
}

GroupNorm::GroupNorm(Module& owner, std::string name, std::int64_t num_groups,
                     std::int64_t num_channels, const GroupNormOptions& options)
    : GroupNorm(num_groups, num_channels, options) {
  attach_to(owner, std::move(name));
}

void GroupNorm::reset_parameters() { to_identity(weight, bias); }

Tensor GroupNorm::forward(const Tensor& x) {
  if (x.dim() < 2 || x.size(1) != channels_)
    throw ShapeError(
        fmt::format("GroupNorm: made for x[N, {}, …], got x{}", channels_, x.shape().str()));
  return group_norm(x, groups_, weight, bias, options_.eps);
}

std::string GroupNorm::description() const {
  return fmt::format("{}, {}, eps={}, affine={}", groups_, channels_, options_.eps,
                     options_.affine);
}

std::unique_ptr<Module> GroupNorm::make_same() const {
  return std::make_unique<GroupNorm>(groups_, channels_, options_);
}

}  // namespace ingot::nn
