// Reductions: values over all dimensions, some and none; dtypes; gradients; errors.
#include <gtest/gtest.h>

#include <cmath>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/gradcheck.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::message_of;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Sum, OverAllSomeAndKeptDimensions) {
  const Tensor x = arange(24).reshape({2, 3, 4});
  expect_tensor(sum(x), {}, int64, {276});
  expect_tensor(sum(x, {1}), {2, 4}, int64, {12, 15, 18, 21, 48, 51, 54, 57});
  expect_tensor(sum(x, {0, -1}), {3}, int64, {60, 92, 124});
  expect_tensor(sum(x, {-1, 0}, true), {1, 3, 1}, int64, {60, 92, 124});
  expect_tensor(sum(x.permute({2, 0, 1}), {0}), {2, 3}, int64, {6, 22, 38, 54, 70, 86});
}

TEST(Sum, Dtypes) {
  expect_tensor(sum(tensor({true, true, false})), {}, int64, {2});
  expect_tensor(sum(tensor({200, 100}, uint8)), {}, int64, {300});
  expect_tensor(sum(full({4096}, 1, {.dtype = float16})), {}, float16, {4096});
  // Added one by one, the ones would be lost from 2048 on.
  expect_tensor(sum(full({4097}, 1, {.dtype = bfloat16})), {}, bfloat16, {4096});
}

TEST(EmptyAndZeroDim, Reduce) {
  expect_tensor(sum(zeros({0})), {}, float32, {0});
  expect_tensor(sum(zeros({2, 0}), {1}), {2}, float32, {0, 0});
  expect_tensor(sum(zeros({2, 0}), {0}), {0}, float32, {});
  expect_tensor(prod(zeros({0})), {}, float32, {1});
  expect_tensor(mean(zeros({0})), {}, float32, {kNan});
  expect_tensor(any(zeros({0})), {}, boolean, {0});
  expect_tensor(all(zeros({0})), {}, boolean, {1});
  expect_tensor(logsumexp(zeros({2, 0}), {1}), {2}, float32, {-kInf, -kInf});
  expect_tensor(sum(tensor(3.0)), {}, float32, {3});
  expect_tensor(sum(tensor(3.0), {-1}), {}, float32, {3});
  expect_tensor(mean(tensor(3.0)), {}, float32, {3});
  expect_tensor(amax(tensor(3.0)), {}, float32, {3});
  expect_tensor(argmax(tensor(3.0)), {}, int64, {0});
  expect_tensor(norm(tensor(-3.0)), {}, float32, {3});
}

TEST(Mean, DoesNotOverflowInHalfPrecision) {
  expect_tensor(mean(full({4}, 60000, {.dtype = float16})), {}, float16, {60000});
  expect_tensor(mean(tensor({{1.0, 2.0}, {3.0, 5.0}}), {1}), {2}, float32, {1.5, 4});
}

TEST(Var, BothDivisors) {
  const Tensor x = tensor({{1.0, 2.0, 4.0}, {0.0, 0.0, 3.0}}, float64);
  expect_tensor(var(x, {1}), {2}, float64, {7.0 / 3, 3}, 1e-14);
  expect_tensor(var(x, {1}, false), {2}, float64, {14.0 / 9, 2}, 1e-14);
  expect_tensor(ingot::std(x, {1}), {2}, float64, {std::sqrt(7.0 / 3), std::sqrt(3.0)}, 1e-14);
  expect_tensor(var(tensor({1.0})), {}, float32, {kNan});
  expect_tensor(var(tensor({1.0}), {}, false), {}, float32, {0});
}

TEST(Extrema, NanWinsAndPositionsAreTheFirst) {
  const Tensor x = tensor({{1.0, 3.0, 3.0}, {kNan, 9.0, kNan}});
  expect_tensor(amax(x, {1}), {2}, float32, {3, kNan});
  expect_tensor(amin(x, {1}), {2}, float32, {1, kNan});
  expect_tensor(argmax(x, 1), {2}, int64, {1, 0});
  expect_tensor(argmin(x, 1, true), {2, 1}, int64, {0, 0});
  expect_tensor(argmax(x), {}, int64, {3});
  expect_tensor(argmax(tensor({{1, 2}, {5, 4}}), {}, true), {1, 1}, int64, {2});
  expect_tensor(argmin(tensor({{1, 2}, {5, 4}}), 0), {2}, int64, {0, 0});
  expect_tensor(amax(tensor({-5, -7})), {}, int64, {-5});
}

TEST(Extrema, OfNothingThrow) {
  EXPECT_NE(message_of<ShapeError>([] {
              amax(zeros({2, 0}), {1});
            }).find("amax: dimension 1 of float32[2, 0] is empty"),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([] { argmax(zeros({0})); }).find("argmax: "), std::string::npos);
  expect_tensor(amax(zeros({2, 0}), {0}), {0}, float32, {});
}

