// Gradients where functions have no derivative, or where their parts have none: the subgradients
// that PyTorch 2.13 takes, and finite ones wherever the whole is flat.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/softmax.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::values;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Kink {
  const char* what;
  std::function<Tensor(const Tensor&)> f;
  std::vector<double> at;
  std::vector<double> gradient;
};

const Kink kKinks[] = {
    {"std", [](const Tensor& x) { return ingot::std(x); }, {1, 1, 1}, {0, 0, 0}},
    {"std biased", [](const Tensor& x) { return ingot::std(x, {}, false); }, {2, 2}, {0, 0}},
    {"std of one", [](const Tensor& x) { return ingot::std(x, {}, false); }, {5}, {0}},
    {"std unbiased of one", [](const Tensor& x) { return ingot::std(x); }, {5}, {kNan}},
    {"std correction",
     [](const Tensor& x) { return ingot::std(x, {}, VarOptions{.correction = 0}); },
     {2, 2},
     {0, 0}},
    {"var", [](const Tensor& x) { return var(x); }, {1, 1, 1}, {0, 0, 0}},
    {"norm", [](const Tensor& x) { return norm(x); }, {0, 0}, {0, 0}},
    {"norm 1", [](const Tensor& x) { return vector_norm(x, 1); }, {0, -2}, {0, -1}},
    {"norm 0.5", [](const Tensor& x) { return vector_norm(x, 0.5); }, {0, 1}, {0, 1}},
    {"norm 0.5 at 0", [](const Tensor& x) { return vector_norm(x, 0.5); }, {0, 0}, {0, 0}},
    {"norm 1.5", [](const Tensor& x) { return vector_norm(x, 1.5); }, {0, -1}, {0, -1}},
    {"norm 1.5 at 0", [](const Tensor& x) { return vector_norm(x, 1.5); }, {0, 0}, {0, 0}},
    {"norm 3", [](const Tensor& x) { return vector_norm(x, 3); }, {0, 2}, {0, 1}},
    {"norm 3 at 0", [](const Tensor& x) { return vector_norm(x, 3); }, {0, 0}, {0, 0}},
    {"norm -1", [](const Tensor& x) { return vector_norm(x, -1); }, {0, 2}, {0, 0}},
    {"norm -2 at 0", [](const Tensor& x) { return vector_norm(x, -2); }, {0, 0}, {0, 0}},
    {"norm inf at 0", [](const Tensor& x) { return vector_norm(x, kInf); }, {0, 0}, {0, 0}},
    {"norm -inf at 0", [](const Tensor& x) { return vector_norm(x, -kInf); }, {0, 0}, {0, 0}},
    {"abs", [](const Tensor& x) { return abs(x); }, {0, -0.0, kNan}, {0, 0, 0}},
    {"sqrt", [](const Tensor& x) { return sqrt(x); }, {0}, {kInf}},
    {"pow 0.5", [](const Tensor& x) { return pow(x, 0.5); }, {0}, {kInf}},
    {"pow 1.5", [](const Tensor& x) { return pow(x, 1.5); }, {0}, {0}},
    {"pow 0", [](const Tensor& x) { return pow(x, 0.0); }, {0, kNan}, {0, 0}},
    {"pow 1", [](const Tensor& x) { return pow(x, 1.0); }, {0}, {1}},
    {"pow -1", [](const Tensor& x) { return pow(x, -1.0); }, {0}, {-kInf}},
    {"prod", [](const Tensor& x) { return prod(x); }, {0, 0, 2}, {0, 0, 0}},
    {"prod one zero", [](const Tensor& x) { return prod(x); }, {0, 3, 2}, {6, 0, 0}},
    {"atan2(x, x)", [](const Tensor& x) { return atan2(x, x); }, {0}, {0}},
    {"atan2(x, 0)", [](const Tensor& x) { return atan2(x, zeros_like(x)); }, {0}, {0}},
    {"atan2(0, x)", [](const Tensor& x) { return atan2(zeros_like(x), x); }, {0}, {0}},
    {"maximum", [](const Tensor& x) { return maximum(x, 1.0); }, {1, 2, 0}, {0.5, 1, 0}},
    {"clamp", [](const Tensor& x) { return clamp(x, 0.0, 1.0); }, {0, 1, 2, kNan}, {1, 1, 0, 0}},
    {"relu", [](const Tensor& x) { return relu(x); }, {0, -0.0, kNan, 1}, {0, 0, 1, 1}},
    {"relu6", [](const Tensor& x) { return relu6(x); }, {0, 6, kNan}, {0, 0, 1}},
    {"hardtanh", [](const Tensor& x) { return hardtanh(x); }, {-1, 1, kNan}, {0, 0, 1}},
    {"elu", [](const Tensor& x) { return elu(x); }, {0, kNan}, {1, 1}},
    {"celu", [](const Tensor& x) { return celu(x, 2.0); }, {0, kNan}, {1, 1}},
    {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x); }, {-3, 3, kNan}, {0, 0, 0}},
    {"hardswish", [](const Tensor& x) { return hardswish(x); }, {-3, 3, kNan}, {0, 1, 1}},
    {"softplus", [](const Tensor& x) { return softplus(x); }, {kNan, 100}, {kNan, 1}},
    {"amax", [](const Tensor& x) { return amax(x); }, {kNan, 1, kNan}, {0.5, 0, 0.5}},
    {"amin", [](const Tensor& x) { return amin(x); }, {kNan, 1, 2}, {1, 0, 0}},
    {"max", [](const Tensor& x) { return max(x, 0).values; }, {kNan, 1, kNan}, {1, 0, 0}},
    {"logsumexp", [](const Tensor& x) { return logsumexp(x, {}); }, {-kInf, 0}, {0, 1}},
};

