// Tensors from nothing, constant and random.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ingot/core/parallel.h>
#include <ingot/core/philox.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "core/random_math.h"
#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::message_of;
using test::values;

TEST(Full, TakesTheNumbersDtypeOrTheGivenOne) {
  expect_tensor(full({2}, 3), {2}, int64, {3, 3});
  expect_tensor(full({2}, 1.5), {2}, float32, {1.5, 1.5});
  expect_tensor(full({}, true), {}, boolean, {1});
  expect_tensor(full({2}, 1.9, {.dtype = int32}), {2}, int32, {1, 1});
  expect_tensor(ones({2, 0}), {2, 0}, float32, {});
  expect_tensor(ones_like(tensor({3, 4}, uint8)), {2}, uint8, {1, 1});
  expect_tensor(full_like(zeros({1}), 2), {1}, float32, {2});
  EXPECT_TRUE(zeros({2}, {.requires_grad = true}).requires_grad());
  EXPECT_NE(message_of<ShapeError>([] {
              zeros({2, -1});
            }).find("full: a shape cannot have negative sizes: [2, -1]"),
            std::string::npos);
}

TEST(Arange, CountsLikePyTorch) {
  expect_tensor(arange(4), {4}, int64, {0, 1, 2, 3});
  expect_tensor(arange(2, 9, 3), {3}, int64, {2, 5, 8});
  expect_tensor(arange(5, 0, -2), {3}, int64, {5, 3, 1});
  expect_tensor(arange(0), {0}, int64, {});
  expect_tensor(arange(2.5), {3}, float32, {0, 1, 2});
  expect_tensor(arange(0, 1, 0.25), {4}, float32, {0, 0.25, 0.5, 0.75});
  expect_tensor(arange(1, 4, 1, float16), {3}, float16, {1, 2, 3});
  EXPECT_THROW(arange(0, 5, 0), ValueError);
  EXPECT_THROW(arange(0, 5, -1), ValueError);
}

TEST(Linspace, ReachesBothEnds) {
  expect_tensor(linspace(0, 1, 5), {5}, float32, {0, 0.25, 0.5, 0.75, 1});
  expect_tensor(linspace(3, 7, 1), {1}, float32, {3});
  expect_tensor(linspace(0, 1, 0), {0}, float32, {});
  const std::vector<double> many = values(linspace(-1, 0.1, 1000));
  EXPECT_EQ(many.back(), static_cast<double>(0.1f));
  expect_tensor(eye(2, 3), {2, 3}, float32, {1, 0, 0, 0, 1, 0});
}

TEST(Random, ElementsAreTheWordsOfTheSequence) {
  Generator g(42);
  g.reserve(4);
  const std::vector<float> u = rand({2, 3}, {}, &g).to_vector<float>();
  const std::vector<float> n = randn({5}, {}, &g).to_vector<float>();
  for (std::uint64_t i = 0; i < 6; ++i)
    EXPECT_EQ(u[i], uniform_from_bits(philox_word(42, 4 + i))) << i;
  for (std::uint64_t i = 0; i < 5; ++i)  // six words were drawn, the next block begins at 12
    EXPECT_EQ(n[i], normal_from_bits(philox_word(42, 12 + i))) << i;
}

TEST(Random, SameSeedSameNumbersWhenEvaluatedInAnyOrder) {
  manual_seed(3);
  const Tensor a = rand({100}), b = randn({100});
  const std::vector<double> later = values(b), earlier = values(a);
  manual_seed(3);
  EXPECT_EQ(values(rand({100})), earlier);
  EXPECT_EQ(values(randn({100})), later);
  EXPECT_NE(values(rand({100})), earlier);
  EXPECT_FALSE(std::ranges::equal(values(rand({4})), values(rand({4}))));
}

TEST(Rule19, TheSameSeedGivesTheSameBitsAtEveryThreadCount) {
  const int before = num_threads();
  const auto draw = [](int threads) {
    set_num_threads(threads);
    manual_seed(11);
    const Tensor parts[] = {rand({300, 301}), randn({300, 301}), randint(0, 1000, {90001})};
    std::vector<double> all;
    for (const Tensor& t : parts)
      for (const double v : t.to(float64).to_vector<double>()) all.push_back(v);
    return all;
  };
  const std::vector<double> one = draw(1);
  EXPECT_EQ(draw(2), one);
  EXPECT_EQ(draw(3), one);
  set_num_threads(before);
}

TEST(Random, HaveTheirDistributions) {
  manual_seed(0);
  const Tensor u = rand({100000}), n = randn({100000});
  EXPECT_NEAR(mean(u).item(), 0.5, 0.005);
  EXPECT_NEAR(var(u).item(), 1.0 / 12, 0.001);
  EXPECT_GE(amin(u).item(), 0);
  EXPECT_LT(amax(u).item(), 1);
  EXPECT_NEAR(mean(n).item(), 0, 0.01);
  EXPECT_NEAR(var(n).item(), 1, 0.02);
  EXPECT_NEAR(mean(n * n * n).item(), 0, 0.05);
  EXPECT_NEAR(mean(square(square(n))).item(), 3, 0.15);
  EXPECT_NEAR(mean(bernoulli({100000}, 0.3)).item(), 0.3, 0.005);
}

TEST(Random, LimitsAreKept) {
  manual_seed(0);
  expect_tensor(bernoulli({4}, 0), {4}, float32, {0, 0, 0, 0});
  expect_tensor(bernoulli({4}, 1, {.dtype = boolean}), {4}, boolean, {1, 1, 1, 1});
  const Tensor r = randint(-2, 3, {10000});
  EXPECT_EQ(amin(r).item<int>(), -2);
  EXPECT_EQ(amax(r).item<int>(), 2);
  EXPECT_EQ(r.dtype(), int64);
  EXPECT_LT(values(amax(rand({100000}, {.dtype = float16})))[0], 1);
  Tensor x = zeros({1000}, {.dtype = float64});
  x.uniform_(-3, -2);
  EXPECT_GE(amin(x).item(), -3);
  EXPECT_LT(amax(x).item(), -2);
  x.normal_(10, 0.5);
  EXPECT_NEAR(mean(x).item(), 10, 0.1);
  EXPECT_THROW(randint(3, 3, {1}), ValueError);
  EXPECT_THROW(bernoulli({1}, 1.5), ValueError);
  EXPECT_THROW(x.uniform_(1, 0), ValueError);
  EXPECT_THROW(x.normal_(0, -1), ValueError);
  EXPECT_NE(message_of<DTypeError>([] { rand({2}, {.dtype = int64}); }).find("uniform: "),
            std::string::npos);
}

TEST(Randperm, IsAPermutation) {
  manual_seed(1);
  std::vector<std::int64_t> order = randperm(1000).to_vector<std::int64_t>();
  EXPECT_FALSE(std::ranges::is_sorted(order));
  manual_seed(1);
  EXPECT_EQ(randperm(1000).to_vector<std::int64_t>(), order);
  std::ranges::sort(order);
  std::vector<std::int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(order, all);
  EXPECT_EQ(randperm(0).numel(), 0);
}

}  // namespace
}  // namespace ingot
