#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/init.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/norm.h>

#include "nn/checks.h"

namespace ingot::nn {

namespace detail {

namespace {

Shape checked(const char* layer, std::int64_t features, const InstanceNormOptions& o) {
  require_at_least(layer, "num_features", features, 1);
  if (!(o.eps >= 0))
    throw ValueError(fmt::format("{}: eps must not be negative, got {}", layer, o.eps));
  if (!(o.momentum >= 0 && o.momentum <= 1))
    throw ValueError(
        fmt::format("{}: momentum must be between 0 and 1, got {}", layer, o.momentum));
  return {features};
}

Tensor wanted(bool want, const Shape& shape, DType dtype = DType::Float32) {
  return want ? zeros(shape, {.dtype = dtype}) : Tensor();
}

}  // namespace

InstanceNorm::InstanceNorm(const char* layer, int dims, std::int64_t num_features,
                           const InstanceNormOptions& options)
    : weight(register_parameter("weight",
                                wanted(options.affine, checked(layer, num_features, options)))),
      bias(register_parameter("bias", wanted(options.affine, {num_features}))),
      running_mean(
          register_buffer("running_mean", wanted(options.track_running_stats, {num_features}))),
      running_var(
          register_buffer("running_var", wanted(options.track_running_stats, {num_features}))),
      num_batches_tracked(register_buffer("num_batches_tracked",
                                          wanted(options.track_running_stats, {}, DType::Int64))),
      dims_(dims),
      num_features_(num_features),
      options_(options) {
  reset_running_stats();
  reset_parameters();
}

void InstanceNorm::reset_parameters() {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}

void InstanceNorm::reset_running_stats() {
  if (!options_.track_running_stats) return;
  init::zeros_(running_mean);
  init::ones_(running_var);
  init::zeros_(num_batches_tracked);
}

Tensor InstanceNorm::forward(const Tensor& x) {
  const bool batched = x.dim() == dims_ + 2;
  if ((!batched && x.dim() != dims_ + 1) || x.size(batched ? 1 : 0) != num_features_) {
    const char* rest = dims_ == 1 ? "L" : "H, W";
    throw ShapeError(fmt::format("{}: made for x[N, {}, {}] or x[{}, {}], got x{}", type_name(),
                                 num_features_, rest, num_features_, rest, x.shape().str()));
  }
  const bool own = is_training() || !options_.track_running_stats;
  const Tensor y = instance_norm(batched ? x : x.unsqueeze(0), running_mean, running_var, weight,
                                 bias, own, options_.momentum, options_.eps);
  return batched ? y : y.squeeze(0);
}

}  // namespace detail

}  // namespace ingot::nn
