// Where each matrix of a batched product starts.
#pragma once

#include <vector>

#include "backend/step.h"

namespace ingot::cpu {

/// Element offsets of the matrices [b…, :, :] of `t` in row-major order of the batch dimensions.
inline std::vector<std::int64_t> batch_offsets(const TensorDesc& t) {
  std::vector<std::int64_t> offsets{0};
  for (int d = 0; d < t.shape.rank() - 2; ++d) {
    std::vector<std::int64_t> next;
    next.reserve(offsets.size() * static_cast<std::size_t>(t.shape[d]));
    for (const std::int64_t o : offsets)
      for (std::int64_t i = 0; i < t.shape[d]; ++i) next.push_back(o + i * t.strides[d]);
    offsets = std::move(next);
  }
  return offsets;
}

}  // namespace ingot::cpu
