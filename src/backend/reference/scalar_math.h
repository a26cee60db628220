// What each scalar primitive computes for one element: the specification of all backends.
//
// Floating dtypes compute in double and round once to their dtype (for +, -, *, / and sqrt that is
// exactly what arithmetic in float32 gives). Integers compute modulo 2^64 and keep their low bits;
// bool computes on 0 and 1 and is true for anything but 0.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <ingot/core/error.h>

#include "core/op_def.h"

namespace ingot::reference {

// -- Floating -------------------------------------------------------------------------------------

inline double floor_divide(double a, double b) {
  if (b == 0) return a / b;
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

inline double remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest;
}

inline double unary(ScalarOp op, double x) {
  switch (op) {
    case ScalarOp::Neg:
      return -x;
    case ScalarOp::Abs:
      return std::fabs(x);
    case ScalarOp::Sign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;  // NaN gives 0, as in PyTorch
    case ScalarOp::Exp:
      return std::exp(x);
    case ScalarOp::Expm1:
      return std::expm1(x);
    case ScalarOp::Log:
      return std::log(x);
    case ScalarOp::Log1p:
      return std::log1p(x);
    case ScalarOp::Log2:
      return std::log2(x);
    case ScalarOp::Log10:
      return std::log10(x);
    case ScalarOp::Sqrt:
      return std::sqrt(x);
    case ScalarOp::Rsqrt:
      return 1 / std::sqrt(x);
    case ScalarOp::Reciprocal:
      return 1 / x;
    case ScalarOp::Square:
      return x * x;
    case ScalarOp::Sin:
      return std::sin(x);
    case ScalarOp::Cos:
      return std::cos(x);
    case ScalarOp::Tan:
      return std::tan(x);
    case ScalarOp::Asin:
      return std::asin(x);
    case ScalarOp::Acos:
      return std::acos(x);
    case ScalarOp::Atan:
      return std::atan(x);
    case ScalarOp::Sinh:
      return std::sinh(x);
    case ScalarOp::Cosh:
      return std::cosh(x);
    case ScalarOp::Tanh:
      return std::tanh(x);
    case ScalarOp::Erf:
      return std::erf(x);
    case ScalarOp::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case ScalarOp::Floor:
      return std::floor(x);
    case ScalarOp::Ceil:
      return std::ceil(x);
    case ScalarOp::Round:
      return std::nearbyint(x);  // ties to even
    case ScalarOp::Trunc:
      return std::trunc(x);
    case ScalarOp::Relu:
      return x > 0 || x != x ? x : 0;
    default:
      throw InternalError("not a unary operation on floating-point numbers");
  }
}

inline double binary(ScalarOp op, double a, double b) {
  switch (op) {
    case ScalarOp::Add:
      return a + b;
    case ScalarOp::Sub:
      return a - b;
    case ScalarOp::Mul:
      return a * b;
    case ScalarOp::Div:
      return a / b;
    case ScalarOp::FloorDivide:
      return floor_divide(a, b);
    case ScalarOp::Remainder:
      return remainder(a, b);
    case ScalarOp::Fmod:
      return std::fmod(a, b);
    case ScalarOp::Pow:
      return std::pow(a, b);
    case ScalarOp::Maximum:
      return a != a || a > b ? a : b;
    case ScalarOp::Minimum:
      return a != a || a < b ? a : b;
    case ScalarOp::Atan2:
      return std::atan2(a, b);
    case ScalarOp::ReluGrad:
      return b <= 0 ? 0 : a;
    default:
      throw InternalError("not a binary operation on floating-point numbers");
  }
}

// -- Integers and bool ----------------------------------------------------------------------------

// Arithmetic that wraps around instead of overflowing.
inline std::int64_t wrap(std::uint64_t x) { return static_cast<std::int64_t>(x); }
inline std::uint64_t bits(std::int64_t x) { return static_cast<std::uint64_t>(x); }

inline std::int64_t int_pow(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 ? -1 : 1;
    return 0;
  }
  std::uint64_t result = 1, power = bits(base);
  for (; exponent; exponent >>= 1, power *= power)
    if (exponent & 1) result *= power;
  return wrap(result);
}

