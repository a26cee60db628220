#include "backend/indexing.h"

#include <fmt/format.h>

#include <ingot/core/error.h>

namespace ingot {

Dims index_at(std::int64_t number, const Shape& shape) {
  Dims index = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    index[d] = number % shape[d];
    number /= shape[d];
  }
  return index;
}

std::string position_text(const Dims& index) {
  return index.rank() == 1 ? std::to_string(index[0]) : index.str();
}

void index_out_of_range(std::string_view op, std::int64_t value, const Shape& shape,
                        std::int64_t number, std::int64_t dim, std::int64_t size) {
  throw IndexError(
      fmt::format("{}: index {} at position {} is out of range for dimension {} of size {}", op,
                  value, position_text(index_at(number, shape)), dim, size));
}

}  // namespace ingot
