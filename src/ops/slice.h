// Slices as other op families record them.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot::ops {

/// `dim` counted from the front; throws IndexError with the place when x has no such dimension.
int checked_dim(const char* op, const Tensor& x, std::int64_t dim, const Site& at);
/// `length` elements of dimension `dim` from `start` on, `step` apart; all must be there.
Tensor record_slice(const Tensor& x, int dim, std::int64_t start, std::int64_t length,
                    std::int64_t step, Site at = Site::current());
/// x with so many zeros before and after it along dimension `dim`.
Tensor record_zero_pad(const Tensor& x, int dim, std::int64_t before, std::int64_t after, Site at);

}  // namespace ingot::ops