// Of a number modulo zero, and of the one quotient that overflows.
inline bool has_no_quotient(std::int64_t b) { return b == 0 || b == -1; }
inline std::int64_t rest_of(std::int64_t a, std::int64_t b) {
  return has_no_quotient(b) ? 0 : a % b;
}
inline std::int64_t quotient_of(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  return b == -1 ? wrap(0 - bits(a)) : a / b;
}

inline std::int64_t unary(ScalarOp op, std::int64_t x) {
  switch (op) {
    case ScalarOp::Neg:
      return wrap(0 - bits(x));
    case ScalarOp::Abs:
      return x < 0 ? wrap(0 - bits(x)) : x;
    case ScalarOp::Sign:
      return (x > 0) - (x < 0);
    case ScalarOp::Square:
      return wrap(bits(x) * bits(x));
    case ScalarOp::Floor:
    case ScalarOp::Ceil:
    case ScalarOp::Round:
    case ScalarOp::Trunc:
      return x;
    case ScalarOp::Relu:
      return x > 0 ? x : 0;
    case ScalarOp::BitwiseNot:
      return ~x;
    default:
      throw InternalError("not a unary operation on integers");
  }
}

/// `width`: bits of the dtype, by which shifts are limited.
inline std::int64_t binary(ScalarOp op, std::int64_t a, std::int64_t b, int width) {
  const bool far = b < 0 || b >= width;
  switch (op) {
    case ScalarOp::Add:
      return wrap(bits(a) + bits(b));
    case ScalarOp::Sub:
      return wrap(bits(a) - bits(b));
    case ScalarOp::Mul:
      return wrap(bits(a) * bits(b));
    case ScalarOp::FloorDivide:
      return quotient_of(a, b) - (rest_of(a, b) != 0 && (a < 0) != (b < 0) ? 1 : 0);
    case ScalarOp::Remainder: {
      const std::int64_t rest = rest_of(a, b);
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case ScalarOp::Fmod:
      return rest_of(a, b);
    case ScalarOp::Pow:
      return int_pow(a, b);
    case ScalarOp::Maximum:
      return a > b ? a : b;
    case ScalarOp::Minimum:
      return a < b ? a : b;
    case ScalarOp::BitwiseAnd:
      return a & b;
    case ScalarOp::BitwiseOr:
      return a | b;
    case ScalarOp::BitwiseXor:
      return a ^ b;
    case ScalarOp::ShiftLeft:
      return far ? 0 : wrap(bits(a) << b);
    case ScalarOp::ShiftRight:
      return far ? (a < 0 ? -1 : 0) : a >> b;
    case ScalarOp::ReluGrad:
      return b <= 0 ? 0 : a;
    default:
      throw InternalError("not a binary operation on integers");
  }
}

// -- Predicates, for double and std::int64_t ------------------------------------------------------

template <class T>
bool predicate(ScalarOp op, T x) {
  switch (op) {
    case ScalarOp::IsNan:
      return x != x;
    case ScalarOp::IsInf:
      if constexpr (std::is_same_v<T, double>) return std::isinf(x);
      return false;
    case ScalarOp::IsFinite:
      if constexpr (std::is_same_v<T, double>) return std::isfinite(x);
      return true;
    case ScalarOp::LogicalNot:
      return x == 0;
    default:
      throw InternalError("not a predicate");
  }
}

template <class T>
bool predicate(ScalarOp op, T a, T b) {
  switch (op) {
    case ScalarOp::Eq:
      return a == b;
    case ScalarOp::Ne:
      return a != b;
    case ScalarOp::Lt:
      return a < b;
    case ScalarOp::Le:
      return a <= b;
    case ScalarOp::Gt:
      return a > b;
    case ScalarOp::Ge:
      return a >= b;
    case ScalarOp::LogicalAnd:
      return a != 0 && b != 0;
    case ScalarOp::LogicalOr:
      return a != 0 || b != 0;
    case ScalarOp::LogicalXor:
      return (a != 0) != (b != 0);
    default:
      throw InternalError("not a comparison");
  }
}

}  // namespace ingot::reference
