// What each ScalarOp computes for one pair of elements in plain C++: used for integers as such, and
// for floats wherever there is no vector code. PyTorch's semantics: integers wrap, `//` and `%`
// round towards minus infinity, NaN passes through maximum, minimum and relu.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/op_def.h"

namespace ingot::cpu {

template <class T>
inline constexpr bool is_integer = std::integral<T> && !std::same_as<T, bool>;

/// Integers compute in an unsigned type of at least 32 bits, so that overflow wraps.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) > 4), std::uint64_t, std::uint32_t>;

/// Whether ScalarOp `Op` exists for operands of type T.
template <ScalarOp Op, class T>
constexpr bool has_function() {
  using enum ScalarOp;
  constexpr bool floating = std::floating_point<T>, integer = is_integer<T>;
  switch (Op) {
    case None:
    case Cast:
      return false;
    case BitwiseNot:
    case BitwiseAnd:
    case BitwiseOr:
    case BitwiseXor:
      return !floating;
    case ShiftLeft:
    case ShiftRight:
      return integer;
    case Neg:
    case Sub:
    case FloorDivide:
    case Remainder:
    case Fmod:
    case Pow:
    case Floor:
    case Ceil:
    case Round:
    case Trunc:
      return floating || integer;
    case Abs:
    case Sign:
    case Square:
    case Relu:
    case IsNan:
    case IsInf:
    case IsFinite:
    case LogicalNot:
    case Add:
    case Mul:
    case Maximum:
    case Minimum:
    case Eq:
    case Ne:
    case Lt:
    case Le:
    case Gt:
    case Ge:
    case LogicalAnd:
    case LogicalOr:
    case LogicalXor:
    case ReluGrad:
    case Where:
      return true;
    default:
      return floating;
  }
}

template <ScalarOp Op, class T>
inline auto unary(T x) {
  using enum ScalarOp;
  using W = Wrapping<T>;
  constexpr bool floating = std::floating_point<T>;
  const T one = T(1), zero = T(0);
  if constexpr (Op == Neg) {
    if constexpr (floating)
      return -x;
    else
      return static_cast<T>(W{0} - static_cast<W>(x));
  } else if constexpr (Op == Abs) {
    if constexpr (floating)
      return std::fabs(x);
    else if constexpr (std::is_signed_v<T>)
      return x < 0 ? static_cast<T>(W{0} - static_cast<W>(x)) : x;
    else
      return x;
  } else if constexpr (Op == Sign) {
    return static_cast<T>((x > zero) - (x < zero));
  } else if constexpr (Op == Exp) {
    return std::exp(x);
  } else if constexpr (Op == Expm1) {
    return std::expm1(x);
  } else if constexpr (Op == Log) {
    return std::log(x);
  } else if constexpr (Op == Log1p) {
    return std::log1p(x);
  } else if constexpr (Op == Log2) {
    return std::log2(x);
  } else if constexpr (Op == Log10) {
    return std::log10(x);
  } else if constexpr (Op == Sqrt) {
    return std::sqrt(x);
  } else if constexpr (Op == Rsqrt) {
    return one / std::sqrt(x);
  } else if constexpr (Op == Reciprocal) {
    return one / x;
  } else if constexpr (Op == Square) {
    if constexpr (floating)
      return x * x;
    else
      return static_cast<T>(static_cast<W>(x) * static_cast<W>(x));
  } else if constexpr (Op == Sin) {
    return std::sin(x);
  } else if constexpr (Op == Cos) {
    return std::cos(x);
  } else if constexpr (Op == Tan) {
    return std::tan(x);
  } else if constexpr (Op == Asin) {
    return std::asin(x);
  } else if constexpr (Op == Acos) {
    return std::acos(x);
  } else if constexpr (Op == Atan) {
    return std::atan(x);
  } else if constexpr (Op == Sinh) {
    return std::sinh(x);
  } else if constexpr (Op == Cosh) {
    return std::cosh(x);
  } else if constexpr (Op == Tanh) {
    return std::tanh(x);
  } else if constexpr (Op == Erf) {
    return std::erf(x);
  } else if constexpr (Op == Sigmoid) {
    return one / (one + std::exp(-x));
  } else if constexpr (Op == Floor || Op == Ceil || Op == Round || Op == Trunc) {
    if constexpr (!floating)
      return x;
    else if constexpr (Op == Floor)
      return std::floor(x);
    else if constexpr (Op == Ceil)
      return std::ceil(x);
    else if constexpr (Op == Round)
      return std::nearbyint(x);
    else
      return std::trunc(x);
  } else if constexpr (Op == Relu) {
    return x <= zero ? zero : x;  // NaN stays
  } else if constexpr (Op == IsNan) {
    return x != x;
  } else if constexpr (Op == IsInf) {
    if constexpr (floating)
      return std::fabs(x) == std::numeric_limits<T>::infinity();
    else
      return false;
  } else if constexpr (Op == IsFinite) {
    if constexpr (floating)
      return std::fabs(x) < std::numeric_limits<T>::infinity();
    else
      return true;
  } else if constexpr (Op == LogicalNot) {
    return x == zero;
  } else {
    static_assert(Op == BitwiseNot);
    if constexpr (std::same_as<T, bool>)
      return !x;
    else
      return static_cast<T>(~x);
  }
}

/// −1, by which no integer can be divided in hardware without a trap for the smallest one. What an
/// unsigned type has in its place, 255 for 8 bits, is a number like any other.
template <class T>
constexpr bool is_minus_one(T y) {
  return std::is_signed_v<T> && y == static_cast<T>(-1);
}

template <class T>
inline T remainder_of(T x, T y) {
  if constexpr (std::floating_point<T>) {
    const T m = std::fmod(x, y);
    return m != T(0) && (y < T(0)) != (m < T(0)) ? m + y : m;
  } else {
    if (y == 0 || is_minus_one(y)) return 0;  // also INT_MIN % -1, which traps
    const T m = static_cast<T>(x % y);
    return m != 0 && (m < 0) != (y < 0) ? static_cast<T>(m + y) : m;
  }
}

template <class T>
inline T floor_divide(T x, T y) {
  if constexpr (std::floating_point<T>) {
    if (y == T(0)) return x / y;
    const T m = std::fmod(x, y);
    T q = (x - m) / y;
    if (m != T(0) && (y < T(0)) != (m < T(0))) q -= T(1);
    if (q == T(0)) return std::copysign(T(0), x / y);
    T rounded = std::floor(q);
    if (q - rounded > T(0.5)) rounded += T(1);
    return rounded;
  } else {
    if (y == 0) return 0;
    if (is_minus_one(y)) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
    const T q = static_cast<T>(x / y);
    return x % y != 0 && (x < 0) != (y < 0) ? static_cast<T>(q - 1) : q;
  }
}

template <class T>
inline T power(T x, T y) {
  if constexpr (std::floating_point<T>) {
    return std::pow(x, y);
  } else {
    if (y < 0) return x == 1 ? T(1) : is_minus_one(x) ? (y % 2 == 0 ? T(1) : x) : T(0);
    using W = Wrapping<T>;
    W result = 1, base = static_cast<W>(x);
    for (auto e = static_cast<std::uint64_t>(y); e > 0; e >>= 1) {
      if (e & 1) result *= base;
      base *= base;
    }
    return static_cast<T>(result);
  }
}

template <ScalarOp Op, class T>
inline auto binary(T x, T y) {
  using enum ScalarOp;
  using W = Wrapping<T>;
  constexpr bool floating = std::floating_point<T>;
  const T zero = T(0);
  if constexpr (Op == Add) {
    if constexpr (floating)
      return x + y;
    else if constexpr (std::same_as<T, bool>)
      return x || y;
    else
      return static_cast<T>(static_cast<W>(x) + static_cast<W>(y));
  } else if constexpr (Op == Sub) {
    if constexpr (floating)
      return x - y;
    else
      return static_cast<T>(static_cast<W>(x) - static_cast<W>(y));
  } else if constexpr (Op == Mul) {
    if constexpr (floating)
      return x * y;
    else if constexpr (std::same_as<T, bool>)
      return x && y;
    else
      return static_cast<T>(static_cast<W>(x) * static_cast<W>(y));
  } else if constexpr (Op == Div) {
    return x / y;
  } else if constexpr (Op == FloorDivide) {
    return floor_divide(x, y);
  } else if constexpr (Op == Remainder) {
    return remainder_of(x, y);
  } else if constexpr (Op == Fmod) {
    if constexpr (floating)
      return std::fmod(x, y);
    else
      return y == 0 || is_minus_one(y) ? zero : static_cast<T>(x % y);
  } else if constexpr (Op == Pow) {
    return power(x, y);
  } else if constexpr (Op == Maximum) {
    return x != x || x > y ? x : y;
  } else if constexpr (Op == Minimum) {
    return x != x || x < y ? x : y;
  } else if constexpr (Op == Atan2) {
    return std::atan2(x, y);
  } else if constexpr (Op == Eq) {
    return x == y;
  } else if constexpr (Op == Ne) {
    return x != y;
  } else if constexpr (Op == Lt) {
    return x < y;
  } else if constexpr (Op == Le) {
    return x <= y;
  } else if constexpr (Op == Gt) {
    return x > y;
  } else if constexpr (Op == Ge) {
    return x >= y;
  } else if constexpr (Op == LogicalAnd) {
    return ((x != zero) & (y != zero)) != 0;
  } else if constexpr (Op == LogicalOr) {
    return ((x != zero) | (y != zero)) != 0;
  } else if constexpr (Op == LogicalXor) {
    return (x != zero) != (y != zero);
  } else if constexpr (Op == BitwiseAnd) {
    return static_cast<T>(x & y);
  } else if constexpr (Op == BitwiseOr) {
    return static_cast<T>(x | y);
  } else if constexpr (Op == BitwiseXor) {
    return static_cast<T>(x ^ y);
  } else if constexpr (Op == ShiftLeft) {
    constexpr auto bits = static_cast<T>(sizeof(T) * 8);
    return y < 0 || y >= bits ? zero : static_cast<T>(static_cast<W>(x) << y);
  } else if constexpr (Op == ShiftRight) {
    constexpr auto bits = static_cast<T>(sizeof(T) * 8);
    return static_cast<T>(x >> (y < 0 || y >= bits ? bits - 1 : y));
  } else {
    static_assert(Op == ReluGrad);
    return y <= zero ? zero : x;  // (grad, out); NaN passes
  }
}

}  // namespace ingot::cpu
