#include <ingot/ops/order.h>

#include <cmath>
#include <limits>

#include <ingot/ops/arrange.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/index.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::expect_error;
using test::expect_values;
using test::waves;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Sort, IsStableAndPutsNanLast) {
  const Tensor x = tensor({2., kNan, 1., 2., 1., kNan});
  EXPECT_EQ(argsort(x).to_vector<std::int64_t>(), (std::vector<std::int64_t>{2, 4, 0, 3, 1, 5}));
  EXPECT_EQ(argsort(x, 0, true).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{1, 5, 0, 3, 2, 4}));
  EXPECT_EQ(topk(x, 3).indices.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 5, 0}));
  EXPECT_TRUE(std::isnan(median(x).item()));
  EXPECT_EQ(median(tensor({4, 1, 3, 2})).item<int>(), 2);
}

TEST(Sort, LongLines) {
  std::vector<float> values(5000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 7919) % 5000);  // a permutation
  const Tensor x = from_vector(values);
  const auto [sorted, places] = sort(x);
  const auto s = sorted.to_vector<float>();
  for (std::size_t i = 0; i < s.size(); ++i) ASSERT_EQ(s[i], static_cast<float>(i));
  EXPECT_TRUE(equal(x.index_select(0, places), sorted));
  expect_values(topk(x, 4).values, {4}, {4999, 4998, 4997, 4996});
  expect_values(topk(x, 2, 0, false).values, {2}, {0, 1});
}

TEST(Sort, Errors) {
  const Tensor x = waves({2, 3}, 1);
  expect_error<IndexError>([&] { sort(x, 2); },
                           "sort: dimension 2 is out of range for float64[2, 3]");
  expect_error<ValueError>([&] { topk(x, 4); },
                           "topk: k = 4 is not between 0 and the 3 elements of dimension 1");
  expect_error<ValueError>([&] { kthvalue(x, 0); }, "kthvalue: k = 0 is not between 1 and the 3");
  expect_error<ShapeError>([&] { median(waves({2, 0}, 1), 1); }, "median: dimension 1 of");
  expect_error<IndexError>([&] { cumsum(x, -3); }, "cumsum: dimension -3 is out of range");
  expect_error<IndexError>([&] { cumprod(x, 2); }, "cumprod: dimension 2 is out of range");
  expect_error<ValueError>([&] { sort(Tensor()); }, "sort: the operand is an undefined tensor");
}

TEST(Arrange, Errors) {
  const Tensor x = waves({2, 3}, 1);
  expect_error<ValueError>([&] { pad(x, {1}); }, "pad: padding needs a pair for each of at most 2");
  expect_error<ValueError>([&] { pad(x, {1, 1, 1, 1, 1, 1}); }, "got 6 numbers");
  expect_error<ValueError>([&] { pad(x, {1, 1}, "mirror"); }, "got \"mirror\"");
  expect_error<ShapeError>([&] { pad(x, {-2, -2}); }, "take more from dimension 1");
  expect_error<ShapeError>([&] { pad(x, {3, 0}, "reflect"); }, "reflecting 3 and 0 elements");
  expect_error<ShapeError>([&] { pad(x, {4, 0}, "circular"); }, "cannot come from the other end");
  expect_error<ShapeError>([&] { pad(waves({2, 0}, 1), {1, 0}, "replicate"); }, "has no edge");
  expect_error<ValueError>([&] { pad(x, {-1, 0}, "reflect"); }, "only a constant");
  expect_error<ValueError>([&] { roll(x, {1, 2}, {0}); }, "roll: 2 shifts do not fit 1 dims");
  expect_error<ValueError>([&] { roll(x, {1, 2}); }, "roll: 2 shifts need as many dims");
  expect_error<ValueError>([&] { repeat(x, {2}); }, "repeat: 1 numbers are fewer than");
  expect_error<ValueError>([&] { repeat(x, {2, -1}); }, "repeat: cannot repeat -1 times");
  expect_error<ShapeError>([&] { tril(waves({3}, 1)); }, "tril: needs matrices [..., R, C]");
  expect_error<ValueError>([&] { x.slice(0, 0, {}, -1); }, "the step must be positive, got -1");
}

