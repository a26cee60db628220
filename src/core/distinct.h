// Which rows of a table are equal: what `unique` is made of, both when it is recorded (how many
// there are) and when it runs.
#pragma once

#include <cstdint>
#include <vector>

#include <ingot/core/dtype.h>

namespace ingot {

struct Distinct {
  std::vector<std::int64_t> first;    ///< of each group of equal rows: one of them; ascending
  std::vector<std::int64_t> counts;   ///< rows in each group
  std::vector<std::int64_t> inverse;  ///< the group of each row
};

/// Groups the rows of a row-major table of `rows` × `width` elements. Rows are compared element by
/// element; NaN is larger than any number and equals nothing.
Distinct find_distinct(const void* data, DType dtype, std::int64_t rows, std::int64_t width);

}  // namespace ingot
