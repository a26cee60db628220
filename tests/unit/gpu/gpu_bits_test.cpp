// Where arithmetic is exact or IEEE's, the host driver gives the cpu's bits: random numbers,
// numbers of a row, moves, programs of arithmetic.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <ingot/ops/arrange.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/random.h>
#include <ingot/ops/shape.h>

#include "support/same_bits.h"

namespace ingot {
namespace {

using test::expect_same_bits;
using test::Make;

TEST(GpuBits, RandomNumbers) {
  for (const DType t : {float32, float64, float16, bfloat16}) {
    const std::string what(name(t));
    for (const std::int64_t n : {1, 7, 5001}) {
      expect_same_bits([&](Device d) { return rand({n}, {.dtype = t, .device = d}); },
                       "rand " + what);
      expect_same_bits([&](Device d) { return randn({n}, {.dtype = t, .device = d}); },
                       "randn " + what);
    }
  }
  // Enough for the far tails.
  expect_same_bits([](Device d) { return randn({200'000}, {.device = d}); }, "randn");
  expect_same_bits([](Device d) { return bernoulli({1000}, 0.3, {.device = d}); }, "bernoulli");
  for (const DType t : {int64, int32, uint8})
    expect_same_bits([&](Device d) { return randint(3, 200, {1000}, {.dtype = t, .device = d}); },
                     "randint");
}

TEST(GpuBits, RowsOfNumbers) {
  for (const DType t : {float32, float64, float16, int64, int32, uint8})
    expect_same_bits([&](Device d) { return arange(0, 100, 1, t, d); }, "arange");
  expect_same_bits([](Device d) { return arange(0.1, 9.7, 0.3, {}, d); }, "arange");
  expect_same_bits([](Device d) { return linspace(-3, 5, 1001, {.device = d}); }, "linspace");
  expect_same_bits([](Device d) { return eye(17, 13, {.device = d}); }, "eye");
}

TEST(GpuBits, Moves) {
  for (const DType t : {float32, float64, bfloat16, int64, int16, uint8, boolean}) {
    const auto x = [t](Device d) {
      return arange(0, 3 * 4 * 5, 1, {}, d).reshape({3, 4, 5}).to(t);
    };
    const std::vector<std::pair<std::string, Make>> moves = {
        {"slice", [&](Device d) { return x(d).slice(1, 1, 4, 2) + x(d).slice(1, 0, 3, 2); }},
        {"permuted slice",
         [&](Device d) {
           return x(d).permute({2, 0, 1}).slice(0, 1, 4).contiguous();
         }},
        {"flip",
         [&](Device d) {
           return flip(x(d), {0, 2});
         }},
        {"cat",
         [&](Device d) {
           return cat({x(d), x(d).slice(1, 0, 2)}, 1);
         }},
        {"contiguous",
         [&](Device d) {
           return x(d).permute({1, 2, 0}).contiguous();
         }},
    };
    for (const auto& [what, make] : moves) {
      if (t == boolean && what == "slice") continue;
      expect_same_bits(make, what + " " + std::string(name(t)));
    }
  }
}

TEST(GpuBits, Arithmetic) {
  for (const DType t : {float32, float64, float16, bfloat16}) {
    const auto x = [t](Device d) { return randn({37, 53}, {.dtype = t, .device = d}); };
    expect_same_bits(
        [&](Device d) {
          const Tensor a = x(d), b = x(d).t().contiguous().t();
          const Tensor c = a * b + a / (b * b + 1) - sqrt(abs(a)) * 3;
          return where(c > 0, c, -b) * a.slice(0, 0, 1) + maximum(a, b);
        },
        std::string(name(t)));
  }
  for (const DType t : {int64, int32, int16, int8, uint8})
    expect_same_bits(
        [&](Device d) {
          const Tensor a = randint(1, 100, {500}, {.dtype = t, .device = d});
          const Tensor b = randint(1, 100, {500}, {.dtype = t, .device = d});
          return a * b + bitwise_and(a, b) - remainder(a, 7) + maximum(a, b);
        },
        std::string(name(t)));
}

}  // namespace
}  // namespace ingot
