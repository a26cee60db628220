// Elements of arithmetic progressions.
#pragma once

#include <cmath>
#include <cstdint>

namespace ingot {

/// start + i * step where the result fits. The product alone may not: it is taken modulo 2^64.
constexpr std::int64_t progression_at(std::int64_t start, std::int64_t i, std::int64_t step) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(start) +
                                   static_cast<std::uint64_t>(i) *
                                       static_cast<std::uint64_t>(step));
}

/// start + i * step where the result fits; the product alone may not.
inline double progression_at(double start, double i, double step) {
  const double way = i * step;
  if (std::isfinite(way)) return start + way;
  const double half = i * (step / 2);
  return (start + half) + half;
}

/// Element i of `count` numbers from `start` to `end`, evenly spaced. The second half counts from
/// the end, so that the last element is exactly `end`. The whole way need not fit.
inline double spaced_at(double start, double end, std::int64_t i, std::int64_t count) {
  if (count == 1) return start;
  const auto gaps = static_cast<double>(count - 1);
  const bool from_start = i < count / 2;
  const auto steps = static_cast<double>(from_start ? i : i - (count - 1));
  const double by = (end - start) / gaps, near = from_start ? start : end;
  if (std::isfinite(by)) return near + by * steps;
  const double half = (end / 2 - start / 2) / gaps * steps;
  return (near + half) + half;
}

}  // namespace ingot
