// What reductions say of their dimensions, kept in attributes as sorted, non-negative numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include <ingot/ops/shape.h>

#include "ops/support.h"

namespace ingot::ops {

/// What is left of `from`; `keepdim` leaves 1 of a reduced dimension.
Shape reduced_shape(const Shape& from, const Dims& dims, bool keepdim);
/// How many elements become one.
std::int64_t reduced_numel(const Shape& from, const Dims& dims);
/// Dimensions as the user names them, sorted and non-negative; none means all. Throws IndexError
/// for one that does not exist, ValueError for one named twice.
Dims reduced_dims(std::string_view op, const Tensor& x, const Dims& dims, const Site& at);

/// A gradient, or a result, given back the dimensions that the reduction took away.
inline Tensor keep_dims(const Tensor& t, const Shape& from, const Dims& dims) {
  return reshape(t, reduced_shape(from, dims, true));
}

}  // namespace ingot::ops
