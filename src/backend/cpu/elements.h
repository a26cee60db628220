// Work on elements whatever their dtype: copies know only their size, comparisons only a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ingot::cpu {

/// Calls f with an unsigned integer as large as an element: copies need not know the dtype.
template <class F>
decltype(auto) visit_element_size(std::size_t nbytes, F&& f) {
  switch (nbytes) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

/// What C++ can compare: float for the 16-bit floating dtypes.
template <class T>
auto comparable(T x) {
  if constexpr (std::is_arithmetic_v<T>)
    return x;
  else
    return static_cast<float>(x);
}

}  // namespace ingot::cpu
