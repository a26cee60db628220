// Which numbers a dtype can hold: a C++ number that meets a tensor of integers is never wrapped.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include <ingot/core/dtype.h>
#include <ingot/core/scalar.h>

namespace ingot {

/// Smallest and largest element of an integer dtype.
struct IntegerRange {
  std::int64_t low = 0, high = 0;
};
constexpr IntegerRange integer_range(DType t) {
  return visit_dtype(t, []<class T>(T) -> IntegerRange {
    if constexpr (std::is_integral_v<T>)
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    else
      return {};
  });
}

/// Whether an element of dtype `t` can hold the number, with a fraction cut off for integers.
/// Floating dtypes hold every number (rounded, infinite at worst), bool every truth.
inline bool fits(const Scalar& s, DType t) {
  if (!is_integral(t)) return true;
  const IntegerRange range = integer_range(t);
  if (s.kind() != Scalar::Kind::Float)
    return s.to_int64() >= range.low && s.to_int64() <= range.high;
  const double v = std::trunc(s.to_double());  // NaN compares false
  return v >= static_cast<double>(range.low) && v < static_cast<double>(range.high) + 1;
}

/// A finite number that float32 can only round to infinity. 16-bit dtypes may: masks are written
/// with -1e9 whatever the dtype.
inline bool overflows_float32(const Scalar& s, DType t) {
  return t == DType::Float32 && s.kind() == Scalar::Kind::Float && std::isfinite(s.to_double()) &&
         std::abs(s.to_double()) >= 0x1.ffffffp127;
}

/// "the number 300 does not fit uint8 (0 to 255)"
inline std::string misfit_text(const Scalar& s, DType t) {
  if (!is_integral(t)) return fmt::format("the number {} does not fit {}", s.str(), name(t));
  const IntegerRange range = integer_range(t);
  return fmt::format("the number {} does not fit {} ({} to {})", s.str(), name(t), range.low,
                     range.high);
}

}  // namespace ingot
