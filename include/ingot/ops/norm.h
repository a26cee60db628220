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

/// Normalises x over its last dimensions, whose shape is `shape`, to mean 0 and variance 1, then
/// scales by weight and shifts by bias (both of that shape) where given. Floating dtypes; for
/// float16 and bfloat16 x weight and bias may be float32. Throws ShapeError for operands that do
/// not fit.
Tensor layer_norm(const Tensor& x, const Shape& shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5, Site at = Site::current());

/// Normalises each of `groups` groups of channels of x[N, C, …], per sample, then scales by
/// weight[C] and shifts by bias[C] where given. Throws ValueError when the channels cannot be split
/// evenly.
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5, Site at = Site::current());

/// Normalises each channel of each sample of x[N, C, …] (at least one more dimension), then scales
/// by weight[C] and shifts by bias[C] where given. With `use_input_stats` the statistics are x's
/// own and running statistics, if given, move towards their means over the samples, as batch_norm's
/// do; without it the running statistics are used, which must then be given. Floating dtypes.
/// Throws ValueError for one value per channel with `use_input_stats`, ShapeError for operands that
/// do not fit.
Tensor instance_norm(const Tensor& x, const Tensor& running_mean = {},
                     const Tensor& running_var = {}, const Tensor& weight = {},
                     const Tensor& bias = {}, bool use_input_stats = true, double momentum = 0.1,
                     double eps = 1e-5, Site at = Site::current());

}  // namespace ingot
