// Pair: one number for both spatial dimensions, or one each: what kernels, strides and paddings of
// two-dimensional operations are.
#pragma once

#include <concepts>
#include <cstdint>

namespace ingot {

struct Pair {
  std::int64_t h = 0;
  std::int64_t w = 0;

  template <std::integral T>
  constexpr Pair(T both) : h(both), w(both) {}
  constexpr Pair(std::int64_t height, std::int64_t width) : h(height), w(width) {}

  friend constexpr bool operator==(const Pair&, const Pair&) = default;
};

}  // namespace ingot
