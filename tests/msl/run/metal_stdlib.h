// What kernels use of the Metal Shading Language, in C++: the text for Metal then runs on the host
// driver's executor. Behind the host's dialect, in `namespace host`, and before the text's own
// prelude, without its #include.
#undef FN
#undef GLOBAL
#undef SHARED
#undef CONSTANT
#undef THREAD
#undef HAS_F64
#undef BARRIER
#undef SHUFFLE_XOR
#define device
#define threadgroup
#define constant
#define thread
#define kernel

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
struct uint3 {
  uint x, y, z;
};

template <class To, class From>
inline To as_type(From x) {
  static_assert(sizeof(To) == sizeof(From), "as_type changes no size");
  return __builtin_bit_cast(To, x);
}

struct half {
  ushort bits;
  half() = default;
  explicit half(float x) : bits(host::to_f16(x).bits) {}
  operator float() const { return host::widen(host::f16{bits}); }
};

// What the group that runs now shares, and who executes it.
static const host::Ctx* host_now;
static void* host_shared;

namespace metal {

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
inline void barrier_at(mem_flags, const char* file, uint line) {
  host_now->calls->barrier(host_now->executor, file, line);
}
#define threadgroup_barrier(flags) barrier_at(flags, __FILE__, __LINE__)

inline uint mulhi(uint a, uint b) { return (uint)(((ulong)a * b) >> 32); }
#define UNARY(name) \
  inline float name(float x) { return __builtin_##name##f(x); }
#define BINARY(name) \
  inline float name(float x, float y) { return __builtin_##name##f(x, y); }
UNARY(exp)
UNARY(log)
UNARY(log2)
UNARY(log10)
UNARY(sqrt)
UNARY(sin)
UNARY(cos)
UNARY(tan)
UNARY(asin)
UNARY(acos)
UNARY(atan)
UNARY(sinh)
UNARY(cosh)
UNARY(tanh)
UNARY(floor)
UNARY(ceil)
UNARY(rint)
UNARY(trunc)
UNARY(fabs)
BINARY(fmod)
BINARY(pow)
BINARY(atan2)
BINARY(copysign)
#undef UNARY
#undef BINARY
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float ldexp(float x, int exponent) { return __builtin_ldexpf(x, exponent); }

}  // namespace metal

// A buffer of whatever type the kernel has.
struct HostBuffer {
  void* address;
  template <class T>
  operator T*() const {
    return (T*)address;
  }
};
#define ingot_kernel msl_kernel
