// A C++ number that meets a tensor of integers is never wrapped: it fits the dtype, or is a
// ValueError; comparisons are right for every number.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include <ingot/ops/advanced_index.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/random.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::message_of;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr DType kIntegers[] = {uint8, int8, int16, int32, int64};

struct Range {
  double low, high;
};
Range range_of(DType t) {
  return visit_dtype(t, []<class T>(T) -> Range {
    return {static_cast<double>(std::numeric_limits<T>::lowest()),
            static_cast<double>(std::numeric_limits<T>::max())};
  });
}

// Numbers that no element of `t` is.
std::vector<Scalar> misfits(DType t) {
  std::vector<Scalar> all{kNan, kInf, -kInf, 1e300, -1e300, 1e19};
  if (t != int64) {
    const Range r = range_of(t);
    all.emplace_back(static_cast<std::int64_t>(r.high) + 1);
    all.emplace_back(static_cast<std::int64_t>(r.low) - 1);
    all.emplace_back(std::numeric_limits<std::int64_t>::max());
    all.emplace_back(std::numeric_limits<std::int64_t>::min());
    all.emplace_back(r.high + 1);
    all.emplace_back(r.low - 1);
  }
  return all;
}

using Use = std::function<Tensor(const Tensor& x, const Scalar& n)>;

// Every place where a number becomes an element of x's dtype, whatever its kind.
const std::pair<const char*, Use> kFilling[] = {
    {"full", [](const Tensor& x, const Scalar& n) { return full({2}, n, {.dtype = x.dtype()}); }},
    {"full_like", [](const Tensor& x, const Scalar& n) { return full_like(x, n); }},
    {"full_like dtype",
     [](const Tensor& x, const Scalar& n) { return full_like(zeros({2}), n, x.dtype()); }},
    {"scalar_tensor", [](const Tensor& x, const Scalar& n) { return scalar_tensor(n, x.dtype()); }},
    {"fill_",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       return y.fill_(n);
     }},
    {"masked_fill",
     [](const Tensor& x, const Scalar& n) {
       return masked_fill(x, tensor({true, false}), n);
     }},
    {"masked_fill_",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       return y.masked_fill_(tensor({true, false}), n);
     }},
    {"pad",
     [](const Tensor& x, const Scalar& n) {
       return pad(x, {1, 1}, "constant", n);
     }},
    {"scatter",
     [](const Tensor& x, const Scalar& n) { return scatter(x, 0, tensor({0}), Operand(n)); }},
    {"x[i] =",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       y[0] = Operand(n);
       return y;
     }},
    {"x[mask] =",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       y[tensor({true, false})] = Operand(n);
       return y;
     }},
    {"x[indices] =",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       y[tensor({1, 0})] = Operand(n);
       return y;
     }},
    {"linspace",
     [](const Tensor& x, const Scalar& n) { return linspace(n, 1, 3, {.dtype = x.dtype()}); }},
};

// Places where a number of the tensor's kind takes part; a float would make the result float.
const std::pair<const char*, Use> kMeeting[] = {
    {"+", [](const Tensor& x, const Scalar& n) { return x + n; }},
    {"-", [](const Tensor& x, const Scalar& n) { return n - x; }},
    {"*", [](const Tensor& x, const Scalar& n) { return x * n; }},
    {"%", [](const Tensor& x, const Scalar& n) { return x % n; }},
    {"floor_divide", [](const Tensor& x, const Scalar& n) { return floor_divide(x, n); }},
    {"fmod", [](const Tensor& x, const Scalar& n) { return fmod(x, n); }},
    {"maximum", [](const Tensor& x, const Scalar& n) { return maximum(x, n); }},
    {"minimum", [](const Tensor& x, const Scalar& n) { return minimum(n, x); }},
    {"where",
     [](const Tensor& x, const Scalar& n) {
       return where(tensor({true, false}), x, n);
     }},
    {"where 2",
     [](const Tensor& x, const Scalar& n) {
       return where(tensor({true, false}), n, x);
     }},
    {"clamp min", [](const Tensor& x, const Scalar& n) { return clamp(x, n, {}); }},
    {"clamp max", [](const Tensor& x, const Scalar& n) { return clamp(x, {}, n); }},
    {"add_",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       return y.add_(n);
     }},
    {"%=",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       return y %= n;
     }},
    {"x[i] +=",
     [](const Tensor& x, const Scalar& n) {
       Tensor y = x.clone();
       y[0] += n;
       return y;
     }},
    {"addcmul", [](const Tensor& x, const Scalar& n) { return addcmul(x, x, x, n); }},
    {"index_add",
     [](const Tensor& x, const Scalar& n) {
       return index_add(x, 0, tensor({0, 1}), x, n);
     }},
    {"<<", [](const Tensor& x, const Scalar& n) { return n << x; }},
    {"arange",
     [](const Tensor& x, const Scalar& n) {
       const std::int64_t i = n.to_int64();
       return i > 0 ? arange(i - 2, i + (i == INT64_MAX ? 0 : 1), 1, x.dtype())
                    : arange(i, i + 2, 1, x.dtype());
     }},
};

