// Intermediate results that are no numbers of the dtype, where the result is one: norms, deviations
// and logarithms of sums of very large and very small numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include <ingot/ingot.h>

#include "backend/backend.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;

struct Case {
  const char* name;
  std::function<Tensor(const Tensor&)> f;  ///< of x[6, 4]; f(a · x) = a · f(x)
};

const Case kHomogeneous[] = {
    {"norm", [](const Tensor& x) { return x.norm(); }},
    {"norm of rows", [](const Tensor& x) { return x.norm({1}); }},
    {"norm of columns", [](const Tensor& x) { return x.norm({0}, true); }},
    {"norm of one", [](const Tensor& x) { return x.narrow(0, 0, 1).narrow(1, 1, 1).norm(); }},
    {"norm of 0 dims",
     [](const Tensor& x) { return x.narrow(0, 0, 1).narrow(1, 1, 1).reshape({}).norm(); }},
    {"std", [](const Tensor& x) { return x.std(); }},
    {"std of rows", [](const Tensor& x) { return x.std({1}); }},
    {"std of columns", [](const Tensor& x) { return x.std({0}, false, true); }},
    {"std transposed", [](const Tensor& x) { return x.t().std({0}); }},
    {"vector_norm 1", [](const Tensor& x) { return vector_norm(x, 1); }},
    {"vector_norm 2", [](const Tensor& x) { return vector_norm(x, 2, {1}); }},
    {"vector_norm 3", [](const Tensor& x) { return vector_norm(x, 3); }},
    {"vector_norm 5 of rows", [](const Tensor& x) { return vector_norm(x, 5, {1}, true); }},
    {"vector_norm 0.5", [](const Tensor& x) { return vector_norm(x, 0.5); }},
    {"vector_norm -2", [](const Tensor& x) { return vector_norm(x, -2, {0}); }},
    {"vector_norm inf", [](const Tensor& x) { return vector_norm(x, INFINITY); }},
};

// 0.1 … 1.3 in size, and none is 0.
Tensor some(DType t) {
  std::vector<double> values;
  for (int i = 0; i < 24; ++i) values.push_back((i % 3 == 1 ? -1 : 1) * (0.1 + 0.05 * i));
  return from_vector(values, Shape{6, 4}).to(t);
}

TEST(Range, NormsAndDeviationsOfLargeAndSmallNumbers) {
  const std::pair<DType, std::vector<double>> scales[] = {{float32, {1e20, 1e36, 1e-24, 1e-30}},
                                                          {float64, {1e160, 1e300, 1e-170, 1e-300}},
                                                          {bfloat16, {1e20, 1e36, 1e-24}},
                                                          {float16, {1e4, 1e-3}}};
  for (Backend* backend : {&cpu_backend(), &reference_backend()})
    for (const auto& [dtype, factors] : scales)
      for (const Case& c : kHomogeneous)
        for (const double factor : factors) {
          SCOPED_TRACE(std::string(c.name) + " " + std::string(name(dtype)) + " " +
                       std::to_string(std::log10(factor)) +
                       (backend == &cpu_backend() ? " cpu" : " reference"));
          const BackendOverride scope(*backend);
          // The truth is computed from the numbers that there are, as numbers around 1 in float64.
          const Tensor x = (some(float64) * factor).to(dtype).detach();
          const Tensor near_one = (x.to(float64) / factor).detach();
          Tensor leaf = x.clone().detach(), truth_leaf = near_one.clone().detach();
          leaf.requires_grad_();
          truth_leaf.requires_grad_();
          const Tensor y = c.f(leaf), truth = c.f(truth_leaf);
          y.backward(ones_like(y));
          truth.backward(ones_like(truth));
          const double unit = dtype == float64   ? 1e-13
                              : dtype == float32 ? 2e-6
                              : dtype == float16 ? 0x1p-10
                                                 : 0x1p-7;
          const std::vector<double> got = doubles(y), right = doubles(truth);
          for (std::size_t i = 0; i < got.size(); ++i) {
            if (std::string(c.name) == "vector_norm 0.5" && right[i] * factor > 3e38) continue;
            if (dtype == float16 && right[i] * factor > 65504) continue;
            EXPECT_NEAR(got[i] / factor, right[i], unit * std::abs(right[i])) << i;
          }
          const std::vector<double> g = doubles(leaf.grad()), h = doubles(truth_leaf.grad());
          for (std::size_t i = 0; i < g.size(); ++i)
            EXPECT_NEAR(g[i], h[i], 4 * unit * (std::abs(h[i]) + 0.1)) << "gradient " << i;
        }
}

TEST(Range, VarianceThatFits) {
  // Σ of the squares is above all of float32, the variance is not.
  const Tensor x = from_vector(std::vector<double>(1000, 1e19)).to(float32);
  const Tensor signs = arange(0, 1000, 1, float32) % 2 * 2 - 1;
  for (Backend* backend : {&cpu_backend(), &reference_backend()}) {
    const BackendOverride scope(*backend);
    EXPECT_NEAR((x * signs).var({}, false).item() / 1e38, 1, 1e-5);
    EXPECT_NEAR(tensor({1e20, 1.1e20, 0.9e20}).std().item() / 1e19, 1, 1e-5);
  }
}

TEST(Range, InfinitiesAndNaN) {
  for (Backend* backend : {&cpu_backend(), &reference_backend()})
    for (const DType t : {float32, float64}) {
      const BackendOverride scope(*backend);
      const Tensor infinite = tensor({1.0, INFINITY}).to(t), nan = tensor({1.0, NAN}).to(t);
      EXPECT_EQ(infinite.norm().item(), INFINITY);
      EXPECT_TRUE(std::isnan(nan.norm().item()));
      EXPECT_TRUE(std::isnan(infinite.std().item()));
      EXPECT_TRUE(std::isnan(infinite.var().item()));
      EXPECT_TRUE(std::isnan(nan.std().item()));
      EXPECT_TRUE(std::isnan(tensor({1.0}).to(t).std().item()));
      EXPECT_EQ(zeros({3}, {.dtype = t}).norm().item(), 0);
      EXPECT_EQ(zeros({0}, {.dtype = t}).norm().item(), 0);
      EXPECT_TRUE(std::isnan(zeros({0}, {.dtype = t}).std().item()));
      EXPECT_EQ(vector_norm(infinite, 3).item(), INFINITY);
      EXPECT_EQ(vector_norm(zeros({3}, {.dtype = t}), 3).item(), 0);
      EXPECT_EQ(vector_norm(tensor({0.0, 2.0}).to(t), -1).item(), 0);
    }
}

TEST(Range, SumsOfExponentials) {
  for (const DType t : {float16, bfloat16, float32, float64}) {
    const double big = t == float16 ? 6e4 : 1e30;
    const Tensor x = tensor({big, big, -big}).to(t);
    EXPECT_EQ(doubles(x.softmax(0)), (std::vector<double>{0.5, 0.5, 0}));
    EXPECT_EQ(doubles(x.logsumexp({0}))[0], doubles(x)[0]);
    EXPECT_NEAR(doubles(x.log_softmax(0))[0], -std::log(2.0), 2e-3);
  }
}

}  // namespace
}  // namespace ingot
