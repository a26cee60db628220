// softmax and log_softmax.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// exp(x) / Σ exp(x) along `dim`, without overflow. Floating dtypes. Throws IndexError for a
/// dimension that does not exist.
Tensor softmax(const Tensor& x, std::int64_t dim, Site at = Site::current());

/// x − log Σ exp(x) along `dim`, without overflow. Floating dtypes.
Tensor log_softmax(const Tensor& x, std::int64_t dim, Site at = Site::current());

}  // namespace ingot