TEST(NumbersFit, WhatFillsMustFit) {
  for (const auto& [name_of_use, use] : kFilling)
    for (const DType t : kIntegers) {
      const Tensor x = tensor({1, 2}, t);
      for (const Scalar& n : misfits(t)) {
        SCOPED_TRACE(testing::Message() << name_of_use << " of " << name(t) << ": " << n.str());
        if (std::string_view(name_of_use).find("[") != std::string_view::npos &&
            n.kind() == Scalar::Kind::Float)
          continue;  // a DTypeError or a ValueError, as the assignment is written
        EXPECT_THROW(use(x, n), ValueError);
      }
      const Range r = range_of(t);
      if (t == int64) continue;
      for (const double end : {r.low, r.high})
        EXPECT_NO_THROW(use(x, static_cast<std::int64_t>(end))) << name_of_use << name(t);
    }
}

bool is_ring(std::string_view use) {
  return use == "+" || use == "-" || use == "*" || use == "add_" || use == "x[i] +=" ||
         use == "addcmul" || use == "index_add";
}

TEST(NumbersFit, WhatMeetsIntegersMustFit) {
  for (const auto& [name_of_use, use] : kMeeting)
    for (const DType t : kIntegers) {
      const Tensor x = tensor({1, 2}, t);
      for (const Scalar& n : misfits(t)) {
        if (n.kind() == Scalar::Kind::Float) continue;
        // Modulo 256, −1 is 255.
        if (t == uint8 && n.to_int64() == -1 && is_ring(name_of_use)) continue;
        SCOPED_TRACE(testing::Message() << name_of_use << " of " << name(t) << ": " << n.str());
        EXPECT_THROW(use(x, n), ValueError);
      }
    }
}

TEST(NumbersFit, NegativeNumbersAreResiduesInRings) {
  const Tensor x = tensor({5, 200}, uint8);
  expect_tensor(x + -1, {2}, uint8, {4, 199});
  expect_tensor(x - -1, {2}, uint8, {6, 201});
  expect_tensor(x * -2, {2}, uint8, {246, 112});
  EXPECT_THROW(x + -256, ValueError);
}

