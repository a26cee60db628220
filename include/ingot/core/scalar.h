// Scalar: a C++ number as PyTorch sees a Python number. In an operation with a tensor it takes part
// in promotion only by its kind (bool < integer < floating), never by its width: a weak scalar.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>

#include <ingot/core/dtype.h>

namespace ingot {

namespace detail {
[[noreturn]] void throw_beyond_int64(std::uint64_t value);  // ValueError
}

class Scalar {
 public:
  enum class Kind : std::uint8_t { Bool, Int, Float };

  constexpr Scalar() : kind_(Kind::Int), int_(0) {}
  constexpr Scalar(bool v) : kind_(Kind::Bool), int_(v ? 1 : 0) {}
  /// Throws ValueError for an unsigned number above the largest int64.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Scalar(T v) : kind_(Kind::Int), int_(static_cast<std::int64_t>(v)) {
    if constexpr (std::unsigned_integral<T> && sizeof(T) >= sizeof(std::int64_t))
      if (int_ < 0) detail::throw_beyond_int64(v);
  }
  template <std::floating_point T>
  constexpr Scalar(T v) : kind_(Kind::Float), float_(static_cast<double>(v)) {}

  constexpr Kind kind() const { return kind_; }
  constexpr double to_double() const {
    return kind_ == Kind::Float ? float_ : static_cast<double>(int_);
  }
  /// Fractions are cut off; what int64 cannot hold becomes its nearest end, NaN becomes 0. Who must
  /// not accept these asks first.
  constexpr std::int64_t to_int64() const {
    if (kind_ != Kind::Float) return int_;
    constexpr double kEnd = 9223372036854775808.0;  // 2^63
    if (float_ >= kEnd) return std::numeric_limits<std::int64_t>::max();
    if (float_ < -kEnd) return std::numeric_limits<std::int64_t>::min();
    return float_ == float_ ? static_cast<std::int64_t>(float_) : 0;
  }

  /// The dtype it has on its own: bool, int64 or the default float32.
  constexpr DType default_dtype() const {
    return kind_ == Kind::Bool ? DType::Bool : kind_ == Kind::Int ? DType::Int64 : DType::Float32;
  }

  std::string str() const;

  /// Where a planner took this scalar from: an index into the plan's slots, or -1 for a value given
  /// by the user. Travels with the scalar when an op's `expand` passes it on.
  constexpr std::int32_t slot() const { return slot_; }
  constexpr Scalar with_slot(std::int32_t slot) const {
    Scalar s = *this;
    s.slot_ = slot;
    return s;
  }

 private:
  Kind kind_;
  std::int32_t slot_ = -1;
  union {
    std::int64_t int_;
    double float_;
  };
};

/// The dtype of an operation between a tensor of dtype `t` and a weak scalar (PyTorch's rule).
constexpr DType promote_with_scalar(DType t, Scalar::Kind kind) {
  switch (kind) {
    case Scalar::Kind::Bool:
      return t;
    case Scalar::Kind::Int:
      return t == DType::Bool ? DType::Int64 : t;
    case Scalar::Kind::Float:
      break;
  }
  return is_floating(t) ? t : DType::Float32;
}

}  // namespace ingot