TEST(Extrema, TiesShareTheGradient) {
  Tensor x = tensor({{1.0, 3.0, 3.0}, {2.0, 1.0, 0.0}});
  x.requires_grad_();
  expect_tensor(grad({amax(x, {1})}, {x}, {tensor({1.0, 5.0})})[0], {2, 3}, float32,
                {0, 0.5, 0.5, 5, 0, 0});
}

TEST(Prod, GradientsBesideZeros) {
  Tensor x = tensor({{2.0, 3.0, 4.0}, {2.0, 0.0, 4.0}, {0.0, 0.0, 4.0}});
  x.requires_grad_();
  expect_tensor(prod(x, {1}), {3}, float32, {24, 0, 0});
  expect_tensor(grad({prod(x, {1})}, {x}, {ones({3})})[0], {3, 3}, float32,
                {12, 8, 6, 0, 8, 0, 0, 0, 0});
  expect_tensor(prod(tensor({2, 3}, uint8)), {}, int64, {6});
}

TEST(Norm, HasGradientZeroAtZero) {
  Tensor x = tensor({{3.0, 4.0}, {0.0, 0.0}});
  x.requires_grad_();
  expect_tensor(norm(x, {1}), {2}, float32, {5, 0}, 1e-6);
  expect_tensor(grad({norm(x, {1})}, {x}, {ones({2})})[0], {2, 2}, float32, {0.6, 0.8, 0, 0}, 1e-6);
}

TEST(Logsumexp, DoesNotOverflow) {
  const Tensor x = tensor({{1000.0, 1000.0}, {-kInf, -kInf}, {kInf, 0.0}});
  expect_tensor(logsumexp(x, {1}), {3}, float32, {1000 + std::log(2.0), -kInf, kInf}, 1e-4);
}

TEST(Logic, AnyAndAll) {
  const Tensor x = tensor({{0.0, 1.0}, {2.0, kNan}, {0.0, 0.0}});
  expect_tensor(any(x, {1}), {3}, boolean, {1, 1, 0});
  expect_tensor(all(x, {1}), {3}, boolean, {0, 1, 0});
  expect_tensor(x.any(), {}, boolean, {1});
  expect_tensor(x.all(), {}, boolean, {0});
}

TEST(Reductions, GradientsAgreeWithDifferences) {
  using Reduction = std::function<Tensor(const Tensor&)>;
  const std::pair<const char*, Reduction> all_of_them[] = {
      {"sum",
       [](const Tensor& x) {
         return sum(x, {0, 2});
       }},
      {"mean", [](const Tensor& x) { return mean(x, {1}, true); }},
      {"var",
       [](const Tensor& x) {
         return var(x, {0, 1});
       }},
      {"std", [](const Tensor& x) { return ingot::std(x, {2}, false); }},
      {"prod", [](const Tensor& x) { return prod(x, {2}); }},
      {"amax", [](const Tensor& x) { return amax(x, {1}); }},
      {"amin", [](const Tensor& x) { return amin(x); }},
      {"norm", [](const Tensor& x) { return norm(x, {0}); }},
      {"logsumexp",
       [](const Tensor& x) {
         return logsumexp(x, {0, 2});
       }},
  };
  Tensor x = ingot::sin(arange(0.3, 12, 1, float64)).reshape({2, 3, 2}).clone().detach();
  x.requires_grad_();
  for (const auto& [name, op] : all_of_them) {
    const auto f = [&op = op](const std::vector<Tensor>& in) { return std::vector{op(in[0])}; };
    const GradcheckResult first = gradcheck(f, {x});
    EXPECT_TRUE(first.ok) << name << ": " << first.message;
    const GradcheckResult second = gradgradcheck(f, {x});
    EXPECT_TRUE(second.ok) << name << ", twice: " << second.message;
  }
}

TEST(Errors, Dimensions) {
  const Tensor x = zeros({2, 3});
  EXPECT_NE(message_of<IndexError>([&] { sum(x, {2}); })
                .find("sum: dimension 2 is out of range for a tensor of 2 dimensions\n"
                      "  recorded at "),
            std::string::npos);
  EXPECT_NE(message_of<ValueError>([&] {
              sum(x, {1, -1});
            }).find("sum: dimension 1 is named twice"),
            std::string::npos);
  EXPECT_NE(message_of<DTypeError>([] {
              mean(tensor({1, 2}));
            }).find("mean: needs a floating-point tensor, got int64[2]"),
            std::string::npos);
}

}  // namespace
}  // namespace ingot
