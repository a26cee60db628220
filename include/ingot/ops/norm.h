// Normalisation.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// Normalises each channel of x[N, C, …] to mean 0 and variance 1, then scales by weight[C] and
/// shifts by bias[C] where given. Floating dtypes; for float16 and bfloat16 x the statistics are
/// float32 and weight and bias may be, too.
///
/// Training takes the statistics from x and, where running statistics are given, moves them:
/// running ← (1 − momentum)·running + momentum·batch, with the unbiased variance, as PyTorch does.
/// Otherwise the running statistics are used, which must then be given.
/// Throws ValueError when a channel has fewer than two values in training, ShapeError for operands
/// that do not fit.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, bool training = false,
                  double momentum = 0.1, double eps = 1e-5, Site at = Site::current());

}  // namespace ingot
