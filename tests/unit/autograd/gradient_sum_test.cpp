// One tensor that is used thousands of times: the sum of its gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

namespace ingot {
namespace {

std::vector<double> numbers(const Tensor& t) { return t.to(float64).to_vector<double>(); }

// Σ_i w_i · x for `uses` weights: the gradient of x is their sum.
Tensor gradient_of_uses(int uses, double weight, DType dtype) {
  Tensor x = ones({2}, {.dtype = dtype});
  x.requires_grad_();
  std::vector<Tensor> parts, weights;
  for (int i = 0; i < uses; ++i) {
    parts.push_back(x * 1);
    weights.push_back(full({2}, weight, {.dtype = dtype}));
  }
  backward(parts, weights);
  return x.grad();
}

TEST(GradientSums, OfManyUses) {
  for (const int uses : {1, 2, 3, 63, 64, 65, 128, 129, 1000, 20'000}) {
    SCOPED_TRACE(uses);
    const Tensor g = gradient_of_uses(uses, 0.1, float32);
    EXPECT_EQ(g.dtype(), float32);
    const double right = uses * static_cast<double>(0.1f);
    for (const double v : numbers(g)) EXPECT_NEAR(v / right, 1, 1e-5);
  }
}

// 16 bits would stand still at 256 or 2048 terms.
TEST(GradientSums, OfSixteenBitsAreRoundedOnce) {
  for (const DType t : {float16, bfloat16})
    for (const int uses : {1, 2, 3, 64, 65, 66, 3000}) {
      SCOPED_TRACE(testing::Message() << name(t) << " " << uses);
      const Tensor g = gradient_of_uses(uses, 0.1, t);
      EXPECT_EQ(g.dtype(), t);
      const double right = uses * numbers(full({1}, 0.1, {.dtype = t}))[0];
      const double unit = t == float16 ? 0x1p-11 : 0x1p-8;
      for (const double v : numbers(g)) EXPECT_NEAR(v / right, 1, 1.01 * unit);
    }
}

TEST(GradientSums, CanBeDifferentiated) {
  Tensor x = full({1}, 2.0);
  x.requires_grad_();
  std::vector<Tensor> parts;
  for (int i = 0; i < 200; ++i) parts.push_back(x * x);
  const Tensor g = grad({stack(parts).sum()}, {x}, {}, {.create_graph = true})[0];
  EXPECT_FLOAT_EQ(g.item<float>(), 800);
  EXPECT_FLOAT_EQ(grad({g}, {x})[0].item<float>(), 400);
}

}  // namespace
}  // namespace ingot
