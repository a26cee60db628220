// Arithmetic of sizes. Sizes come from attributes that a user may have chosen absurdly, so what
// adds and multiplies them throws instead of overflowing (which would be undefined behaviour, or a
// small size that looks right).
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>

#include <ingot/core/error.h>
#include <ingot/core/shape.h>

namespace ingot {

/// A size beyond 64 bits; record() puts the op's name in front.
struct SizeOverflow : ShapeError {
  using ShapeError::ShapeError;
};

/// An int64 whose +, −, · and / throw SizeOverflow when the result is none.
class Size {
 public:
  constexpr Size(std::int64_t value) : value_(value) {}
  constexpr std::int64_t value() const { return value_; }

  friend Size operator+(Size a, Size b) {
    std::int64_t r = 0;
    if (__builtin_add_overflow(a.value_, b.value_, &r)) overflow(a, '+', b);
    return r;
  }
  friend Size operator-(Size a, Size b) {
    std::int64_t r = 0;
    if (__builtin_sub_overflow(a.value_, b.value_, &r)) overflow(a, '-', b);
    return r;
  }
  friend Size operator*(Size a, Size b) {
    std::int64_t r = 0;
    if (__builtin_mul_overflow(a.value_, b.value_, &r)) overflow(a, '*', b);
    return r;
  }
  friend Size operator/(Size a, Size b) {
    if (b.value_ == 0 || (b.value_ == -1 && a.value_ == INT64_MIN)) overflow(a, '/', b);
    return a.value_ / b.value_;
  }
  Size& operator+=(Size other) { return *this = *this + other; }
  Size& operator-=(Size other) { return *this = *this - other; }
  Size& operator*=(Size other) { return *this = *this * other; }
  friend constexpr auto operator<=>(Size, Size) = default;

 private:
  [[noreturn]] static void overflow(Size a, char op, Size b) {
    throw SizeOverflow(fmt::format("a size is beyond 64 bits: {} {} {}", a.value_, op, b.value_));
  }
  std::int64_t value_;
};

/// a / b, rounded up; b > 0, a >= 0.
constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0); }

/// The product of all sizes (none negative). Unlike Shape::numel() it may be asked of shapes that
/// no tensor has.
inline std::int64_t checked_numel(const Shape& shape) {
  if (shape.contains(0)) return 0;
  Size n = 1;
  for (const std::int64_t d : shape) n *= d;
  return n.value();
}

}  // namespace ingot
