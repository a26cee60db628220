// Elements of an arithmetic progression of integers.
#pragma once

#include <cstdint>

namespace ingot {

/// start + i * step where the result fits. The product alone may not: it is taken modulo 2^64.
constexpr std::int64_t progression_at(std::int64_t start, std::int64_t i, std::int64_t step) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(start) +
                                   static_cast<std::uint64_t>(i) *
                                       static_cast<std::uint64_t>(step));
}

}  // namespace ingot
