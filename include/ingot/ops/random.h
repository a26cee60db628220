// Random tensors. Element i (row-major) depends on the generator's seed, its position and i alone:
// the same seed gives the same bits on every device, with every number of threads and from every
// compiler. Without a generator the default one draws.
#pragma once

#include <ingot/core/generator.h>
#include <ingot/core/tensor.h>

namespace ingot {

/// Uniform in [0, 1): 24 random bits (float64: 53, float16: 11, bfloat16: 8). Floating dtypes.
Tensor rand(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr,
            Site at = Site::current());
/// Standard normal: the quantile of a random probability of 31 bits and a side, so between ±6.4
/// (float64: 53 bits, ±8.4), within 3e-7 of the exact one (float64: 1e-15) relatively. float16 and
/// bfloat16 are float32's numbers, rounded once. Floating dtypes.
Tensor randn(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr,
             Site at = Site::current());
/// 1 with probability `p`, else 0; p is rounded down to a multiple of 2^-32. Any dtype. Throws
/// ValueError unless 0 <= p <= 1.
Tensor bernoulli(const Shape& shape, double p, const TensorOptions& options = {},
                 Generator* generator = nullptr, Site at = Site::current());
/// Integers in [low, high), each with a probability within 2^-32 of 1 / (high - low). Throws
/// ValueError unless high - low is between 1 and 2^32 and the dtype holds them all.
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const TensorOptions& options = {.dtype = DType::Int64},
               Generator* generator = nullptr, Site at = Site::current());
/// 0 … n - 1 in random order, int64: Fisher-Yates with 64 bits a swap, whose places have
/// probabilities within 2^-64 of equal ones.
Tensor randperm(std::int64_t n, Generator* generator = nullptr, Site at = Site::current());
/// Shape, dtype and device of `x`.
Tensor rand_like(const Tensor& x, Generator* generator = nullptr, Site at = Site::current());
Tensor randn_like(const Tensor& x, Generator* generator = nullptr, Site at = Site::current());
Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high,
                    Generator* generator = nullptr, Site at = Site::current());
/// 1 with the probability that each element of `p` holds, else 0; p counts to 24 bits. Floating
/// dtypes (53 bits in float64). Evaluation throws ValueError for a probability outside [0, 1], NaN
/// included.
Tensor bernoulli(const Tensor& p, Generator* generator = nullptr, Site at = Site::current());

}  // namespace ingot
