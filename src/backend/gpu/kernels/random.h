// Random numbers: Philox 4x32-10 words and what they become, the same bits as core/random_math.h.
// Every floating operation is exact or an explicit fma. The polynomials come from
// core/normal_polynomials.h: `struct NormalF32` (and NormalF64) stands before this text.

// Word `index` of the sequence of `seed`.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
FN u32 philox_word(u64 seed, u64 index) {
  const u64 block = index / 4;
  u32 c0 = (u32)block, c1 = (u32)(block >> 32), c2 = 0, c3 = 0;
  u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
  for (i32 round = 0; round < 10; ++round) {
    const u32 high0 = mul_hi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const u32 high1 = mul_hi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const u32 part = (u32)(index % 4);
  return part == 0 ? c0 : part == 1 ? c1 : part == 2 ? c2 : c3;
}

FN f32 uniform_f32(u64 seed, u64 at) {
  return (f32)(philox_word(seed, at) >> 8) * 5.9604644775390625e-08f;
}
FN f32 uniform_f16(u64 seed, u64 at) { return (f32)(philox_word(seed, at) >> 21) * 4.8828125e-04f; }
FN f32 uniform_bf16(u64 seed, u64 at) { return (f32)(philox_word(seed, at) >> 24) * 3.90625e-03f; }

FN i64 bernoulli(u64 seed, u64 at, u64 threshold) {
  return (u64)philox_word(seed, at) < threshold ? 1 : 0;
}
FN i64 randint(u64 seed, u64 at, i64 low, u64 range) {
  return (i64)((u64)low + (((u64)philox_word(seed, at) * range) >> 32));
}

struct SplitF32 {
  f32 f, e;
};
FN SplitF32 split(f32 x) {
  const u32 rebased = as_u32(x) - 0x3f3504f3u;
  SplitF32 s;
  s.f = as_f32((rebased & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  s.e = (f32)((i32)rebased >> 23);
  return s;
}
#if HAS_F64
struct SplitF64 {
  f64 f, e;
};
FN SplitF64 split(f64 x) {
  const u64 rebased = as_u64(x) - 0x3fe6a09e667f3bcdul;
  SplitF64 s;
  s.f = as_f64((rebased & 0xffffffffffffful) + 0x3fe6a09e667f3bcdul) - 1.0;
  s.e = (f64)((i32)(rebased >> 32) >> 20);
  return s;
}
#endif

template <class N, class F>
FN F shifted_log(F p, F centre) {
  const F p4 = (F)4 * p, x = m_fma(-p4, p, p4);
  return m_fma(split(x).f, N::log(split(x).f), m_fma(split(x).e, -N::log2(), -centre));
}
// p in (0, 1/2] as the quantile of 1 - p; `is_near` as core's is_near_word.
template <class N, class F>
FN F quantile(F p, bool is_near) {
  const F x = m_fma((F)-2, p, (F)1);
  if (is_near) return x * N::near(shifted_log<N, F>(p, N::near_centre()));
  const F t = shifted_log<N, F>(p, N::middle_centre());
  if (t <= N::middle_half()) return x * N::middle(t);
  const F u = shifted_log<N, F>(p, N::far_centre());
  if (N::has_farther() && u > N::far_half())
    return x * N::farther(shifted_log<N, F>(p, N::farther_centre()));
  return x * N::far(u);
}
FN bool is_near_word(u32 word) { return (word & 0x7fffffffu) >= 7u << 20; }

FN f32 normal_f32(u64 seed, u64 at) {
  const u32 word = philox_word(seed, at), n = 2 * word + 1;
  const f32 p = m_fma((f32)(i32)(n >> 16), as_f32(0x37000000u),
                      (f32)(i32)(n & 0xffffu) * as_f32(0x2f000000u));
  return as_f32(as_u32(quantile<NormalF32, f32>(p, is_near_word(word))) ^ (~word & 0x80000000u));
}
#if HAS_F64
FN f64 uniform_f64(u64 seed, u64 at) {
  const u64 high = philox_word(seed, at), low = philox_word(seed, at + 1);
  return (f64)((high << 32 | low) >> 11) * 1.1102230246251565e-16;
}
FN f64 normal_f64(u64 seed, u64 at) {
  const u32 high = philox_word(seed, at), low = philox_word(seed, at + 1);
  const f64 p = m_fma((f64)(i32)(high & 0x7fffffffu), as_f64(0x3df0000000000000ul),
                      (f64)(i32)(low >> 9 | 1u) * as_f64(0x3c80000000000000ul));
  return as_f64(as_u64(quantile<NormalF64, f64>(p, is_near_word(high))) ^ (u64)(~high & 0x80000000u)
                                                                              << 32);
}
#endif
