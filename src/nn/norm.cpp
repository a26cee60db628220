#include <ingot/core/error.h>
#include <ingot/nn/init.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/norm.h>

#include <fmt/format.h>

#include "nn/checks.h"

namespace ingot::nn {

namespace detail {

namespace {

Tensor wanted(bool want, const Shape& shape, DType dtype = DType::Float32) {
  return want ? zeros(shape, {.dtype = dtype}) : Tensor();
}

std::int64_t checked(const char* layer, std::int64_t num_features, double eps,
                     std::optional<double> momentum) {
  require_at_least(layer, "num_features", num_features, 1);
  if (!(eps >= 0))
    throw ValueError(fmt::format("{}: eps must not be negative, got {}", layer, eps));
  if (momentum && !(*momentum >= 0 && *momentum <= 1))
    throw ValueError(fmt::format("{}: momentum must be between 0 and 1, got {}", layer, *momentum));
  return num_features;
}

}  // namespace

ChannelNorm::ChannelNorm(const char* layer, std::int64_t num_features, const Options& options)
    : num_features_(checked(layer, num_features, options.eps, options.momentum)),
      options_(options),
      weight(register_parameter("weight", wanted(options.affine, {num_features}))),
      bias(register_parameter("bias", wanted(options.affine, {num_features}))),
      running_mean(
          register_buffer("running_mean", wanted(options.track_running_stats, {num_features}))),
      running_var(
          register_buffer("running_var", wanted(options.track_running_stats, {num_features}))),
      num_batches_tracked(register_buffer("num_batches_tracked",
                                          wanted(options.track_running_stats, {}, DType::Int64))) {
  reset_running_stats();
  reset_parameters();
}

void ChannelNorm::reset_parameters() {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}

void ChannelNorm::reset_running_stats() {
  if (!options_.track_running_stats) return;
  init::zeros_(running_mean);
  init::ones_(running_var);
  init::zeros_(num_batches_tracked);
}

BatchNorm::BatchNorm(std::int64_t num_features, const BatchNormOptions& o)
    : ChannelNorm("BatchNorm", num_features, {o.eps, o.momentum, o.affine, o.track_running_stats}) {
}

Tensor BatchNorm::forward(const Tensor& x) {
  check_input(x.shape());
  if (x.size(1) != num_features())
    throw ShapeError(fmt::format("{}: made for {} channels, got x{}", type_name(), num_features(),
                                 x.shape().str()));
  if (!is_training())
    return batch_norm(x, running_mean, running_var, weight, bias,
                      /*training=*/!options().track_running_stats, 0, options().eps);
  double momentum = options().momentum.value_or(0);
  if (options().track_running_stats && !options().momentum)
    momentum = 1 / (num_batches_tracked.item<double>() + 1);
  Tensor y = batch_norm(x, running_mean, running_var, weight, bias, true, momentum, options().eps);
  if (options().track_running_stats) {
    // After batch_norm: a batch that it refuses does not count.
    const NoGradGuard no_grad;
    num_batches_tracked.add_(1);
  }
  return y;
}

}  // namespace detail

void BatchNorm1d::check_input(const Shape& shape) const {
  if (shape.rank() != 2 && shape.rank() != 3)
    throw ShapeError(
        fmt::format("BatchNorm1d: x must be [N, C] or [N, C, L], got {}", shape.str()));
}

void BatchNorm2d::check_input(const Shape& shape) const {
  if (shape.rank() != 4)
    throw ShapeError(fmt::format("BatchNorm2d: x must be [N, C, H, W], got {}", shape.str()));
}

}  // namespace ingot::nn
