#include "backend/indexing.h"

#include <fmt/format.h>

#include <ingot/core/error.h>

namespace ingot {

void index_out_of_range(std::string_view op, std::int64_t value, const Shape& shape,
                        std::int64_t number, std::int64_t dim, std::int64_t size) {
  Dims position = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    position[d] = number % shape[d];
    number /= shape[d];
  }
  throw IndexError(fmt::format(
      "{}: index {} at position {} is out of range for dimension {} of size {}", op, value,
      position.rank() == 1 ? std::to_string(position[0]) : position.str(), dim, size));
}

}  // namespace ingot
