// What every kernel may use: conversion of elements, and what each scalar primitive computes for
// one element. Floats compute in f32 or f64; integers and bool in i64, modulo 2^64, and the caller
// keeps the low bits. The rules are those of core/convert.h and backend/reference/scalar_math.h.

// -- Elements -------------------------------------------------------------------------------------

// An element as what arithmetic is done in.
FN f32 widen(f32 x) { return x; }
FN i64 widen(bool x) { return x ? 1 : 0; }
FN i64 widen(u8 x) { return x; }
FN i64 widen(i8 x) { return x; }
FN i64 widen(i16 x) { return x; }
FN i64 widen(i32 x) { return x; }
FN i64 widen(i64 x) { return x; }

// To<T>::of(x): x as an element of type T, rounded once.
template <class T>
struct To {
  static FN T of(i64 x) { return (T)x; }
  static FN T of(f32 x) { return (T)integer(x); }
  static FN i64 integer(f32 x) {
    if (x != x) return 0;
    if (x >= 9223372036854775808.0f) return 0x7fffffffffffffffL;
    if (x < -9223372036854775808.0f) return -0x7fffffffffffffffL - 1;
    return (i64)x;
  }
#if HAS_F64
  static FN T of(f64 x) { return (T)integer(x); }
  static FN i64 integer(f64 x) {
    if (x != x) return 0;
    if (x >= 9223372036854775808.0) return 0x7fffffffffffffffL;
    if (x < -9223372036854775808.0) return -0x7fffffffffffffffL - 1;
    return (i64)x;
  }
#endif
};
template <>
struct To<bool> {
  static FN bool of(i64 x) { return x != 0; }
  static FN bool of(f32 x) { return !(x == 0); }
#if HAS_F64
  static FN bool of(f64 x) { return !(x == 0); }
#endif
};
template <>
struct To<f32> {
  static FN f32 of(i64 x) { return (f32)x; }
  static FN f32 of(f32 x) { return x; }
#if HAS_F64
  static FN f32 of(f64 x) { return (f32)x; }
#endif
};
template <>
struct To<f16> {
  static FN f16 of(i64 x) { return to_f16((f32)x); }
  static FN f16 of(f32 x) { return to_f16(x); }
#if HAS_F64
  static FN f16 of(f64 x) { return to_f16((f32)x); }
#endif
};
template <>
struct To<bf16> {
  static FN bf16 of(i64 x) { return to_bf16((f32)x); }
  static FN bf16 of(f32 x) { return to_bf16(x); }
#if HAS_F64
  static FN bf16 of(f64 x) { return to_bf16((f32)x); }
#endif
};
#if HAS_F64
FN f64 widen(f64 x) { return x; }
template <>
struct To<f64> {
  static FN f64 of(i64 x) { return (f64)x; }
  static FN f64 of(f32 x) { return (f64)x; }
  static FN f64 of(f64 x) { return x; }
};
#endif

// What elements of type T are computed in.
template <class T>
struct Work {
  typedef i64 type;
};
template <>
struct Work<f16> {
  typedef f32 type;
};
template <>
struct Work<bf16> {
  typedef f32 type;
};
template <>
struct Work<f32> {
  typedef f32 type;
};
#if HAS_F64
template <>
struct Work<f64> {
  typedef f64 type;
};
#endif

// -- Floats ---------------------------------------------------------------------------------------

template <class F>
FN bool is_nan(F x) {
  return x != x;
}
template <class F>
FN bool is_finite(F x) {
  return x - x == 0;
}
FN bool is_nan(i64) { return false; }
FN bool is_finite(i64) { return true; }

