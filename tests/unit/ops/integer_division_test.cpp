// Division of integers: quotients and remainders of every integer dtype against 128-bit arithmetic,
// with numbers and with tensors on either side, out of place and in place.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "support/expect.h"

namespace ingot {
namespace {

__extension__ typedef __int128 Wide;  // NOLINT: no alias of an extension

Wide floor_quotient(Wide a, Wide b) {
  const Wide q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
Wide floor_rest(Wide a, Wide b) { return a - floor_quotient(a, b) * b; }
Wide trunc_rest(Wide a, Wide b) { return a % b; }

// Values around everything that is special: 0, ±1, the ends, halves of the range.
template <class T>
std::vector<T> interesting() {
  using L = std::numeric_limits<T>;
  std::vector<T> all;
  for (const std::int64_t v : {0, 1, 2, 3, 7, 100, 127}) all.push_back(static_cast<T>(v));
  for (int i = 0; i < 3; ++i) {
    all.push_back(static_cast<T>(L::max() - i));
    all.push_back(static_cast<T>(L::min() + i));
    all.push_back(static_cast<T>(L::max() / 2 + i));
  }
  if (L::min() < 0)
    for (const int v : {-1, -2, -3, -7, -100}) all.push_back(static_cast<T>(v));
  return all;
}

template <class T>
class IntegerDivision : public testing::Test {};
using Integers =
    testing::Types<std::uint8_t, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(IntegerDivision, Integers);

template <class T>
void expect_all(const Tensor& got, const std::vector<T>& a, const std::vector<T>& b,
                Wide (*f)(Wide, Wide), const char* what) {
  const std::vector<T> values = got.to_vector<T>();
  ASSERT_EQ(values.size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(values[i], static_cast<T>(f(a[i], b[i])))
        << what << ": " << std::int64_t{a[i]} << " and " << std::int64_t{b[i]};
}

TYPED_TEST(IntegerDivision, TensorByTensor) {
  using T = TypeParam;
  std::vector<T> a, b;
  for (const T x : interesting<T>())
    for (const T y : interesting<T>())
      if (y != 0) {
        a.push_back(x);
        b.push_back(y);
      }
  const Tensor x = from_vector(a), y = from_vector(b);
  expect_all(floor_divide(x, y), a, b, floor_quotient, "floor_divide");
  expect_all(x % y, a, b, floor_rest, "%");
  expect_all(remainder(x, y), a, b, floor_rest, "remainder");
  expect_all(fmod(x, y), a, b, trunc_rest, "fmod");
  Tensor z = x.clone();
  z %= y;
  expect_all(z, a, b, floor_rest, "%=");
}

TYPED_TEST(IntegerDivision, ByANumberAndOfANumber) {
  using T = TypeParam;
  const std::vector<T> values = interesting<T>();
  for (const T n : values) {
    const std::vector<T> same(values.size(), n);
    const Tensor x = from_vector(values);
    if (n != 0) {
      expect_all(floor_divide(x, n), values, same, floor_quotient, "tensor // number");
      expect_all(x % n, values, same, floor_rest, "tensor % number");
      expect_all(fmod(x, n), values, same, trunc_rest, "fmod(tensor, number)");
      Tensor z = x.clone();
      z %= n;
      expect_all(z, values, same, floor_rest, "%= number");
    }
    std::vector<T> divisors;
    for (const T v : values)
      if (v != 0) divisors.push_back(v);
    const std::vector<T> dividends(divisors.size(), n);
    const Tensor y = from_vector(divisors);
    expect_all(floor_divide(n, y), dividends, divisors, floor_quotient, "number // tensor");
    expect_all(n % y, dividends, divisors, floor_rest, "number % tensor");
    expect_all(fmod(n, y), dividends, divisors, trunc_rest, "fmod(number, tensor)");
  }
}

TEST(IntegerDivision, OfStridedAndBroadcastOperands) {
  const Tensor x = tensor({{7, 200, 255}, {254, 128, 1}}, uint8);
  test::expect_tensor(floor_divide(x.t(), tensor({255, 2}, uint8)), {3, 2}, uint8,
                      {0, 127, 0, 64, 1, 0});
  test::expect_tensor(x % tensor({255}, uint8), {2, 3}, uint8, {7, 200, 0, 254, 128, 1});
}

TEST(IntegerDivision, PowersOfTheLargestUnsigned) {
  test::expect_tensor(pow(tensor({255, 2, 255}, uint8), tensor({3, 7, 0}, uint8)), {3}, uint8,
                      {255, 128, 1});
}

}  // namespace
}  // namespace ingot
