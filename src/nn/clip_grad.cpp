#include <ingot/nn/clip_grad.h>

#include <fmt/format.h>
#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/site_scope.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include <cmath>

#include "ops/at.h"

namespace ingot::nn::utils {
namespace {

// Of 16-bit numbers in float32, which is also how the norms of several dtypes are joined.
Tensor norm_of(const Tensor& given, double type) {
  const Tensor x = given.to(ops::compute_dtype(given.dtype()));
  if (std::isinf(type)) return x.abs().amax();
  if (type == 2) return x.norm();
  return vector_norm(x, type);
}

}  // namespace

Tensor clip_grad_norm_(const std::vector<Tensor>& params, double max_norm, double norm_type,
                       bool error_if_nonfinite, Site at) {
  if (!(norm_type > 0))
    throw ValueError(fmt::format("clip_grad_norm_: norm_type must be above 0, got {}", norm_type));
  if (!(max_norm >= 0))
    throw ValueError(fmt::format("clip_grad_norm_: max_norm must be at least 0, got {}", max_norm));
  const SiteScope scope(at);
  const NoGradGuard no_grad;
  std::vector<Tensor> norms;
  DType widest = DType::Float32;
  for (const Tensor& p : params) {
    const Tensor grad = p.grad();
    if (!grad.defined() || grad.numel() == 0) continue;
    Tensor norm = norm_of(grad, norm_type);
    if (!norms.empty() && norm.device() != norms[0].device()) norm = norm.to(norms[0].device());
    widest = norms.empty() ? norm.dtype() : promote_types(widest, norm.dtype());
    norms.push_back(std::move(norm));
  }
  if (norms.empty()) return zeros({});
  for (Tensor& norm : norms)
    if (norm.dtype() != widest) norm = norm.to(widest);
  const Tensor total = norm_of(stack(norms), norm_type);
  if (error_if_nonfinite && !std::isfinite(total.item()))
    throw ValueError(fmt::format(
        "clip_grad_norm_: the norm of the gradients is {}; to scale them nevertheless, leave "
        "error_if_nonfinite at false",
        total.item()));
  const Tensor factor = clamp(div(max_norm, total + 1e-6), std::nullopt, 1.0);
  for (Tensor p : params) {
    const Tensor grad = p.grad();
    if (!grad.defined() || grad.numel() == 0) continue;
    Tensor own = factor;
    if (own.device() != grad.device()) own = own.to(grad.device());
    // The factor is a 0-dim tensor: it is not rounded to 16 bits before it is used.
    p.set_grad((grad * own).to(grad.dtype()));
  }
  return total;
}

void clip_grad_value_(const std::vector<Tensor>& params, double clip_value, Site at) {
  if (!(clip_value >= 0))
    throw ValueError(
        fmt::format("clip_grad_value_: clip_value must be at least 0, got {}", clip_value));
  const SiteScope scope(at);
  const NoGradGuard no_grad;
  for (Tensor p : params)
    if (const Tensor grad = p.grad(); grad.defined())
      p.set_grad(clamp(grad, -clip_value, clip_value));
}

}  // namespace ingot::nn::utils
