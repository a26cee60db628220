// instance_norm: group_norm with a channel to a group, and running statistics beside it.
#include <fmt/format.h>

#include <algorithm>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/reduction.h>

#include "ops/at.h"

namespace ingot {

namespace {

using namespace ops;

void check_running(const Tensor& running, std::int64_t channels, const char* operand, Site at) {
  check_in_place(running, "instance_norm", at);
  if (!(running.shape() == Shape{channels}))
    fail<ShapeError>(
        "instance_norm",
        fmt::format("{} must have shape [{}], got {}", operand, channels, running.shape().str()),
        at);
  if (!is_floating(running.dtype()))
    fail<DTypeError>("instance_norm",
                     fmt::format("{} must be floating, got {}", operand, name(running.dtype())),
                     at);
}

// running ← (1 − momentum)·running + momentum·(the samples' statistics, averaged)
void move_running(const Tensor& running, const Tensor& of_samples, double momentum, Site at) {
  const At s{at};
  const DType wide = compute_dtype(running.dtype());
  const Tensor batch = of_samples.mean({0}, false, at).to(wide, at);
  const Tensor taken = s(batch) * momentum;
  const Tensor kept = s(running.to(wide, at)) * (1.0 - momentum);
  rebind(running, (s(kept) + taken).to(running.dtype(), at));
}

}  // namespace

Tensor instance_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats,
                     double momentum, double eps, Site at) {
  const char* const op = "instance_norm";
  const Shape& shape = defined(op, x, at).shape();
  if (shape.rank() < 3)
    fail<ShapeError>(
        op, fmt::format("x must have at least 3 dimensions [N, C, …], got {}", shape.str()), at);
  if (!use_input_stats) {
    if (!running_mean.defined() || !running_var.defined())
      fail<ValueError>(op, "without the input's statistics running_mean and running_var are needed",
                       at);
    return batch_norm(x, running_mean, running_var, weight, bias, false, momentum, eps, at);
  }
  Dims within;
  std::int64_t count = 1;
  for (int d = 2; d < shape.rank(); ++d) {
    within.push_back(d);
    count *= shape[d];
  }
  if (count == 1)
    fail<ValueError>(op, fmt::format("one value per channel (x{}) has no variance", shape.str()),
                     at);
  // All is checked before anything moves.
  if (running_mean.defined()) check_running(running_mean, shape[1], "running_mean", at);
  if (running_var.defined()) check_running(running_var, shape[1], "running_var", at);
  const Tensor y = group_norm(x, std::max<std::int64_t>(shape[1], 1), weight, bias, eps, at);
  const NoGradGuard no_grad;
  if (x.numel() == 0) return y;  // nothing was seen
  if (running_mean.defined() || running_var.defined()) {
    const Tensor wide = x.to(compute_dtype(x.dtype()), at);
    if (running_mean.defined())
      move_running(running_mean, wide.mean(within, false, at), momentum, at);
    if (running_var.defined())
      move_running(running_var, wide.var(within, true, false, at), momentum, at);
  }
  return y;
}

}  // namespace ingot