TEST(Scatter, Errors) {
  const Tensor x = waves({2, 3}, 1), index = tensor({{0, 1}, {2, 0}});
  expect_error<ShapeError>(
      [&] {
        scatter(x, 1, index, waves({2, 1}, 1));
      },
      "scatter: index[2, 2] is larger than source[2, 1] in dimension 1");
  expect_error<DTypeError>(
      [&] {
        scatter(x, 1, index, waves({2, 2}, 1).to(float32));
      },
      "scatter: x is float64 but source is float32");
  expect_error<DTypeError>([&] { scatter(x, 1, index.to(int32), 0); },
                           "scatter: index must be int64");
  expect_error<ShapeError>([&] { scatter(x, 0, tensor({0}), 0); }, "scatter: index[1]");
  expect_error<IndexError>(
      [&] {
        scatter(x, 1, tensor({{0, 3}}), 0).eval();
      },
      "scatter: index 3 at position [0, 1] is out of range for dimension 1");
  expect_values(
      scatter(tensor({1., 2., 3.}, float64), 0, tensor({1, 1}), tensor({7., 8.}, float64)), {3},
      {1, 8, 3});
}

TEST(Compare, EqualAndAllclose) {
  const Tensor a = tensor({1., 2., 3.}), b = tensor({1., 2., 3.00001});
  EXPECT_TRUE(equal(a, a.clone()));
  EXPECT_FALSE(equal(a, b));
  EXPECT_FALSE(equal(a, tensor({1., 2.})));
  EXPECT_FALSE(equal(tensor({kNan}), tensor({kNan})));
  EXPECT_TRUE(equal(tensor({1, 2}), tensor({1, 2})));
  EXPECT_TRUE(allclose(a, b));
  EXPECT_FALSE(allclose(a, b, 0, 1e-6));
  EXPECT_FALSE(allclose(tensor({kNan}), tensor({kNan})));
  EXPECT_TRUE(allclose(tensor({kNan}), tensor({kNan}), 0, 0, true));
  EXPECT_TRUE(allclose(tensor({{1., 1.}, {1., 1.}}), tensor({1.})));
  expect_error<DTypeError>([&] { equal(a, a.to(float64)); },
                           "equal: float32[3] and float64[3] have");
  expect_error<ValueError>([&] { allclose(a, b, -1); }, "tolerances must not be negative");
}

TEST(TensorMethods, AreTheirFunctions) {
  const Tensor x = waves({3, 4}, 1), index = tensor({{0, 2}, {1, 1}, {3, 0}}), y = waves({3, 2}, 2);
  const std::vector<std::pair<Tensor, Tensor>> pairs{
      {x.argmin(1), argmin(x, 1)},
      {x.std({0}, false, true), std(x, {0}, false, true)},
      {x.prod({1}), prod(x, {1})},
      {x.logsumexp({0}, true), logsumexp(x, {0}, true)},
      {(x > 0).any({0}), any(x > 0, {0})},
      {(x > 0).all({1}, true), all(x > 0, {1}, true)},
      {x.sort(0, true).values, sort(x, 0, true).values},
      {x.argsort(), argsort(x)},
      {x.topk(2, 0, false).indices, topk(x, 2, 0, false).indices},
      {x.cumsum(0), cumsum(x, 0)},
      {x.cumprod(1), cumprod(x, 1)},
      {x.scatter(1, index, y), scatter(x, 1, index, y)},
      {x.scatter_add(1, index, y), scatter_add(x, 1, index, y)},
      {x.flip({0}), flip(x, {0})},
      {x.roll({1}, {1}), roll(x, {1}, {1})},
      {x.repeat({2, 1}), repeat(x, {2, 1})},
      {x.tile({2}), tile(x, {2})},
      {x.tril(1), tril(x, 1)},
      {x.triu(-1), triu(x, -1)},
      {x.split(2, 1)[1], split(x, 2, 1)[1]},
      {x.chunk(2)[0], chunk(x, 2)[0]},
  };
  for (std::size_t i = 0; i < pairs.size(); ++i)
    EXPECT_TRUE(equal(pairs[i].first, pairs[i].second)) << i;
}

TEST(VectorNorm, Errors) {
  expect_error<DTypeError>(
      [] {
        vector_norm(tensor({1, 2}));
      },
      "vector_norm: needs a floating-point");
  expect_error<ShapeError>(
      [] { vector_norm(waves({0}, 1), std::numeric_limits<double>::infinity()); }, "is empty");
  expect_error<ValueError>([] { vector_norm(waves({2}, 1), kNan); }, "p is not a number");
}

}  // namespace
}  // namespace ingot
