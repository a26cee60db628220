// Sums over ten million elements that come to few results are right to 1e-4, whatever adds them up.
#include <gtest/gtest.h>

#include <cmath>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/einsum.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "backend/cpu/contraction.h"
#include "support/expect.h"

namespace ingot {
namespace {

constexpr std::int64_t kMany = 10'000'000;
constexpr double kTenth = static_cast<double>(0.1f);

void expect_close(const Tensor& t, double expected, double tolerance = 1e-4) {
  for (const double v : test::values(t)) EXPECT_NEAR(v / expected, 1, tolerance);
}

TEST(LongSums, OfReductions) {
  const Tensor x = full({kMany}, 0.1);
  const double n = kMany;
  expect_close(sum(x), n * kTenth, 1e-6);
  expect_close(mean(x), kTenth, 1e-6);
  expect_close(norm(x), std::sqrt(n) * kTenth, 1e-6);
  expect_close(sum(x.reshape({kMany / 10, 10}), {0}), n / 10 * kTenth, 1e-6);
  expect_close(mse_loss(x, zeros({kMany})), kTenth * kTenth, 1e-6);
}

TEST(LongSums, OfProductsWithFewResults) {
  const Tensor a = full({kMany}, 0.1);
  const double expected = static_cast<double>(kMany) * kTenth * kTenth;
  expect_close(dot(a, a), expected);
  expect_close(einsum("i,i->", {a, a}), expected);
  const Tensor rows = full({4, kMany / 4}, 0.1), columns = full({kMany / 4, 3}, 0.1);
  expect_close(matmul(rows, columns), expected / 4);
  expect_close(matmul(rows, columns.select(1, 0)), expected / 4);
  expect_close(matmul(columns.t(), columns), expected / 4);
  const Tensor y = linear(rows, full({2, kMany / 4}, 0.1), full({2}, 1000.0));
  expect_close(y, expected / 4 + 1000);
  for (const DType t : {float16, bfloat16})
    expect_close(dot(full({kMany / 100}, 0.1, {.dtype = t}), ones({kMany / 100}, {.dtype = t})),
                 static_cast<double>(kMany) / 100 * test::values(full({1}, 0.1, {.dtype = t}))[0],
                 4e-3);
}

TEST(LongSums, OfProductsWithManyResults) {
  const std::int64_t k = 1'000'000;
  const Tensor a = full({k, 9}, 0.1), b = full({k, 11}, 0.1);
  expect_close(matmul(a.t(), b), static_cast<double>(k) * kTenth * kTenth);
  const Tensor wide = full({200'000, 80}, 0.1);
  expect_close(matmul(wide.t(), wide), 200'000 * kTenth * kTenth);
}

TEST(LongSums, OfEachProvider) {
  using namespace cpu;
  for (const ContractionProvider* p : contraction_providers())
    for (const std::int64_t k : {2049, 65537, 300'001}) {
      SCOPED_TRACE(testing::Message() << p->name() << " " << k);
      const MatmulDesc d{TensorDesc::contiguous({9, k}, float32),
                         {{k, 9}, float32, {1, k}},
                         TensorDesc::contiguous({9, 9}, float32),
                         std::nullopt};
      const auto kernel = lower_matmul(d);
      ASSERT_NE(kernel, nullptr);
      std::vector<float> a(static_cast<std::size_t>(9 * k), 0.1f), out(81);
      std::vector<std::byte> workspace(kernel->workspace_nbytes());
      void *inputs[] = {a.data(), a.data()}, *outputs[] = {out.data()};
      kernel->run({inputs, outputs, nullptr, workspace.data()});
      for (const float v : out)
        EXPECT_NEAR(v / (static_cast<double>(k) * kTenth * kTenth), 1, 1e-4);
    }
}

TEST(LongSums, OfWeightGradients) {
  Tensor w = full({1, 1, 1, 1}, 0.5), bias = zeros({1});
  w.requires_grad_();
  bias.requires_grad_();
  const Tensor x = full({40, 1, 500, 500}, 0.1);
  const auto g = grad({conv2d(x, w, bias)}, {w, bias}, {full({40, 1, 500, 500}, 0.1)});
  const double n = 40 * 500 * 500;
  expect_close(g[0], n * kTenth * kTenth);
  expect_close(g[1], n * kTenth);
  Tensor weight = full({3, 5}, 0.5);
  weight.requires_grad_();
  const Tensor rows = full({1'000'000, 5}, 0.1);
  expect_close(grad({linear(rows, weight)}, {weight}, {full({1'000'000, 3}, 0.1)})[0],
               1e6 * kTenth * kTenth);
}

// Uneven pieces, strides and values: the same as the plain loop in double.
TEST(LongSums, PiecesAreTheRightOnes) {
  const std::int64_t k = 70'001;
  const Tensor a = sin(arange(5 * k).to(float32) * 0.37).reshape({5, k});
  const Tensor b = cos(arange(k * 20).to(float32) * 0.11).reshape({k, 20});
  const Tensor wide = matmul(a.to(float64), b.to(float64));
  const std::vector<double> expected = test::values(wide), got = test::values(matmul(a, b));
  const std::vector<double> few = test::values(matmul(a.narrow(0, 0, 2), b.narrow(1, 3, 2)));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(got[i], expected[i], 2e-2) << i;
  EXPECT_NEAR(few[0], expected[3], 2e-2);
  EXPECT_NEAR(few[3], expected[24], 2e-2);
}

TEST(LongSums, OfLargeWindows) {
  const Tensor x = full({1, 1, 3000, 3000}, 0.1);
  expect_close(avg_pool2d(x, 3000), kTenth, 1e-6);
  expect_close(adaptive_avg_pool2d(x, 1), kTenth, 1e-6);
  expect_close(avg_pool2d(x, 1700, {.stride = Pair(1300)}), kTenth, 1e-6);
}

}  // namespace
}  // namespace ingot
