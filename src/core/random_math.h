// From random words to random numbers: the same bits from every compiler and on every device whose
// float arithmetic is IEEE's (rule 19). Each floating operation here is exact, or an explicit fused
// multiply-add, or a product or sum that meets only such ones or integer work; so that a compiler
// which contracts a * b + c changes nothing. Nothing is subnormal, divided or taken from a library.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <ingot/core/dtype.h>
#include <ingot/core/philox.h>

#include "core/exact_fma.h"
#include "core/normal_polynomials.h"

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

/// An integer in [0, range), range <= 2^32: the upper half of the product. The probability of each
/// is within 2^-32 of 1 / range.
constexpr std::uint64_t scale_to_range(std::uint32_t word, std::uint64_t range) {
  // range = 2^32 would overflow nothing: (2^32 - 1) * 2^32 < 2^64.
  return (word * range) >> 32;
}

/// An integer in [0, range), range < 2^63, from 64 random bits: the upper half of the product.
constexpr std::uint64_t scale_to_range(std::uint32_t high, std::uint32_t low, std::uint64_t range) {
  const std::uint64_t upper = range >> 32, lower = range & 0xffffffff;
  const std::uint64_t first = high * lower + (low * lower >> 32);
  const std::uint64_t second = low * upper + (first & 0xffffffff);
  return high * upper + (first >> 32) + (second >> 32);
}

namespace detail {

// Coefficients by rising power, evaluated by Horner's rule; without a loop, which would keep the
// loop around it from being vectorised.
template <class Fma, class T, std::size_t N>
[[gnu::always_inline]] inline T polynomial(const T (&c)[N], T x) {
  T y = c[N - 1];
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    ((y = Fma::of(y, x, c[N - 2 - I])), ...);
  }
  (std::make_index_sequence<N - 1>{});
  return y;
}

// A normal positive number as m * 2^e with m in [sqrt(1/2), sqrt(2)): m - 1 (exact) and e.
template <class T>
struct Split {
  T f, e;
};
[[gnu::always_inline]] inline Split<float> split(float x) {
  const std::uint32_t rebased = std::bit_cast<std::uint32_t>(x) - 0x3f3504f3u;
  return {std::bit_cast<float>((rebased & 0x7fffffu) + 0x3f3504f3u) - 1.0f,
          static_cast<float>(static_cast<std::int32_t>(rebased) >> 23)};
}
[[gnu::always_inline]] inline Split<double> split(double x) {
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcdu;
  const std::uint64_t rebased = std::bit_cast<std::uint64_t>(x) - kRootHalf;
  return {std::bit_cast<double>((rebased & 0xfffffffffffffu) + kRootHalf) - 1.0,
          static_cast<double>(static_cast<std::int32_t>(rebased >> 32) >> 20)};
}

// -log(x) - centre of a normal positive number.
template <class Fma, class T>
[[gnu::always_inline]] inline T minus_log(T x, T centre) {
  constexpr T kLog2 = static_cast<T>(0.69314718055994530942);
  const Split<T> s = split(x);
  return Fma::of(s.f, polynomial<Fma>(NormalPolynomials<T>::kLog, s.f),
                 Fma::of(s.e, -kLog2, -centre));
}

// w - centre, where w = -log(4p(1 - p)).
template <class Fma, class T>
[[gnu::always_inline]] inline T shifted_log(T p, T centre) {
  const T p4 = 4 * p;
  return minus_log<Fma>(Fma::of(-p4, p, p4), centre);
}

// p in (0, 1/2] of the words without their top bit, rounded once: of 31 bits k, (2k + 1) * 2^-33;
// of 53 bits k, (2k + 1) * 2^-55. In two parts, which convert exactly.
template <class Fma>
[[gnu::always_inline]] inline float probability(std::uint32_t word) {
  const std::uint32_t n = 2 * word + 1;
  return Fma::of(static_cast<float>(static_cast<std::int32_t>(n >> 16)), 0x1p-17f,
                 static_cast<float>(static_cast<std::int32_t>(n & 0xffff)) * 0x1p-33f);
}
template <class Fma>
[[gnu::always_inline]] inline double probability(std::uint32_t high, std::uint32_t low) {
  return Fma::of(static_cast<double>(static_cast<std::int32_t>(high & 0x7fffffff)), 0x1p-32,
                 static_cast<double>(static_cast<std::int32_t>(low >> 9 | 1)) * 0x1p-55);
}

