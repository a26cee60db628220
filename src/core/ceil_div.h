// How many blocks of a size cover a count. The usual (n + size - 1) / size overflows for counts
// near the largest number, which plans of tensors that no memory holds do meet.
#pragma once

#include <cstdint>

namespace ingot {

/// n / size rounded up; n >= 0, size > 0.
constexpr std::int64_t ceil_div(std::int64_t n, std::int64_t size) {
  return n / size + (n % size != 0 ? 1 : 0);
}

}  // namespace ingot
