// Conversion of single elements, one rule for every backend: floating to integer truncates and
// saturates at int64 (NaN gives 0), narrower integers keep the low bits, anything but zero is true.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include <ingot/core/dtype.h>
#include <ingot/core/scalar.h>

namespace ingot {

constexpr std::int64_t truncate_to_int64(double x) {
  if (x != x) return 0;
  if (x >= 0x1p63) return INT64_MAX;
  if (x < -0x1p63) return INT64_MIN;
  return static_cast<std::int64_t>(x);
}

/// Converts one element between any two storage types; rounds to nearest, ties to even.
template <class To, class From>
constexpr To convert_element(From x) {
  constexpr bool kFromInteger = std::is_integral_v<From>;
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<To, bool>) {
    if constexpr (kFromInteger)
      return x != 0;
    else
      return !(static_cast<double>(x) == 0);
  } else if constexpr (std::is_integral_v<To>) {
    if constexpr (kFromInteger)
      return static_cast<To>(x);
    else
      return static_cast<To>(truncate_to_int64(static_cast<double>(x)));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(x));
  } else {
    return static_cast<To>(x);
  }
}

/// A number as an element.
template <class To>
constexpr To convert_scalar(const Scalar& s) {
  return s.kind() == Scalar::Kind::Float ? convert_element<To>(s.to_double())
                                         : convert_element<To>(s.to_int64());
}

}  // namespace ingot
