// Several tensors walked together: as few dimensions as their strides allow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/step.h"

namespace ingot::gpu {

/// Dimensions from the outermost to the innermost, none of size 1. Neighbours are joined wherever
/// that is right for every operand.
struct Collapsed {
  std::vector<std::int64_t> sizes;
  std::vector<std::vector<std::int64_t>> strides;  ///< of each operand, in elements

  std::int64_t numel() const;
  /// Operand `o` is walked one element after another.
  bool is_linear(std::size_t o) const;
};

/// `strides`: of each operand, as many as `shape` has dimensions. They are walked in the order in
/// which operand `lead` lies in memory.
Collapsed collapse(const Shape& shape, std::span<const Dims> strides, std::size_t lead);

/// Bytes from the first element to the end of the last one reached; strides must not be negative.
std::size_t extent_nbytes(const TensorDesc& t);

}  // namespace ingot::gpu
