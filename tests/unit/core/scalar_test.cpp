// Scalar: conversions are defined for every number.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include <ingot/core/error.h>
#include <ingot/core/scalar.h>

namespace ingot {
namespace {

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

// Constant expressions: the compiler itself refuses undefined behaviour here.
static_assert(Scalar(std::numeric_limits<double>::quiet_NaN()).to_int64() == 0);
static_assert(Scalar(std::numeric_limits<double>::infinity()).to_int64() == kMax);
static_assert(Scalar(-std::numeric_limits<double>::infinity()).to_int64() == kMin);
static_assert(Scalar(std::numeric_limits<double>::max()).to_int64() == kMax);
static_assert(Scalar(9223372036854775808.0).to_int64() == kMax);
static_assert(Scalar(9223372036854774784.0).to_int64() == 9223372036854774784);
static_assert(Scalar(-9223372036854775808.0).to_int64() == kMin);
static_assert(Scalar(-9223372036854777856.0).to_int64() == kMin);
static_assert(Scalar(std::numeric_limits<float>::max()).to_int64() == kMax);

TEST(Scalar, UnsignedNumbersBeyondInt64AreRefused) {
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 63;
  EXPECT_EQ(Scalar(kEnd - 1).to_int64(), kMax);
  for (const std::uint64_t v : {kEnd, ~std::uint64_t{0}}) EXPECT_THROW(Scalar{v}, ValueError) << v;
  EXPECT_EQ(Scalar(~std::uint32_t{0}).to_int64(), 0xffffffff);
  EXPECT_EQ(Scalar(std::uint8_t{255}).to_int64(), 255);
}

TEST(Scalar, FractionsAreCutOff) {
  EXPECT_EQ(Scalar(2.9).to_int64(), 2);
  EXPECT_EQ(Scalar(-2.9).to_int64(), -2);
  EXPECT_EQ(Scalar(-0.0).to_int64(), 0);
  EXPECT_EQ(Scalar(5e-324).to_int64(), 0);
  EXPECT_EQ(Scalar(true).to_int64(), 1);
  EXPECT_EQ(Scalar(kMin).to_int64(), kMin);
}

// Every power of two and its neighbours, against what long double holds exactly.
TEST(Scalar, EveryMagnitudeIsExactOrTheNearestEnd) {
  for (int exponent = -3; exponent < 80; ++exponent)
    for (const double sign : {1.0, -1.0})
      for (const int step : {-1, 0, 1}) {
        double v = sign * std::ldexp(1.0, exponent);
        if (step) v = std::nextafter(v, step * std::numeric_limits<double>::infinity());
        const double whole = std::trunc(v);
        const std::int64_t expected = whole >= std::ldexp(1.0, 63) ? kMax
                                      : whole <= -std::ldexp(1.0, 63)
                                          ? kMin
                                          : static_cast<std::int64_t>(whole);
        EXPECT_EQ(Scalar(v).to_int64(), expected) << v;
      }
}

}  // namespace
}  // namespace ingot
