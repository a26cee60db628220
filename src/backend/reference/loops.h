// Plain loops over strided tensors: what every reference kernel is made of.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backend/step.h"
#include "core/convert.h"

namespace ingot::reference {

/// Calls f(offsets) for every index of `shape` in row-major order; offsets[k] is the element offset
/// of that index by strides[k].
template <std::size_t N, class F>
void for_each_index(const Shape& shape, const std::array<Dims, N>& strides, F f) {
  const std::int64_t numel = shape.numel();
  std::array<std::int64_t, N> offsets{};
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (std::int64_t i = 0; i < numel; ++i) {
    f(offsets);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      const auto u = static_cast<std::size_t>(d);
      for (std::size_t k = 0; k < N; ++k) offsets[k] += strides[k][d];
      if (++index[u] < shape[d]) break;
      for (std::size_t k = 0; k < N; ++k) offsets[k] -= strides[k][d] * shape[d];
      index[u] = 0;
    }
  }
}

}  // namespace ingot::reference