template <class F>
FN F op_neg(F x) {
  return -x;
}
template <class F>
FN F op_abs(F x) {
  return m_fabs(x);
}
template <class F>
FN F op_sign(F x) {
  return (F)((x > 0 ? 1 : 0) - (x < 0 ? 1 : 0));
}
template <class F>
FN F op_exp(F x) {
  return m_exp(x);
}
template <class F>
FN F op_expm1(F x) {
  return m_expm1(x);
}
template <class F>
FN F op_log(F x) {
  return m_log(x);
}
template <class F>
FN F op_log1p(F x) {
  return m_log1p(x);
}
template <class F>
FN F op_log2(F x) {
  return m_log2(x);
}
template <class F>
FN F op_log10(F x) {
  return m_log10(x);
}
template <class F>
FN F op_sqrt(F x) {
  return m_sqrt(x);
}
template <class F>
FN F op_rsqrt(F x) {
  return (F)1 / m_sqrt(x);
}
template <class F>
FN F op_reciprocal(F x) {
  return (F)1 / x;
}
template <class F>
FN F op_square(F x) {
  return x * x;
}
template <class F>
FN F op_sin(F x) {
  return m_sin(x);
}
template <class F>
FN F op_cos(F x) {
  return m_cos(x);
}
template <class F>
FN F op_tan(F x) {
  return m_tan(x);
}
template <class F>
FN F op_asin(F x) {
  return m_asin(x);
}
template <class F>
FN F op_acos(F x) {
  return m_acos(x);
}
template <class F>
FN F op_atan(F x) {
  return m_atan(x);
}
template <class F>
FN F op_sinh(F x) {
  return m_sinh(x);
}
template <class F>
FN F op_cosh(F x) {
  return m_cosh(x);
}
template <class F>
FN F op_tanh(F x) {
  return m_tanh(x);
}
template <class F>
FN F op_erf(F x) {
  return m_erf(x);
}
template <class F>
FN F op_sigmoid(F x) {
  return (F)1 / ((F)1 + m_exp(-x));
}
template <class F>
FN F op_floor(F x) {
  return m_floor(x);
}
template <class F>
FN F op_ceil(F x) {
  return m_ceil(x);
}
template <class F>
FN F op_round(F x) {
  return m_nearbyint(x);
}
template <class F>
FN F op_trunc(F x) {
  return m_trunc(x);
}
template <class F>
FN F op_div(F x, F y) {
  return x / y;
}
template <class F>
FN F op_fmod(F x, F y) {
  return m_fmod(x, y);
}
template <class F>
FN F op_remainder(F x, F y) {
  const F rest = m_fmod(x, y);
  return rest != 0 && (y < 0) != (rest < 0) ? rest + y : rest;
}
template <class F>
FN F op_floor_divide(F x, F y) {
  if (y == 0) return x / y;
  const F rest = m_fmod(x, y);
  F quotient = (x - rest) / y;
  if (rest != 0 && (y < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return m_copysign((F)0, x / y);
  const F whole = m_floor(quotient);
  return quotient - whole > (F)0.5f ? whole + 1 : whole;
}
template <class F>
FN F op_pow(F x, F y) {
  return m_pow(x, y);
}
template <class F>
FN F op_atan2(F x, F y) {
  return m_atan2(x, y);
}
template <class F>
FN bool op_is_inf(F x) {
  return x == x && !is_finite(x);
}

// -- Floats and integers --------------------------------------------------------------------------

template <class F>
FN F op_relu(F x) {
  return x <= 0 ? (F)0 : x;  // NaN stays
}
template <class F>
FN F op_relu_grad(F x, F y) {
  return y <= 0 ? (F)0 : x;  // (gradient, output)
}
template <class F>
FN F op_maximum(F x, F y) {
  return x != x || x > y ? x : y;
}
template <class F>
FN F op_minimum(F x, F y) {
  return x != x || x < y ? x : y;
}
template <class F>
FN F op_add(F x, F y) {
  return x + y;
}
template <class F>
FN F op_sub(F x, F y) {
  return x - y;
}
template <class F>
FN F op_mul(F x, F y) {
  return x * y;
}
template <class F>
FN bool op_is_nan(F x) {
  return is_nan(x);
}
template <class F>
FN bool op_is_finite(F x) {
  return is_finite(x);
}
template <class F>
FN bool op_logical_not(F x) {
  return x == 0;
}
template <class F>
FN bool op_eq(F x, F y) {
  return x == y;
}
template <class F>
FN bool op_ne(F x, F y) {
  return x != y;
}
template <class F>
FN bool op_lt(F x, F y) {
  return x < y;
}
template <class F>
FN bool op_le(F x, F y) {
  return x <= y;
}
template <class F>
FN bool op_gt(F x, F y) {
  return x > y;
}
template <class F>
FN bool op_ge(F x, F y) {
  return x >= y;
}
template <class F>
FN bool op_logical_and(F x, F y) {
  return x != 0 && y != 0;
}
template <class F>
FN bool op_logical_or(F x, F y) {
  return x != 0 || y != 0;
}
template <class F>
FN bool op_logical_xor(F x, F y) {
  return (x != 0) != (y != 0);
}

// -- Integers -------------------------------------------------------------------------------------

FN i64 op_neg(i64 x) { return (i64)(0 - (u64)x); }
FN i64 op_abs(i64 x) { return x < 0 ? op_neg(x) : x; }
FN i64 op_square(i64 x) { return (i64)((u64)x * (u64)x); }
FN i64 op_floor(i64 x) { return x; }
FN i64 op_ceil(i64 x) { return x; }
FN i64 op_round(i64 x) { return x; }
FN i64 op_trunc(i64 x) { return x; }
FN i64 op_add(i64 x, i64 y) { return (i64)((u64)x + (u64)y); }
FN i64 op_sub(i64 x, i64 y) { return (i64)((u64)x - (u64)y); }
FN i64 op_mul(i64 x, i64 y) { return (i64)((u64)x * (u64)y); }
FN i64 op_fmod(i64 x, i64 y) { return y == 0 || y == -1 ? 0 : x % y; }
FN i64 op_remainder(i64 x, i64 y) {
  const i64 rest = op_fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
FN i64 op_floor_divide(i64 x, i64 y) {
  if (y == 0) return 0;
  const i64 quotient = y == -1 ? op_neg(x) : x / y;
  return quotient - (op_fmod(x, y) != 0 && (x < 0) != (y < 0) ? 1 : 0);
}
FN i64 op_pow(i64 x, i64 y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 != 0 ? -1 : 1) : 0;
  u64 result = 1, power = (u64)x;
  for (; y != 0; y >>= 1, power *= power)
    if ((y & 1) != 0) result *= power;
  return (i64)result;
}
FN i64 op_bitwise_not(i64 x) { return ~x; }
FN i64 op_bitwise_and(i64 x, i64 y) { return x & y; }
FN i64 op_bitwise_or(i64 x, i64 y) { return x | y; }
FN i64 op_bitwise_xor(i64 x, i64 y) { return x ^ y; }
FN bool op_is_inf(i64) { return false; }
// `width`: bits of the dtype.
FN i64 op_shift_left(i64 x, i64 y, i64 width) {
  return y < 0 || y >= width ? 0 : (i64)((u64)x << y);
}
FN i64 op_shift_right(i64 x, i64 y, i64 width) {
  return y < 0 || y >= width ? (x < 0 ? -1 : 0) : x >> y;
}
