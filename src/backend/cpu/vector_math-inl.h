// float32 functions on Highway vectors, within 3 ulp, with the C library's results for infinities,
// NaN and arguments outside the range that Highway's own functions take. Included once per target.

// clang-format off
#if defined(INGOT_BACKEND_CPU_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGOT_BACKEND_CPU_VECTOR_MATH_INL_H_
#undef INGOT_BACKEND_CPU_VECTOR_MATH_INL_H_
#else
#define INGOT_BACKEND_CPU_VECTOR_MATH_INL_H_
#endif
// clang-format on

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
HWY_INLINE V vector_exp(D d, V x) {
  const auto inf = hn::Set(d, std::numeric_limits<float>::infinity());
  // Arguments are cut to where Highway's exponent arithmetic holds.
  const auto clamped = hn::Min(hn::Max(x, hn::Set(d, -105.0f)), hn::Set(d, 88.8f));
  V y = hn::Exp(d, clamped);
  y = hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.72283f)), inf, y);
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

template <class D, class V>
HWY_INLINE V vector_log(D d, V x) {
  const auto inf = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  const auto zero = hn::Zero(d);
  V y = hn::Log(d, x);
  y = hn::IfThenElse(hn::Eq(x, inf), inf, y);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(inf), y);
  return hn::IfThenElse(hn::Ge(x, zero), y, nan);
}

// Highway's range reduction is good below 39,000; others are rare and go to the C library.
template <class D, class V, class F>
HWY_INLINE V replace_large(D d, V x, V y, F f) {
  const auto small = hn::Lt(hn::Abs(x), hn::Set(d, 39000.0f));
  if (HWY_LIKELY(hn::AllTrue(d, small))) return y;
  HWY_ALIGN float in[hn::MaxLanes(d)];
  HWY_ALIGN float out[hn::MaxLanes(d)];
  hn::Store(x, d, in);
  hn::Store(y, d, out);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i)
    if (!(std::fabs(in[i]) < 39000.0f)) out[i] = f(in[i]);
  return hn::Load(d, out);
}

template <class D, class V>
HWY_INLINE V vector_sin(D d, V x) {
  return replace_large(d, x, hn::Sin(d, x), [](float v) { return std::sin(v); });
}

template <class D, class V>
HWY_INLINE V vector_cos(D d, V x) {
  return replace_large(d, x, hn::Cos(d, x), [](float v) { return std::cos(v); });
}

template <class D, class V>
HWY_INLINE V vector_tanh(D d, V x) {
  return hn::IfThenElse(hn::Eq(x, x), hn::Tanh(d, x), x);
}

template <class D, class V>
HWY_INLINE V vector_sigmoid(D d, V x) {
  // Of e^-|x|, which never overflows.
  const auto one = hn::Set(d, 1.0f);
  const V e = vector_exp(d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

// The coefficients are Chebyshev fits, each to less than 2e-8 of the result.
template <class D, class V>
HWY_INLINE V vector_erf(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const V size = hn::Abs(x);
  // Up to 1: x · p(x²).
  const V s = hn::Mul(x, x);
  V small = hn::Set(d, 7.88249712e-05f);
  for (const float c :
       {-0.000801885499f, 0.00518931194f, -0.0268543288f, 0.112835975f, -0.376126269f, 1.12837917f})
    small = hn::MulAdd(small, s, hn::Set(d, c));
  // From 1 on: 1 − exp(−x²) · q(1 / (1 + x/2)); from 4 on that is 1.
  const V far = hn::Min(size, hn::Set(d, 4.0f));
  const V t = hn::Div(one, hn::MulAdd(far, hn::Set(d, 0.5f), one));
  V rest = hn::Set(d, -0.0535406162f);
  for (const float c :
       {-0.0573387352f, 0.403838363f, 0.101268245f, 0.33084068f, 0.273618153f, 0.000606408739f})
    rest = hn::MulAdd(rest, t, hn::Set(d, c));
  const V large = hn::Sub(one, hn::Mul(rest, vector_exp(d, hn::Neg(hn::Mul(far, far)))));
  const V y = hn::IfThenElse(hn::Lt(size, one), hn::Mul(small, x), hn::CopySign(large, x));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#endif  // INGOT_BACKEND_CPU_VECTOR_MATH_INL_H_
