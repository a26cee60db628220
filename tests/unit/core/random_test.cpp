// Philox against the authors' test vectors; uniform, normal and integer draws from its words.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <ingot/core/generator.h>
#include <ingot/core/philox.h>

#include "core/random_math.h"

namespace ingot {
namespace {

// Random123, kat_vectors: "philox4x32 10 <counter> <key> <result>".
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32(0, 0, 0), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint64_t kOnes = 0xffffffffffffffffu;
  EXPECT_EQ(philox4x32(kOnes, kOnes, kOnes),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Digits of pi.
  EXPECT_EQ(philox4x32(0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, WordsAreCountedThroughTheBlocks) {
  for (std::uint64_t i = 0; i < 12; ++i)
    EXPECT_EQ(philox_word(7, i), philox4x32(7, 0, i / 4)[i % 4]);
}

TEST(Uniform, IsExactAndBelowOne) {
  EXPECT_EQ(uniform_element<float>(0xffffffffu), 1.0f - 0x1p-24f);
  EXPECT_EQ(uniform_element<double>(0x80000000u), 0.5);
  EXPECT_EQ(static_cast<float>(uniform_element<Half>(0xffffffffu)), 1.0f - 0x1p-11f);
  EXPECT_EQ(static_cast<float>(uniform_element<BFloat16>(0xffffffffu)), 1.0f - 0x1p-8f);
  EXPECT_EQ(uniform_element<float>(0xffu), 0.0f);
}

TEST(Uniform, Float64HasFiftyThreeBits) {
  EXPECT_EQ(uniform_from_words(0xffffffffu, 0xffffffffu), 1 - 0x1p-53);
  EXPECT_EQ(uniform_from_words(0x80000000u, 0), 0.5);
  EXPECT_EQ(uniform_from_words(0, 0x800), 0x1p-53);
  EXPECT_EQ(uniform_from_words(0, 0x7ff), 0);
}

// The probability that a standard normal number is below z.
double normal_cdf(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

TEST(Normal, InvertsTheDistribution) {
  double worst = 0;
  for (std::uint64_t i = 0; i < 200000; ++i) {
    // Regular steps, and ever smaller probabilities.
    const auto word =
        i < 199969 ? static_cast<std::uint32_t>(i * 21474 + 5) : std::uint32_t{1} << (i - 199969);
    const double p = (2.0 * (word & 0x7fffffffu) + 1) * 0x1p-33;
    const double z = normal_from_bits(word);
    const double side = word >> 31 ? z : -z;
    ASSERT_GE(side, 0.0);
    // The error of z that explains the error of the probability.
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    const double error = std::fabs(normal_cdf(-side) - p) / density;
    worst = std::max(worst, error / std::max(1.0, side));
  }
  EXPECT_LT(worst, 1e-6);
}

TEST(Normal, Float64AgreesWithFloat32AndHasMoreValues) {
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const std::uint32_t high = philox_word(3, 2 * i), low = philox_word(3, 2 * i + 1);
    const double wide = normal_from_words(high, low);
    ASSERT_NEAR(wide, normal_from_bits(high), 2e-6 * std::max(1.0, std::fabs(wide)));
    ASSERT_NE(wide, normal_from_words(high, low ^ 0x80000000u));
  }
  // The smallest probability, 2^-55, and the largest.
  EXPECT_NEAR(normal_from_words(0x80000000u, 0), 8.374388923067457, 1e-14);
  EXPECT_EQ(normal_from_words(0xffffffffu, 0xffffffffu), 0);
}

TEST(Normal, IsSymmetricAndBounded) {
  for (const std::uint32_t word : {0u, 1u, 12345u, 0x3fffffffu, 0x7fffffffu})
    EXPECT_EQ(normal_from_bits(word), -normal_from_bits(word | 0x80000000u));
  EXPECT_NEAR(normal_from_bits(0x80000000u), 6.3379, 1e-3);
  EXPECT_EQ(normal_from_bits(0x7fffffffu), 0.0f);
}

TEST(Integers, FillTheirRange) {
  EXPECT_EQ(scale_to_range(0xffffffffu, 10), 9u);
  EXPECT_EQ(scale_to_range(0, 10), 0u);
  EXPECT_EQ(scale_to_range(0xffffffffu, kMaxRandintRange), 0xffffffffu);
  EXPECT_EQ(scale_to_range(0xffffffffu, 0xffffffffu, 10), 9u);
  EXPECT_EQ(scale_to_range(0, 0xffffffffu, std::uint64_t{1} << 32), 0u);
  EXPECT_EQ(scale_to_range(1, 0, std::uint64_t{1} << 32), 1u);
  EXPECT_EQ(scale_to_range(0xffffffffu, 0xffffffffu, INT64_MAX), INT64_MAX - std::uint64_t{1});
  EXPECT_EQ(scale_to_range(0x12345678u, 0x9abcdef0u, 0x0fedcba987654321u), 0x0121fa00ad77d742u);
  EXPECT_EQ(bernoulli_threshold(0), 0u);
  EXPECT_EQ(bernoulli_threshold(1), std::uint64_t{1} << 32);
  EXPECT_EQ(bernoulli_threshold(0.25), std::uint64_t{1} << 30);
}

TEST(Generator, ReservesWholeBlocksInOrder) {
  Generator g(5);
  EXPECT_EQ(g.reserve(3), (Generator::State{5, 0}));
  EXPECT_EQ(g.reserve(4), (Generator::State{5, 4}));
  EXPECT_EQ(g.reserve(0), (Generator::State{5, 8}));
  EXPECT_EQ(g.reserve(1), (Generator::State{5, 8}));
  EXPECT_EQ(g.offset(), 12u);
}

TEST(ManualSeed, StartsTheDefaultGeneratorAgain) {
  const Generator::State before = default_generator().state();
  manual_seed(17);
  EXPECT_EQ(default_generator().state(), (Generator::State{17, 0}));
  default_generator().reserve(5);
  EXPECT_EQ(default_generator().offset(), 8u);
  manual_seed(17);
  EXPECT_EQ(default_generator().state(), (Generator::State{17, 0}));
  default_generator().set_state(before);
}

TEST(Generator, StateAndSeedSetThePosition) {
  Generator g(5);
  g.reserve(8);
  const Generator::State saved = g.state();
  g.reserve(100);
  g.set_state(saved);
  EXPECT_EQ(g.reserve(1), (Generator::State{5, 8}));
  g.manual_seed(6);
  EXPECT_EQ(g.reserve(1), (Generator::State{6, 0}));
}

}  // namespace
}  // namespace ingot