TEST(Kinks, HavePyTorchsSubgradients) {
  for (const DType t : {float32, float64})
    for (const Kink& k : kKinks) {
      SCOPED_TRACE(testing::Message() << k.what << " in " << name(t));
      Tensor x = from_vector(k.at).to(t);
      x.requires_grad_();
      const std::vector<double> got = values(grad({k.f(x).sum()}, {x})[0]);
      ASSERT_EQ(got.size(), k.gradient.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        if (std::isfinite(k.gradient[i]))
          EXPECT_NEAR(got[i], k.gradient[i], 1e-6) << "element " << i;
        else
          EXPECT_TRUE(got[i] == k.gradient[i] ||
                      (got[i] != got[i] && k.gradient[i] != k.gradient[i]))
              << "element " << i << " is " << got[i];
    }
}

// Rows with and without a kink, side by side: reductions over one dimension of two.
TEST(Kinks, OfOneRowLeaveTheOthersAlone) {
  Tensor x = tensor({{1.0, 1.0}, {0.0, 2.0}}, float64);
  x.requires_grad_();
  test::expect_tensor(grad({ingot::std(x, {1})}, {x}, {ones({2}, {.dtype = float64})})[0], {2, 2},
                      float64, {0, 0, -std::sqrt(0.5), std::sqrt(0.5)}, 1e-12);
  Tensor y = tensor({{0.0, 0.0}, {3.0, 4.0}}, float64);
  y.requires_grad_();
  for (const double p : {1.5, 2.0, 3.0}) {
    const std::vector<double> g =
        values(grad({vector_norm(y, p, {1})}, {y}, {ones({2}, {.dtype = float64})})[0]);
    EXPECT_EQ(g[0], 0);
    EXPECT_EQ(g[1], 0);
    EXPECT_NEAR(3 * g[2] + 4 * g[3], vector_norm(y, p, {1})[1].item<double>(), 1e-12);
  }
}

TEST(Kinks, Atan2IsRightWhereSquaresOverflowOrVanish) {
  for (const double size : {1e-30, 1e-20, 1.0, 1e20, 1e30}) {
    Tensor y = tensor({size}), x = tensor({size});
    y.requires_grad_();
    x.requires_grad_();
    const auto g = grad({atan2(y, x)}, {y, x}, {ones({1})});
    EXPECT_NEAR(g[0].item<double>() * size, 0.5, 1e-6) << size;
    EXPECT_NEAR(g[1].item<double>() * size, -0.5, 1e-6) << size;
  }
}

// The gradient of logsumexp reads no rounded result.
TEST(Logsumexp, GradientIsTheSoftmaxHoweverLargeTheValues) {
  for (const double size : {0.0, 1e4, 1e8, -1e8, 1e30}) {
    Tensor x = full({4}, size);
    x.requires_grad_();
    test::expect_tensor(grad({logsumexp(x, {0})}, {x})[0], {4}, float32, {0.25, 0.25, 0.25, 0.25},
                        1e-7);
  }
  Tensor x = full({2, 3, 2}, 3e7);
  x.requires_grad_();
  for (const double g : values(grad({logsumexp(x, {0, 2}).sum()}, {x})[0])) EXPECT_EQ(g, 0.25);
  for (const double g : values(grad({logsumexp(x, {})}, {x})[0])) EXPECT_NEAR(g, 1.0 / 12, 1e-7);
  for (const double g : values(grad({log_softmax(x, 1).sum()}, {x})[0])) EXPECT_NEAR(g, 0, 1e-6);
}

TEST(Lerp, GoesFromTheNearerSide) {
  const Tensor far = full({1}, 1e8), near = ones({1});
  for (const DType t : {float32, float64, float16, bfloat16}) {
    const Tensor a = full({1}, 60000, {.dtype = t}), b = ones({1}, {.dtype = t});
    EXPECT_EQ(values(lerp(a, b, 1.0))[0], 1) << name(t);
    EXPECT_EQ(values(lerp(a, b, ones({1}, {.dtype = t})))[0], 1) << name(t);
    EXPECT_EQ(values(lerp(a, b, 0.0))[0], values(a)[0]) << name(t);
    EXPECT_EQ(values(lerp(a, b, zeros({1}, {.dtype = t})))[0], values(a)[0]) << name(t);
  }
  EXPECT_EQ(lerp(far, near, 1.0).item<float>(), 1);
  EXPECT_EQ(lerp(far, near, tensor({1.0})).item<float>(), 1);
  test::expect_tensor(lerp(tensor({0.0, 0.0}), tensor({8.0, 8.0}), tensor({0.25, 0.75})), {2},
                      float32, {2, 6});
  // Both sides of the seam have the same gradients.
  for (const double w : {0.25, 0.75, 1.5, -0.5}) {
    Tensor a = tensor({2.0}), b = tensor({10.0}), weight = tensor({w});
    for (Tensor* t : {&a, &b, &weight}) t->requires_grad_();
    const auto g = grad({lerp(a, b, weight)}, {a, b, weight});
    EXPECT_NEAR(g[0].item<double>(), 1 - w, 1e-6);
    EXPECT_NEAR(g[1].item<double>(), w, 1e-6);
    EXPECT_NEAR(g[2].item<double>(), 8, 1e-6);
    const auto h = grad({lerp(a, b, w)}, {a, b});
    EXPECT_NEAR(h[0].item<double>(), 1 - w, 1e-6);
    EXPECT_NEAR(h[1].item<double>(), w, 1e-6);
  }
}

}  // namespace
}  // namespace ingot
