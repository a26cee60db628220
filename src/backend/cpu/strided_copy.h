// Copies between two strided places, in parallel and by whole rows where both sides allow it: what
// slices, joins, padding and reversal are made of.
#pragma once

#include <cstddef>

#include "backend/cpu/loop_nest.h"

namespace ingot::cpu {

class StridedCopy {
 public:
  /// Elements of `shape`; strides count elements, those of the target are not negative.
  StridedCopy(const Shape& shape, const Dims& to_strides, const Dims& from_strides,
              std::size_t element_nbytes);
  /// Both point at element [0, 0, …]; the places do not overlap.
  void run(std::byte* to, const std::byte* from) const;

 private:
  void walk(std::byte* to, const std::byte* from, std::int64_t first, std::int64_t last) const;
  void copy_row(std::byte* to, const std::byte* from, std::int64_t count) const;

  LoopNest nest_;
  std::int64_t numel_;
  std::int64_t nbytes_;
};

/// Sets `count` elements of `nbytes` bytes each to the one at `value`, in parallel.
void fill_elements(std::byte* to, std::int64_t count, const void* value, std::size_t nbytes);

}  // namespace ingot::cpu
