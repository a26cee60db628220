// Activation functions: elementwise, same shape and dtype as the input.
//
// All take floating dtypes and throw DTypeError for others. float16 and bfloat16 are computed in
// float32 and rounded once. At a kink the gradient is PyTorch's.
#pragma once

#include <string_view>

#include <ingot/core/tensor.h>

namespace ingot {

/// x limited to [min_value, max_value]; unlike clamp, the limits themselves get no gradient.
/// Throws ValueError when min_value exceeds max_value.
Tensor hardtanh(const Tensor& x, double min_value = -1, double max_value = 1,
                Site at = Site::current());
/// min(max(x, 0), 6).
Tensor relu6(const Tensor& x, Site at = Site::current());
/// x where x > 0, else negative_slope·x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01, Site at = Site::current());
/// x where x > 0, else weight·x. `weight` has one element, or one per channel (dimension 1 of x),
/// and x's dtype. Throws ShapeError and DTypeError otherwise.
Tensor prelu(const Tensor& x, const Tensor& weight, Site at = Site::current());
/// x where x > 0, else alpha·(exp(x) − 1).
Tensor elu(const Tensor& x, double alpha = 1, Site at = Site::current());
/// elu with the fixed alpha and scale of "Self-Normalizing Neural Networks" (Klambauer et al.).
Tensor selu(const Tensor& x, Site at = Site::current());
/// x where x > 0, else alpha·(exp(x / alpha) − 1). Throws ValueError for alpha = 0.
Tensor celu(const Tensor& x, double alpha = 1, Site at = Site::current());
/// x·Φ(x), Φ the normal distribution ("none"), or ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))) ("tanh").
/// Throws ValueError for another `approximate`.
Tensor gelu(const Tensor& x, std::string_view approximate = "none", Site at = Site::current());
/// x·sigmoid(x).
Tensor silu(const Tensor& x, Site at = Site::current());
/// x·tanh(softplus(x)).
Tensor mish(const Tensor& x, Site at = Site::current());
/// min(max(x + 3, 0), 6) / 6.
Tensor hardsigmoid(const Tensor& x, Site at = Site::current());
/// x·hardsigmoid(x).
Tensor hardswish(const Tensor& x, Site at = Site::current());
/// log(1 + exp(beta·x)) / beta, and x itself where beta·x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20, Site at = Site::current());
/// log(sigmoid(x)), without overflow.
Tensor logsigmoid(const Tensor& x, Site at = Site::current());

}  // namespace ingot
