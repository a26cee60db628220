// The dialect in CUDA C++ as NVRTC compiles it, without any header. Flags: --std=c++17
// --fmad=false --ftz=false --prec-div=true --prec-sqrt=true.

#define FN __device__ __forceinline__
#define GLOBAL
#define SHARED
#define CONSTANT
#define THREAD
#define HAS_F64 1

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;

struct Ctx {
  u32 tid, nthreads, gx, gy, gz, ngx, ngy, ngz, lane, warp;
};
FN Ctx cuda_ctx() {
  return Ctx{threadIdx.x, blockDim.x, blockIdx.x, blockIdx.y,       blockIdx.z,
             gridDim.x,   gridDim.y,  gridDim.z,  threadIdx.x % 32, threadIdx.x / 32};
}

#define BARRIER(k) __syncthreads()
#define SHUFFLE_XOR(k, v, m) __shfl_xor_sync(0xffffffffu, v, m)

FN f32 as_f32(u32 x) { return __uint_as_float(x); }
FN u32 as_u32(f32 x) { return __float_as_uint(x); }
FN f64 as_f64(u64 x) { return __longlong_as_double((long long)x); }
FN u64 as_u64(f64 x) { return (u64)__double_as_longlong(x); }
FN u32 mul_hi(u32 a, u32 b) { return __umulhi(a, b); }

// Storage of 16 bits; arithmetic is done in f32.
struct f16 {
  u16 bits;
};
struct bf16 {
  u16 bits;
};
FN f32 widen(f16 h) {
  f32 x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h.bits));
  return x;
}
FN f32 widen(bf16 h) { return as_f32((u32)h.bits << 16); }
FN f16 to_f16(f32 x) {
  f16 h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(x));
  return h;
}
FN bf16 to_bf16(f32 x) {
  const u32 bits = as_u32(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bf16{(u16)((bits >> 16) | 0x40u)};
  return bf16{(u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

#define CUDA_MATH1(name)                          \
  FN f32 m_##name(f32 x) { return ::name##f(x); } \
  FN f64 m_##name(f64 x) { return ::name(x); }
#define CUDA_MATH2(name)                                    \
  FN f32 m_##name(f32 x, f32 y) { return ::name##f(x, y); } \
  FN f64 m_##name(f64 x, f64 y) { return ::name(x, y); }
CUDA_MATH1(exp)
CUDA_MATH1(expm1)
CUDA_MATH1(log)
CUDA_MATH1(log1p)
CUDA_MATH1(log2)
CUDA_MATH1(log10)
CUDA_MATH1(sqrt)
CUDA_MATH1(sin)
CUDA_MATH1(cos)
CUDA_MATH1(tan)
CUDA_MATH1(asin)
CUDA_MATH1(acos)
CUDA_MATH1(atan)
CUDA_MATH1(sinh)
CUDA_MATH1(cosh)
CUDA_MATH1(tanh)
CUDA_MATH1(erf)
CUDA_MATH1(floor)
CUDA_MATH1(ceil)
CUDA_MATH1(nearbyint)
CUDA_MATH1(trunc)
CUDA_MATH1(fabs)
CUDA_MATH2(fmod)
CUDA_MATH2(pow)
CUDA_MATH2(atan2)
CUDA_MATH2(copysign)
#undef CUDA_MATH1
#undef CUDA_MATH2
FN f32 m_fma(f32 a, f32 b, f32 c) { return ::fmaf(a, b, c); }
FN f64 m_fma(f64 a, f64 b, f64 c) { return ::fma(a, b, c); }
// x = result * 2^exponent with the result's magnitude in [1/2, 1); zero, infinity and NaN stay.
FN f32 m_frexp(f32 x, THREAD i32& exponent) { return ::frexpf(x, &exponent); }
FN f64 m_frexp(f64 x, THREAD i32& exponent) { return ::frexp(x, &exponent); }
FN f32 m_ldexp(f32 x, i32 exponent) { return ::ldexpf(x, exponent); }
FN f64 m_ldexp(f64 x, i32 exponent) { return ::ldexp(x, exponent); }
