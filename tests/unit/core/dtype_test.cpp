// Element types: PyTorch's promotion table, half and bfloat16 against a slow path, conversions.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <ingot/core/dtype.h>
#include <ingot/core/error.h>
#include <ingot/core/scalar.h>

#include "core/convert.h"

namespace ingot {
namespace {

// torch.promote_types of PyTorch 2.13; rows and columns in the order of DType.
constexpr DType b1 = DType::Bool, u1 = DType::UInt8, i1 = DType::Int8, i2 = DType::Int16,
                i4 = DType::Int32, i8 = DType::Int64, f2 = DType::Float16, bf = DType::BFloat16,
                f4 = DType::Float32, f8 = DType::Float64;
constexpr DType kPromotion[kNumDTypes][kNumDTypes] = {
    {b1, u1, i1, i2, i4, i8, f2, bf, f4, f8},  // bool
    {u1, u1, i2, i2, i4, i8, f2, bf, f4, f8},  // uint8
    {i1, i2, i1, i2, i4, i8, f2, bf, f4, f8},  // int8
    {i2, i2, i2, i2, i4, i8, f2, bf, f4, f8},  // int16
    {i4, i4, i4, i4, i4, i8, f2, bf, f4, f8},  // int32
    {i8, i8, i8, i8, i8, i8, f2, bf, f4, f8},  // int64
    {f2, f2, f2, f2, f2, f2, f2, f4, f4, f8},  // float16
    {bf, bf, bf, bf, bf, bf, f4, bf, f4, f8},  // bfloat16
    {f4, f4, f4, f4, f4, f4, f4, f4, f4, f8},  // float32
    {f8, f8, f8, f8, f8, f8, f8, f8, f8, f8},  // float64
};

TEST(DType, PromotionIsPyTorchs) {
  for (int a = 0; a < kNumDTypes; ++a)
    for (int b = 0; b < kNumDTypes; ++b)
      EXPECT_EQ(promote_types(static_cast<DType>(a), static_cast<DType>(b)), kPromotion[a][b])
          << name(static_cast<DType>(a)) << " with " << name(static_cast<DType>(b));
}

TEST(DType, NumbersAreWeak) {
  EXPECT_EQ(promote_with_scalar(uint8, Scalar(1000).kind()), uint8);
  EXPECT_EQ(promote_with_scalar(boolean, Scalar(1).kind()), int64);
  EXPECT_EQ(promote_with_scalar(int16, Scalar(1.5).kind()), float32);
  EXPECT_EQ(promote_with_scalar(float16, Scalar(1.5).kind()), float16);
  EXPECT_EQ(promote_with_scalar(float64, Scalar(1).kind()), float64);
  EXPECT_EQ(promote_with_scalar(int8, Scalar(true).kind()), int8);
}

TEST(DType, NamesGoThereAndBack) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(name(t)), t);
    EXPECT_EQ(visit_dtype(t, [](auto type) { return dtype_of<decltype(type)>; }), t);
    EXPECT_EQ(visit_dtype(t, [](auto type) { return sizeof(type); }), nbytes_of(t));
  }
  EXPECT_THROW(parse_dtype("float"), DTypeError);
}

// The value of 16 bits with `exponent_bits` of exponent, by the formula.
double slow_value(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  double magnitude = 0;
  if (exponent == (1 << exponent_bits) - 1)
    magnitude = mantissa ? std::nan("") : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  else
    magnitude = std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  return bits & 0x8000 ? -magnitude : magnitude;
}

template <class T>
void check_all_values(int exponent_bits) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    T x;
    x.bits = static_cast<std::uint16_t>(i);
    const double expected = slow_value(x.bits, exponent_bits);
    const auto got = static_cast<double>(static_cast<float>(x));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(got)) << i;
      ASSERT_TRUE(std::isnan(static_cast<float>(T(static_cast<float>(x))))) << i;
    } else {
      ASSERT_EQ(got, expected) << i;
      ASSERT_EQ(T(static_cast<float>(x)).bits, x.bits) << i;
    }
  }
}

// Between every two neighbours: the middle goes to the even one, a float beside it to the nearer.
template <class T>
void check_rounding(int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const std::uint32_t infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
  for (std::uint32_t i = 0; i + 1 < infinity; ++i) {
    const double low = slow_value(static_cast<std::uint16_t>(i), exponent_bits);
    const double high = slow_value(static_cast<std::uint16_t>(i + 1), exponent_bits);
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(static_cast<double>(middle), (low + high) / 2) << i;
    const auto even = static_cast<std::uint16_t>(i % 2 ? i + 1 : i);
    ASSERT_EQ(T(middle).bits, even) << i;
    ASSERT_EQ(T(std::nextafter(middle, 0.0f)).bits, i) << i;
    ASSERT_EQ(T(std::nextafter(middle, HUGE_VALF)).bits, i + 1) << i;
    ASSERT_EQ(T(-middle).bits, even | 0x8000u) << i;
  }
  // Half a step above the largest number is infinite, anything below it is not.
  const auto largest = static_cast<std::uint16_t>(infinity - 1);
  const double top = slow_value(largest, exponent_bits);
  const double step = top - slow_value(static_cast<std::uint16_t>(largest - 1), exponent_bits);
  const auto limit = static_cast<float>(top + step / 2);
  EXPECT_EQ(T(limit).bits, infinity);
  EXPECT_EQ(T(std::nextafter(limit, 0.0f)).bits, largest);
}

TEST(Half, EveryValue) { check_all_values<Half>(5); }
TEST(Half, RoundsToNearestEven) { check_rounding<Half>(5); }
TEST(BFloat16, EveryValue) { check_all_values<BFloat16>(8); }
TEST(BFloat16, RoundsToNearestEven) { check_rounding<BFloat16>(8); }

TEST(Convert, FloatingToIntegerTruncatesSaturatesAndTakesNanAsZero) {
  EXPECT_EQ(convert_element<std::int32_t>(-2.9f), -2);
  EXPECT_EQ(convert_element<std::int64_t>(1e300), INT64_MAX);
  EXPECT_EQ(convert_element<std::int64_t>(-1e300), INT64_MIN);
  EXPECT_EQ(convert_element<std::int64_t>(std::nan("")), 0);
  EXPECT_EQ(convert_element<std::uint8_t>(-1.0f), 255);
  EXPECT_EQ(convert_element<std::uint8_t>(Half(300.0f)), 44);
}

TEST(Convert, AnythingButZeroIsTrue) {
  EXPECT_TRUE(convert_element<bool>(0.25f));
  EXPECT_TRUE(convert_element<bool>(std::nan("")));
  EXPECT_TRUE(convert_element<bool>(std::int64_t{256}));
  EXPECT_FALSE(convert_element<bool>(-0.0));
}

TEST(Convert, NumbersBecomeElements) {
  EXPECT_EQ(convert_scalar<std::int64_t>(Scalar(INT64_MAX)), INT64_MAX);
  EXPECT_EQ(convert_scalar<std::uint8_t>(Scalar(257)), 1);
  EXPECT_EQ(convert_scalar<float>(Scalar(true)), 1.0f);
  EXPECT_EQ(static_cast<float>(convert_scalar<Half>(Scalar(1e6))), HUGE_VALF);
}

}  // namespace
}  // namespace ingot
