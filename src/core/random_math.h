// From random words to random numbers, with + and * and conversions alone: the same bits on every
// device whose float arithmetic is IEEE's, provided nothing is contracted to a fused multiply-add.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include <ingot/core/dtype.h>
#include <ingot/core/philox.h>

namespace ingot {

/// How many words an element of type T takes of a uniform or normal draw: float64 has more digits
/// than one word can fill.
template <class T>
inline constexpr std::uint64_t kWordsPerReal = std::is_same_v<T, double> ? 2 : 1;

/// Uniform in [0, 1) without rounding: the upper 53 bits of both words.
constexpr double uniform_from_words(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

/// Uniform in [0, 1) without rounding: the upper 24 bits, or as many as the dtype's mantissa holds.
template <class T>
constexpr T uniform_element(std::uint32_t word) {
  if constexpr (std::is_same_v<T, Half>)
    return Half(static_cast<float>(word >> 21) * 0x1p-11f);
  else if constexpr (std::is_same_v<T, BFloat16>)
    return BFloat16(static_cast<float>(word >> 24) * 0x1p-8f);
  else
    return static_cast<T>(uniform_from_bits(word));
}

/// A Bernoulli draw hits when its word is below this: p in units of 2^-32, rounded down.
constexpr std::uint64_t bernoulli_threshold(double p) {
  return static_cast<std::uint64_t>(p * 0x1p32);
}

/// The largest `range` of scale_to_range.
inline constexpr std::uint64_t kMaxRandintRange = std::uint64_t{1} << 32;

/// An integer in [0, range), range <= 2^32: the upper half of the product.
constexpr std::uint64_t scale_to_range(std::uint32_t word, std::uint64_t range) {
  // range = 2^32 would overflow nothing: (2^32 - 1) * 2^32 < 2^64.
  return (word * range) >> 32;
}

namespace detail {

// Coefficients by rising power, evaluated by Horner's rule.
template <class T, std::size_t N>
constexpr T polynomial(const float (&c)[N], T x) {
  T y = c[N - 1];
  for (std::size_t i = N - 1; i > 0; --i) y = y * x + c[i - 1];
  return y;
}

// A normal positive number x as m · 2^e with m in [sqrt(1/2), sqrt(2)): m − 1 and e.
struct Split32 {
  float f, e;
};
constexpr Split32 split(float x) {
  const std::uint32_t rebased = std::bit_cast<std::uint32_t>(x) - 0x3f3504f3u;
  return {std::bit_cast<float>((rebased & 0x7fffffu) + 0x3f3504f3u) - 1.0f,
          static_cast<float>(static_cast<std::int32_t>(rebased) >> 23)};
}
struct Split64 {
  double f, e;
};
constexpr Split64 split(double x) {
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcdu;
  const std::uint64_t rebased = std::bit_cast<std::uint64_t>(x) - kRootHalf;
  return {std::bit_cast<double>((rebased & 0xfffffffffffffu) + kRootHalf) - 1.0,
          static_cast<double>(static_cast<std::int64_t>(rebased) >> 52)};
}

// Natural logarithm of a normal positive number, in float32 within 2 ulp of 1 or of the result and
// in float64 to the same accuracy, but without steps.
// Method and coefficients: S. Moshier, Cephes, logf.
template <class T>
constexpr T log_of_normal(T x) {
  constexpr float kRational[] = {3.3333331174e-1f,  -2.4999993993e-1f, 2.0000714765e-1f,
                                 -1.6668057665e-1f, 1.4249322787e-1f,  -1.2420140846e-1f,
                                 1.1676998740e-1f,  -1.1514610310e-1f, 7.0376836292e-2f};
  const auto [f, e] = split(x);
  const T f2 = f * f;
  T y = f * f2 * polynomial(kRational, f);
  y = y + e * -2.12194440e-4f;
  y = y - 0.5f * f2;
  return f + y + e * 0.693359375f;
}

/// Standard normal by inversion: the word is a probability p in (0, 1), the result its quantile.
/// With x = 1 - 2p and w = -log(4p(1 - p)), the quantile is x * g(w) with g smooth; g is three
/// polynomials fitted at Chebyshev nodes (relative error below 3e-7). The form is that of
/// M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011).
template <class T>
constexpr T lower_quantile(T p) {
  constexpr float kNear[] = {2.12331343f,      0.348802716f,    -0.00590772135f,
                             -0.00177306833f,  0.000308789167f, -6.19939146e-06f,
                             -4.89792546e-06f, 4.84403301e-07f, 3.29311582e-08f};
  constexpr float kMiddle[] = {3.7010386f,      0.253047496f,     -0.00741451932f,
                               0.000359351921f, -1.15174798e-05f, -1.05790798e-06f,
                               2.88253659e-07f, -3.82750116e-08f, 2.82126744e-09f};
  constexpr float kFar[] = {5.47471666f,      0.177090153f,     -0.0026987826f,
                            8.07982869e-05f,  -2.98804707e-06f, 1.2211315e-07f,
                            -5.25162713e-09f, 2.17240836e-10f,  -5.89171854e-12f};
  const T w = -log_of_normal<T>(4.0f * p * (1.0f - p));
  const T g = w < 5.0f    ? polynomial<T>(kNear, w - 2.5f)
              : w < 10.5f ? polynomial<T>(kMiddle, w - 7.75f)
                          : polynomial<T>(kFar, w - 16.25f);
  return (1.0f - 2.0f * p) * g;
}

}  // namespace detail

/// Standard normal: 31 bits choose p in [2^-33, 1/2], the top bit the side.
constexpr float normal_from_bits(std::uint32_t word) {
  const float p = static_cast<float>(2 * (word & 0x7fffffffu) + 1) * 0x1p-33f;
  const float z = detail::lower_quantile(p);
  return word >> 31 ? z : -z;
}

/// The same with 53 bits of p. The approximation is no better than float32's, but its values are
/// float64's: about as many different ones as there are.
constexpr double normal_from_words(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 10 & 0x1fffffffffffff;
  const double p = (static_cast<double>(bits) + 0.5) * 0x1p-54;
  const double z = detail::lower_quantile(p < 0x1p-33 ? 0x1p-33 : p);
  return high >> 31 ? z : -z;
}

}  // namespace ingot