[[gnu::always_inline]] inline float with_sign(float z, std::uint32_t sign) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(z) ^ sign);
}
[[gnu::always_inline]] inline double with_sign(double z, std::uint32_t sign) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(z) ^ std::uint64_t{sign} << 32);
}

// The quantile of 1 - p where is_near_word.
template <class Fma, class T>
[[gnu::always_inline]] inline T near_quantile(T p) {
  using P = NormalPolynomials<T>;
  const T x = Fma::of(T{-2}, p, T{1});
  return x * polynomial<Fma>(P::kNear, shifted_log<Fma>(p, P::kNearCentre));
}

// The same beyond.
template <class Fma, class T>
[[gnu::always_inline]] inline T far_quantile(T p) {
  using P = NormalPolynomials<T>;
  const T x = Fma::of(T{-2}, p, T{1});
  const T t = shifted_log<Fma>(p, P::kMiddleCentre);
  if (t <= P::kMiddleHalf) return x * polynomial<Fma>(P::kMiddle, t);
  const T u = shifted_log<Fma>(p, P::kFarCentre);
  if constexpr (std::is_same_v<T, double>)
    if (u > P::kFarHalf)
      return x * polynomial<Fma>(P::kFarther, shifted_log<Fma>(p, P::kFartherCentre));
  return x * polynomial<Fma>(P::kFar, u);
}

}  // namespace detail

// Standard normal numbers by inversion: the words are a probability and a side, the number is the
// probability's quantile. With p in (0, 1/2], x = 1 - 2p and w = -log(4p(1 - p)) it is x * g(w),
// where g is smooth: a few polynomials, whose making and source scripts/fit_normal.py has. Relative
// error below 3e-7 in float32 and 1e-15 in float64.

/// Whether normal_near computes the number of this (first) word; else normal_far does. Of 300 words
/// one is far.
[[gnu::always_inline]] constexpr bool is_near_word(std::uint32_t word) {
  return (word & 0x7fffffff) >= 7u << 20;
}

template <class Fma>
[[gnu::always_inline]] inline float normal_near(std::uint32_t word) {
  return detail::with_sign(detail::near_quantile<Fma>(detail::probability<Fma>(word)),
                           ~word & 0x80000000);
}
template <class Fma>
[[gnu::always_inline]] inline float normal_far(std::uint32_t word) {
  return detail::with_sign(detail::far_quantile<Fma>(detail::probability<Fma>(word)),
                           ~word & 0x80000000);
}
template <class Fma>
[[gnu::always_inline]] inline double normal_near(std::uint32_t high, std::uint32_t low) {
  return detail::with_sign(detail::near_quantile<Fma>(detail::probability<Fma>(high, low)),
                           ~high & 0x80000000);
}
template <class Fma>
[[gnu::always_inline]] inline double normal_far(std::uint32_t high, std::uint32_t low) {
  return detail::with_sign(detail::far_quantile<Fma>(detail::probability<Fma>(high, low)),
                           ~high & 0x80000000);
}

/// Exponential with rate 1 from a uniform number of at most 53 bits: -log(1 - u), where 1 - u is
/// exact.
inline double exponential_from_uniform(double u) {
  return detail::minus_log<NativeFma>(1 - u, 0.0);
}

/// Standard normal, float32: 31 bits choose p in [2^-33, 1/2], the top bit the side.
template <class Fma = NativeFma>
float normal_from_bits(std::uint32_t word) {
  return is_near_word(word) ? normal_near<Fma>(word) : normal_far<Fma>(word);
}

/// Standard normal, float64: 53 bits choose p in [2^-55, 1/2], the top bit the side.
template <class Fma = NativeFma>
double normal_from_words(std::uint32_t high, std::uint32_t low) {
  return is_near_word(high) ? normal_near<Fma>(high, low) : normal_far<Fma>(high, low);
}

}  // namespace ingot
