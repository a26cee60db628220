// The dialect on the host: what kernels may use, in plain C++ without any header. The host driver
// compiles it before a kernel's text. See docs/gpu.md.

#define FN inline
#define HOST_EXPORT extern "C" __attribute__((visibility("default")))
#define GLOBAL
#define SHARED
#define CONSTANT
#define THREAD
#define HAS_F64 1

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef float f32;
typedef double f64;
static_assert(sizeof(i64) == 8 && sizeof(i32) == 4, "LP64");

// What the executor gives a thread, and what it does for one. The same structs are in
// drivers/host/executor.h.
struct HostCalls {
  void (*barrier)(void* executor, const char* file, u32 line);
  const u64* (*exchange)(void* executor, u64 value, const char* file, u32 line);
};
struct Ctx {
  u32 tid, nthreads, gx, gy, gz, ngx, ngy, ngz, lane, warp;
  const HostCalls* calls;
  void* executor;
};

#define BARRIER(k) (k).calls->barrier((k).executor, __FILE__, __LINE__)
#define SHUFFLE_XOR(k, v, m) host_shuffle_xor(k, v, m, __FILE__, __LINE__)

FN f32 as_f32(u32 x) { return __builtin_bit_cast(f32, x); }
FN u32 as_u32(f32 x) { return __builtin_bit_cast(u32, x); }
FN f64 as_f64(u64 x) { return __builtin_bit_cast(f64, x); }
FN u64 as_u64(f64 x) { return __builtin_bit_cast(u64, x); }

FN f32 host_shuffle_xor(const Ctx& k, f32 v, u32 m, const char* file, u32 line) {
  return as_f32((u32)k.calls->exchange(k.executor, as_u32(v), file, line)[k.lane ^ m]);
}

FN u32 mul_hi(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }

// Storage of 16 bits; arithmetic is done in f32.
struct f16 {
  u16 bits;
};
struct bf16 {
  u16 bits;
};
FN f32 widen(f16 h) {
  const u32 sign = (u32)(h.bits & 0x8000u) << 16, e = (h.bits >> 10) & 31u, m = h.bits & 1023u;
  if (e == 0) return as_f32(as_u32((f32)m * 5.9604644775390625e-08f) | sign);
  return as_f32(sign | (e == 31 ? 0x7f800000u | m << 13 : (e + 112) << 23 | m << 13));
}
FN f32 widen(bf16 h) { return as_f32((u32)h.bits << 16); }
FN f16 to_f16(f32 x) {
  const u32 bits = as_u32(x), magnitude = bits & 0x7fffffffu;
  const u16 sign = (u16)((bits >> 16) & 0x8000u);
  if (magnitude > 0x7f800000u) return f16{(u16)(sign | 0x7e00u)};
  if (magnitude >= 0x47800000u) return f16{(u16)(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {  // subnormal: the addition rounds
    const f32 sum = as_f32(magnitude) + 0.5f;
    return f16{(u16)(sign | (u16)(as_u32(sum) - 0x3f000000u))};
  }
  const u32 rebased = magnitude - 0x38000000u;
  return f16{(u16)(sign | (u16)((rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13))};
}
FN bf16 to_bf16(f32 x) {
  const u32 bits = as_u32(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bf16{(u16)((bits >> 16) | 0x40u)};
  return bf16{(u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

#define HOST_MATH1(name)                                    \
  FN f32 m_##name(f32 x) { return __builtin_##name##f(x); } \
  FN f64 m_##name(f64 x) { return __builtin_##name(x); }
#define HOST_MATH2(name)                                              \
  FN f32 m_##name(f32 x, f32 y) { return __builtin_##name##f(x, y); } \
  FN f64 m_##name(f64 x, f64 y) { return __builtin_##name(x, y); }
HOST_MATH1(exp)
HOST_MATH1(expm1)
HOST_MATH1(log)
HOST_MATH1(log1p)
HOST_MATH1(log2)
HOST_MATH1(log10)
HOST_MATH1(sqrt)
HOST_MATH1(sin)
HOST_MATH1(cos)
HOST_MATH1(tan)
HOST_MATH1(asin)
HOST_MATH1(acos)
HOST_MATH1(atan)
HOST_MATH1(sinh)
HOST_MATH1(cosh)
HOST_MATH1(tanh)
HOST_MATH1(erf)
HOST_MATH1(floor)
HOST_MATH1(ceil)
HOST_MATH1(nearbyint)
HOST_MATH1(trunc)
HOST_MATH1(fabs)
HOST_MATH2(fmod)
HOST_MATH2(pow)
HOST_MATH2(atan2)
HOST_MATH2(copysign)
#undef HOST_MATH1
#undef HOST_MATH2
FN f32 m_fma(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
FN f64 m_fma(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }
// x = result * 2^exponent with the result's magnitude in [1/2, 1); zero, infinity and NaN stay.
FN f32 m_frexp(f32 x, THREAD i32& exponent) { return __builtin_frexpf(x, &exponent); }
FN f64 m_frexp(f64 x, THREAD i32& exponent) { return __builtin_frexp(x, &exponent); }
FN f32 m_ldexp(f32 x, i32 exponent) { return __builtin_ldexpf(x, exponent); }
FN f64 m_ldexp(f64 x, i32 exponent) { return __builtin_ldexp(x, exponent); }
