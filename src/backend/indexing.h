// What the backends' kernels for index tensors share: reading an index with its bounds checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ingot/core/shape.h>

namespace ingot {

/// The index of the element of `shape` with that row-major number.
Dims index_at(std::int64_t number, const Shape& shape);
/// An index as messages show it: "3", "[0, 3]".
std::string position_text(const Dims& index);

/// Throws IndexError: index `value`, the element of `shape` with that row-major number, is not in
/// dimension `dim` of `size`.
[[noreturn]] void index_out_of_range(std::string_view op, std::int64_t value, const Shape& shape,
                                     std::int64_t number, std::int64_t dim, std::int64_t size);

/// `value` counted from the front; throws as above.
inline std::int64_t checked_index(std::string_view op, std::int64_t value, const Shape& shape,
                                  std::int64_t number, std::int64_t dim, std::int64_t size) {
  if (value < -size || value >= size) index_out_of_range(op, value, shape, number, dim, size);
  return value < 0 ? value + size : value;
}

}  // namespace ingot
