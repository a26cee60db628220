// The dialect in the Metal Shading Language, version 3.1 (macOS 14), with safe mathematics. Metal
// has no f64.
#include <metal_stdlib>
#pragma METAL fp contract(off)

#define FN inline
#define GLOBAL device
#define SHARED threadgroup
#define CONSTANT constant
#define THREAD thread
#define HAS_F64 0

typedef char i8;
typedef short i16;
typedef int i32;
typedef long i64;
typedef uchar u8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;
typedef float f32;

struct Ctx {
  u32 tid, nthreads, gx, gy, gz, ngx, ngy, ngz, lane, warp;
};

#define BARRIER(k) metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup)
#define SHUFFLE_XOR(k, v, m) metal::simd_shuffle_xor(v, (ushort)(m))

FN f32 as_f32(u32 x) { return as_type<f32>(x); }
FN u32 as_u32(f32 x) { return as_type<u32>(x); }
FN u32 mul_hi(u32 a, u32 b) { return metal::mulhi(a, b); }

// Storage of 16 bits; arithmetic is done in f32.
struct f16 {
  u16 bits;
};
struct bf16 {
  u16 bits;
};
FN f32 widen(f16 h) { return (f32)as_type<half>(h.bits); }
FN f32 widen(bf16 h) { return as_f32((u32)h.bits << 16); }
FN f16 to_f16(f32 x) { return f16{as_type<u16>((half)x)}; }
FN bf16 to_bf16(f32 x) {
  const u32 bits = as_u32(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bf16{(u16)((bits >> 16) | 0x40u)};
  return bf16{(u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

#define METAL_MATH1(name, function) \
  FN f32 m_##name(f32 x) { return metal::function(x); }
#define METAL_MATH2(name, function) \
  FN f32 m_##name(f32 x, f32 y) { return metal::function(x, y); }
METAL_MATH1(exp, exp)
METAL_MATH1(log, log)
METAL_MATH1(log2, log2)
METAL_MATH1(log10, log10)
METAL_MATH1(sqrt, sqrt)
METAL_MATH1(sin, sin)
METAL_MATH1(cos, cos)
METAL_MATH1(tan, tan)
METAL_MATH1(asin, asin)
METAL_MATH1(acos, acos)
METAL_MATH1(atan, atan)
METAL_MATH1(sinh, sinh)
METAL_MATH1(cosh, cosh)
METAL_MATH1(tanh, tanh)
METAL_MATH1(floor, floor)
METAL_MATH1(ceil, ceil)
METAL_MATH1(nearbyint, rint)
METAL_MATH1(trunc, trunc)
METAL_MATH1(fabs, fabs)
METAL_MATH2(fmod, fmod)
METAL_MATH2(pow, pow)
METAL_MATH2(atan2, atan2)
METAL_MATH2(copysign, copysign)
#undef METAL_MATH1
#undef METAL_MATH2
FN f32 m_fma(f32 a, f32 b, f32 c) { return metal::fma(a, b, c); }
// x = result * 2^exponent with the result's magnitude in [1/2, 1); zero, infinity and NaN stay.
FN f32 m_frexp(f32 x, THREAD i32& exponent) {
  u32 bits = as_u32(x);
  exponent = 0;
  if ((bits & 0x7fffffffu) == 0 || (bits & 0x7f800000u) == 0x7f800000u) return x;
  if ((bits & 0x7f800000u) == 0) {  // subnormal: 2^32 times as large
    bits = as_u32(x * as_f32(0x4f800000u));
    exponent = -32;
  }
  exponent += (i32)((bits >> 23) & 255u) - 126;
  return as_f32((bits & 0x807fffffu) | 0x3f000000u);
}
FN f32 m_ldexp(f32 x, i32 exponent) { return metal::ldexp(x, exponent); }

// What Metal does not have.

// Source: W. Kahan's use of u = fl(1 + x), whose error log(u) / (u - 1) takes out again.
FN f32 m_log1p(f32 x) {
  const f32 u = 1.0f + x;
  if (u == 1.0f || u - u != 0) return u == 1.0f ? x : m_log(u);
  return m_log(u) * (x / (u - 1.0f));
}
FN f32 m_expm1(f32 x) {
  const f32 u = m_exp(x);
  if (u == 1.0f) return x;
  if (u - 1.0f == -1.0f || u - u != 0) return u - 1.0f;
  return (u - 1.0f) * (x / m_log(u));
}
// Source: W. J. Cody, "Rational Chebyshev approximations for the error function" (Mathematics of
// Computation 23, 1969).
FN f32 m_erf(f32 x) {
  const f32 y = m_fabs(x);
  if (y <= 0.46875f) {
    const f32 z = x * x;
    const f32 above =
        ((((1.85777706e-1f * z + 3.16112374f) * z + 1.13864154e2f) * z + 3.77485238e2f) * z +
         3.20937759e3f);
    const f32 below =
        ((((z + 2.36012910e1f) * z + 2.44024638e2f) * z + 1.28261653e3f) * z + 2.84423684e3f);
    return x * (above / below);
  }
  if (!(y <= 4.0f)) return y != y ? x : x < 0 ? -1.0f : 1.0f;
  f32 above = 2.15311535e-8f, below = 1.0f;
  above = above * y + 5.64188497e-1f;
  above = above * y + 8.88314980f;
  above = above * y + 6.61191906e1f;
  above = above * y + 2.98635138e2f;
  above = above * y + 8.81952222e2f;
  above = above * y + 1.71204761e3f;
  above = above * y + 2.05107838e3f;
  above = above * y + 1.23033935e3f;
  below = below * y + 1.57449261e1f;
  below = below * y + 1.17693951e2f;
  below = below * y + 5.37181102e2f;
  below = below * y + 1.62138957e3f;
  below = below * y + 3.29079924e3f;
  below = below * y + 4.36261909e3f;
  below = below * y + 3.43936767e3f;
  below = below * y + 1.23033935e3f;
  const f32 erf = 1.0f - m_exp(-y * y) * (above / below);
  return x < 0 ? -erf : erf;
}
