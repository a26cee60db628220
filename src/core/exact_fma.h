// a * b + c rounded once, by the machine's instruction or by ordinary arithmetic: the same bits.
#pragma once

#include <bit>
#include <cstdint>

namespace ingot {

/// The compiler's: an instruction where the target has it, else the C library's function.
struct NativeFma {
  [[gnu::always_inline]] static float of(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
  }
  [[gnu::always_inline]] static double of(double a, double b, double c) {
    return __builtin_fma(a, b, c);
  }
};

/// For targets without the instruction, where the library's function is slow and keeps loops from
/// being vectorised. Neither results nor intermediate ones may overflow or be subnormal.
/// Source: Boldo, Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
/// rounding to odd" (IEEE Transactions on Computers 57, 2008).
struct EmulatedFma {
  [[gnu::always_inline]] static float of(float a, float b, float c) {
    const double product = static_cast<double>(a) * static_cast<double>(b);  // exact
    return static_cast<float>(odd_sum(product, static_cast<double>(c)));
  }
  [[gnu::always_inline]] static double of(double a, double b, double c) {
    const Sum product = exact_product(a, b);
    const Sum low = exact_sum(c, product.error);
    const Sum high = exact_sum(product.value, low.value);
    return high.value + odd_sum(low.error, high.error);
  }

 private:
  struct Sum {
    double value, error;  // the exact result is their sum
  };
  // Knuth's.
  [[gnu::always_inline]] static Sum exact_sum(double a, double b) {
    const double s = a + b, t = s - a;
    return {s, (a - (s - t)) + (b - t)};
  }
  // Dekker's; halves of 26 bits and a sign.
  [[gnu::always_inline]] static Sum exact_product(double a, double b) {
    const double p = a * b, a1 = upper_half(a), a2 = a - a1, b1 = upper_half(b), b2 = b - b1;
    return {p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
  }
  [[gnu::always_inline]] static double upper_half(double a) {
    return std::bit_cast<double>((std::bit_cast<std::uint64_t>(a) + 0x4000000u) &
                                 ~std::uint64_t{0x7ffffff});
  }
  // a + b; if it is not exact, the neighbour of the sum whose last bit is 1.
  [[gnu::always_inline]] static double odd_sum(double a, double b) {
    const Sum s = exact_sum(a, b);
    const auto bits = std::bit_cast<std::uint64_t>(s.value);
    const auto away = std::bit_cast<std::uint64_t>(s.error) ^ bits;  // its sign: towards 0 or not
    const std::uint64_t step = (away >> 63 ? ~std::uint64_t{0} : std::uint64_t{1});
    const bool moves = s.error != 0 && (bits & 1) == 0;
    return std::bit_cast<double>(bits + (moves ? step : 0));
  }
};

}  // namespace ingot