TEST(NumbersFit, TheErrorNamesTheOpTheNumberAndTheRange) {
  const std::string text = message_of<ValueError>([] { tensor({5, 200}, uint8) % 256; });
  EXPECT_NE(text.find("remainder: the number 256 does not fit uint8 (0 to 255)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("numbers_fit_test.cpp"), std::string::npos) << text;
}

TEST(NumbersFit, NestedListsToo) {
  EXPECT_THROW(tensor({1, 300}, uint8), ValueError);
  EXPECT_THROW(tensor({1, -1}, uint8), ValueError);
  EXPECT_THROW(tensor({1.0, kNan}, int32), ValueError);
  EXPECT_THROW(tensor({1e300}), ValueError);
  expect_tensor(tensor({2.7, -2.7}, int8), {2}, int8, {2, -2});
  expect_tensor(tensor({2, 0}, boolean), {2}, boolean, {1, 0});
}

TEST(NumbersFit, FloatingDtypesTakeWhatTheyCanRound) {
  expect_tensor(ones({1}) * 1e300, {1}, float32, {kInf});
  EXPECT_THROW(full({1}, 1e300), ValueError);
  Tensor y = zeros({2});
  EXPECT_THROW(y.fill_(-1e300), ValueError);
  expect_tensor(full({1}, kInf), {1}, float32, {kInf});
  expect_tensor(full({1}, 3.4e38), {1}, float32, {static_cast<double>(3.4e38f)});
  expect_tensor(full({1}, 1e300, {.dtype = float64}), {1}, float64, {1e300});
  expect_tensor(zeros({2}, {.dtype = float16}).masked_fill(tensor({true, false}), -1e9), {2},
                float16, {-kInf, 0});
}

TEST(NumbersFit, ScatteredNumbersAndRandomLimits) {
  EXPECT_THROW(randint(0, 257, {2}, {.dtype = uint8}), ValueError);
  EXPECT_THROW(randint(-1, 3, {2}, {.dtype = uint8}), ValueError);
  EXPECT_NO_THROW(randint(0, 256, {2}, {.dtype = uint8}));
}

// Every comparison of every number with every element, against the same in long double.
TEST(NumbersFit, ComparisonsAreRightForEveryNumber) {
  using Compare = Tensor (*)(const Operand&, const Operand&);
  const std::pair<Compare, bool (*)(long double, long double)> comparisons[] = {
      {eq, [](long double a, long double b) { return a == b; }},
      {ne, [](long double a, long double b) { return a != b; }},
      {lt, [](long double a, long double b) { return a < b; }},
      {le, [](long double a, long double b) { return a <= b; }},
      {gt, [](long double a, long double b) { return a > b; }},
      {ge, [](long double a, long double b) { return a >= b; }}};
  for (const DType t : kIntegers)
    visit_dtype(t, [&]<class T>(T) {
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        using L = std::numeric_limits<T>;
        const std::vector<T> values{0,   1,        5,        static_cast<T>(-1),
                                    100, L::max(), L::min(), static_cast<T>(L::max() - 1)};
        std::vector<Scalar> numbers = misfits(t);
        for (const T v : values) {
          numbers.emplace_back(v);
          numbers.emplace_back(static_cast<double>(v) + 0.5);
          numbers.emplace_back(static_cast<double>(v) - 0.25);
          numbers.emplace_back(static_cast<double>(v));
        }
        for (const Scalar& n : numbers) {
          const long double number = n.kind() == Scalar::Kind::Float
                                         ? static_cast<long double>(n.to_double())
                                         : static_cast<long double>(n.to_int64());
          for (const auto& [compare, expected] : comparisons) {
            const std::vector<std::uint8_t> right =
                compare(from_vector(values), n).to(uint8).template to_vector<std::uint8_t>();
            const std::vector<std::uint8_t> left =
                compare(n, from_vector(values)).to(uint8).template to_vector<std::uint8_t>();
            for (std::size_t i = 0; i < values.size(); ++i) {
              const auto v = static_cast<long double>(values[i]);
              EXPECT_EQ(right[i], expected(v, number)) << name(t) << " " << +values[i] << n.str();
              EXPECT_EQ(left[i], expected(number, v)) << name(t) << " " << n.str() << +values[i];
            }
          }
        }
      }
    });
}

TEST(NumbersFit, ComparisonsOfTensorsMeetInADtypeThatHoldsBoth) {
  const Tensor bytes = tensor({5, 44, 200}, uint8);
  expect_tensor(bytes == tensor(300), {3}, boolean, {0, 0, 0});
  expect_tensor(bytes < tensor(300), {3}, boolean, {1, 1, 1});
  expect_tensor(bytes > tensor(-1), {3}, boolean, {1, 1, 1});
  expect_tensor(tensor({16777217}, int32) == 16777216.0, {1}, boolean, {0});
}

TEST(NumbersFit, TruthOfNumbersAndBitsOfMasks) {
  const Tensor bytes = tensor({0, 5}, uint8);
  expect_tensor(logical_and(bytes, 256), {2}, boolean, {0, 1});
  expect_tensor(logical_or(0.5, bytes), {2}, boolean, {1, 1});
  expect_tensor(logical_xor(bytes, 256), {2}, boolean, {1, 0});
  expect_tensor(tensor({0x35, 0xff}, uint8) & ~0x0f, {2}, uint8, {0x30, 0xf0});
  expect_tensor(tensor({0x35, -1}, int8) & 0xf0, {2}, int8, {0x30, -16});
  EXPECT_THROW(bytes & 256, ValueError);
  EXPECT_THROW(bytes | -129, ValueError);
  expect_tensor(bytes << 300, {2}, uint8, {0, 0});
  expect_tensor(tensor({-5, 5}, int8) >> 300, {2}, int8, {-1, 0});
}

}  // namespace
}  // namespace ingot
