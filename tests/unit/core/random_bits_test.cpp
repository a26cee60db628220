// Rule 19: the bits of random numbers, as exact integer arithmetic gives them
// (tests/fixtures/make_random_fixtures.py), and how near normal numbers are to exact quantiles.
// tests/contraction asks the same of other compiler flags, cpu_random_test.cpp of the kernels.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include "core/random_math.h"
#include "support/json_tensor.h"

namespace ingot {
namespace {

const nlohmann::json& fixture() {
  static const nlohmann::json all = testing_support::read_json("random/bits.json");
  return all;
}

template <class Fma>
void expect_normal_bits() {
  ASSERT_GT(fixture().at("normal_words").size(), 500u);
  for (const auto& row : fixture().at("normal_words")) {
    const std::uint32_t high = row[0], low = row[1];
    EXPECT_EQ(std::bit_cast<std::uint32_t>(normal_from_bits<Fma>(high)), row[2]) << high;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(normal_from_words<Fma>(high, low)), row[3])
        << high << " " << low;
  }
  const nlohmann::json& sums = fixture().at("checksums");
  const std::uint64_t count = sums.at("count");
  std::uint32_t single = 0;
  std::uint64_t wide = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    single = single * 31 + std::bit_cast<std::uint32_t>(normal_from_bits<Fma>(philox_word(7, i)));
    wide = wide * 31 + std::bit_cast<std::uint64_t>(normal_from_words<Fma>(
                           philox_word(8, 2 * i), philox_word(8, 2 * i + 1)));
  }
  EXPECT_EQ(single, sums.at("float32"));
  EXPECT_EQ(wide, sums.at("float64"));
}

TEST(Rule19, NormalBitsAreThoseOfExactArithmetic) { expect_normal_bits<NativeFma>(); }

TEST(Rule19, NormalBitsAreTheSameWithoutTheInstruction) { expect_normal_bits<EmulatedFma>(); }

TEST(Rule19, UniformFloat64BitsAreStored) {
  const nlohmann::json& sums = fixture().at("checksums");
  const std::uint64_t count = sums.at("count");
  std::uint64_t wide = 0;
  for (std::uint64_t i = 0; i < count; ++i)
    wide = wide * 31 + std::bit_cast<std::uint64_t>(
                           uniform_from_words(philox_word(8, 2 * i), philox_word(8, 2 * i + 1)));
  EXPECT_EQ(wide, sums.at("uniform float64"));
}

TEST(Normal, IsNearTheExactQuantile) {
  double worst_single = 0, worst_double = 0;
  for (const auto& row : fixture().at("quantiles")) {
    const std::uint32_t high = row[0], low = row[1];
    // The exact one is the sum of two doubles; near it the difference of doubles is exact.
    const auto error = [](double z, double exact, double rest) {
      return exact == 0 ? std::fabs(z) : std::fabs((z - exact) - rest) / exact;
    };
    worst_single =
        std::max(worst_single, error(normal_from_bits(high | 0x80000000u), row[2], row[3]));
    worst_double =
        std::max(worst_double, error(normal_from_words(high | 0x80000000u, low), row[4], row[5]));
  }
  EXPECT_LT(worst_single, 3e-7);
  EXPECT_LT(worst_double, 1e-15);
  EXPECT_GT(worst_single, 1e-8);  // it is float32, after all
  EXPECT_GT(worst_double, 1e-17);
}

TEST(ExactFma, RoundsOnce) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> mantissa(-4, 4);
  std::uniform_int_distribution<int> exponent(-60, 60), near(-2, 2);
  int separate = 0;
  for (int i = 0; i < 300000; ++i) {
    const double x = mantissa(random), y = std::ldexp(mantissa(random), exponent(random) / 4);
    const double z = i % 3 ? std::ldexp(mantissa(random), exponent(random))
                           : -x * y * (1 + near(random) * 0x1p-52);  // cancels
    ASSERT_EQ(EmulatedFma::of(x, y, z), std::fma(x, y, z)) << x << " " << y << " " << z;
    const auto a = static_cast<float>(x), b = static_cast<float>(y);
    const float c =
        i % 3 ? static_cast<float>(z) : -a * b * (1 + static_cast<float>(near(random)) * 0x1p-23f);
    ASSERT_EQ(EmulatedFma::of(a, b, c), std::fma(a, b, c)) << a << " " << b << " " << c;
    const float product = a * b;
    separate += product + c != std::fma(a, b, c);
  }
  EXPECT_GT(separate, 10000);  // a test that two roundings would pass says nothing
}

}  // namespace
}  // namespace ingot
