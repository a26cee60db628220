#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/norm.h>

namespace ingot::nn {

namespace detail {

InstanceNorm::InstanceNorm(const char* layer, int dims, std::int64_t num_features,
                           const InstanceNormOptions& o)
    : ChannelNorm(layer, num_features, {o.eps, o.momentum, o.affine, o.track_running_stats}),
      dims_(dims) {}

Tensor InstanceNorm::forward(const Tensor& x) {
  const bool batched = x.dim() == dims_ + 2;
  if ((!batched && x.dim() != dims_ + 1) || x.size(batched ? 1 : 0) != num_features()) {
    const char* rest = dims_ == 1 ? "L" : "H, W";
    throw ShapeError(fmt::format("{}: made for x[N, {}, {}] or x[{}, {}], got x{}", type_name(),
                                 num_features(), rest, num_features(), rest, x.shape().str()));
  }
  const bool own = is_training() || !options().track_running_stats;
  const Tensor y = instance_norm(batched ? x : x.unsqueeze(0), running_mean, running_var, weight,
                                 bias, own, *options().momentum, options().eps);
  return batched ? y : y.squeeze(0);
}

}  // namespace detail

}  // namespace ingot::nn
