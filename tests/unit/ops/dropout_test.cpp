#include <ingot/ops/dropout.h>

#include <ingot/ops/creation.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;

TEST(Dropout, KeepsOrScales) {
  Generator generator(7);
  const Tensor x = ones({10000}, {.dtype = float32});
  const std::vector<double> y = doubles(dropout(x, 0.25, true, &generator));
  int kept = 0;
  for (const double v : y) {
    if (v != 0) {
      ++kept;
      EXPECT_FLOAT_EQ(static_cast<float>(v), 4.f / 3);
    }
  }
  EXPECT_NEAR(kept, 7500, 175);  // four standard deviations
}

TEST(Dropout, GradientReusesTheMaskEvenAfterEvaluation) {
  Generator generator(3);
  Tensor x = waves({6, 7}, 1) + 2.0;
  x = x.detach();
  x.requires_grad_();
  const Tensor y = dropout(x, 0.5, true, &generator);
  const std::vector<double> values = doubles(y), inputs = doubles(x);
  y.sum().backward();
  const std::vector<double> grads = doubles(x.grad());
  int dropped = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    dropped += values[i] == 0;
    EXPECT_DOUBLE_EQ(grads[i], values[i] == 0 ? 0 : 2);
    EXPECT_DOUBLE_EQ(values[i], grads[i] * inputs[i]);
  }
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, 42);
}

TEST(Dropout, SameSeedSameMask) {
  const Tensor x = ones({100});
  Generator a(5), b(5), c(6);
  const std::vector<double> first = doubles(dropout(x, 0.5, true, &a));
  EXPECT_EQ(first, doubles(dropout(x, 0.5, true, &b)));
  EXPECT_NE(first, doubles(dropout(x, 0.5, true, &c)));
  EXPECT_NE(first, doubles(dropout(x, 0.5, true, &a)));  // the generator moved on
}

TEST(Dropout, EvaluationIsTheIdentity) {
  const Tensor x = waves({3}, 1);
  EXPECT_TRUE(dropout(x, 0.5, false).is_same(x));
  EXPECT_TRUE(dropout(x, 0).is_same(x));
  EXPECT_TRUE(feature_dropout(waves({2, 2}, 1), 0.5, false).defined());
}

TEST(Dropout, EverythingDropped) {
  Tensor x = waves({3}, 1);
  x.requires_grad_();
  const Tensor y = dropout(x, 1);
  expect_values(y, {3}, {0, 0, 0});
  y.sum().backward();
  expect_values(x.grad(), {3}, {0, 0, 0});
}

TEST(FeatureDropout, DropsWholeChannels) {
  Generator generator(11);
  const std::vector<double> y = doubles(feature_dropout(ones({8, 8, 5}), 0.5, true, &generator));
  int dropped = 0;
  for (std::size_t channel = 0; channel < 64; ++channel) {
    for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(y[channel * 5 + i], y[channel * 5]);
    dropped += y[channel * 5] == 0;
  }
  EXPECT_NEAR(dropped, 32, 16);
}

TEST(StochasticDepth, DropsWholeSamples) {
  Generator generator(11);
  Tensor x = ones({64, 2, 3});
  x.requires_grad_();
  const Tensor y = stochastic_depth(x, 0.25, true, &generator);
  y.sum().backward();
  const std::vector<double> values = doubles(y);
  int dropped = 0;
  for (std::size_t row = 0; row < 64; ++row) {
    for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(values[row * 6 + i], values[row * 6]);
    if (values[row * 6] == 0)
      ++dropped;
    else
      EXPECT_NEAR(values[row * 6], 1 / 0.75, 1e-6);
  }
  EXPECT_NEAR(dropped, 16, 12);
  EXPECT_EQ(doubles(x.grad()), values);
  EXPECT_TRUE(stochastic_depth(x, 0.5, false).is_same(x));
  EXPECT_TRUE(stochastic_depth(x, 0).is_same(x));
}

TEST(Dropout, Errors) {
  const Tensor x = waves({3}, 1);
  expect_error<ValueError>([&] { dropout(x, 1.5); },
                           "dropout: a probability lies in [0, 1], got 1.5");
  expect_error<ValueError>([&] { dropout(x, -0.1, false); }, "got -0.1");
  expect_error<DTypeError>([&] { dropout(tensor({1, 2})); }, "dropout: needs a floating-point");
  expect_error<ShapeError>([&] { feature_dropout(x); }, "x must have at least 2 dimensions");
  expect_error<ShapeError>([&] { stochastic_depth(tensor(1.0), 0.5); },
                           "stochastic_depth: x must have a batch dimension");
  expect_error<ValueError>([&] { stochastic_depth(x, 2); }, "stochastic_depth: a probability lies");
}

}  // namespace
}  // namespace ingot
