#include <ingot/ops/pool.h>

#include <limits>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Numbers without another source are PyTorch 2.13's for the same input.

TEST(MaxPool2d, MatchesPyTorch) {
  const Tensor x = waves({1, 1, 5, 5}, 1);
  const auto check = [&](Pair kernel, const MaxPool2dOptions& o, const Shape& shape,
                         const std::vector<double>& values, const std::vector<double>& places) {
    const auto [y, indices] = max_pool2d_with_indices(x, kernel, o);
    expect_values(y, shape, values, 1e-10);
    expect_values(indices, shape, places);
    EXPECT_EQ(indices.dtype(), int64);
    expect_values(max_pool2d(x.to(float32), kernel, o), shape, values, 1e-6);
  };
  check(3, {.stride = 2, .padding = 1}, {1, 1, 3, 3},
        {1.09391228025, 1.16322852378, 1.29810634899, 1.27316493604, 1.16322852378, 1.23672736042,
         1.27316493604, 0.877250390762, 1.23672736042},
        {0, 8, 4, 15, 8, 19, 15, 23, 19});
  check(2, {.ceil_mode = true}, {1, 1, 3, 3},
        {1.09391228025, 1.16322852378, 1.29810634899, 1.27316493604, 0.724509569573, 1.23672736042,
         -0.556637470345, 0.877250390762, -1.06442351876},
        {0, 8, 4, 15, 12, 19, 20, 23, 24});
  check({3, 2}, {.stride = Pair{2, 3}, .padding = {1, 0}, .dilation = {2, 1}, .ceil_mode = true},
        {1, 1, 2, 2}, {1.27316493604, 1.23672736042, 1.27316493604, 1.23672736042},
        {15, 19, 15, 19});
}

TEST(MaxPool2d, SpecialValues) {
  const Tensor x = from_vector<double>({1, kNan, 2, -kInf, -kInf, 3}, Shape{1, 1, 1, 6});
  expect_values(max_pool2d(x, {1, 2}), {1, 1, 1, 3}, {kNan, 2, 3});
  const Tensor low = from_vector<double>({-kInf, -kInf}, Shape{1, 1, 2});
  const auto [y, place] = max_pool2d_with_indices(low, {1, 2});
  EXPECT_EQ(y.item(), -kInf);
  EXPECT_EQ(place.item<std::int64_t>(), 0);
  expect_values(max_pool2d(tensor({{{1, 5, -3, -2}}}), {1, 2}), {1, 1, 2}, {5, -2});  // integers
}

TEST(MaxPool2d, GradientGoesToTheWinners) {
  Tensor x = tensor({{{1., 3., 2.}, {0., 1., 1.}}});
  x.requires_grad_();
  max_pool2d(x, {1, 2}, {.stride = 1}).sum().backward();
  expect_values(x.grad(), {1, 2, 3}, {0, 2, 0, 0, 2, 0});  // equal elements: the first
}

TEST(Pool2d, Gradients) {
  const auto grads = [](const test::Function& f, const Shape& shape) {
    expect_gradients(f, {waves(shape, 1)});
  };
  using Tensors = std::vector<Tensor>;
  grads(
      [](const Tensors& in) { return Tensors{max_pool2d(in[0], 3, {.stride = 2, .padding = 1})}; },
      {2, 2, 4, 5});
  grads([](const Tensors& in) { return Tensors{max_pool2d(in[0], 2)}; }, {1, 4, 4});
  grads(
      [](const Tensors& in) { return Tensors{avg_pool2d(in[0], 3, {.stride = 2, .padding = 1})}; },
      {2, 2, 4, 5});
  grads(
      [](const Tensors& in) {
        return Tensors{
            avg_pool2d(in[0], 2, {.padding = 1, .ceil_mode = true, .count_include_pad = false})};
      },
      {1, 1, 4, 5});
  for (const Pair size : {Pair{1, 1}, Pair{2, 2}, Pair{3, 2}})
    grads([&](const Tensors& in) { return Tensors{adaptive_avg_pool2d(in[0], size)}; },
          {1, 2, 4, 4});
}

TEST(AvgPool2d, MatchesPyTorch) {
  const Tensor x = waves({1, 1, 5, 5}, 1);
  const auto check = [&](Pair kernel, const AvgPool2dOptions& o, const Shape& shape,
                         const std::vector<double>& values) {
    expect_values(avg_pool2d(x, kernel, o), shape, values, 1e-10);
    expect_values(avg_pool2d(x.to(float32), kernel, o), shape, values, 1e-6);
  };
  check(3, {.stride = 2, .padding = 1}, {1, 1, 3, 3},
        {0.0309865133397, -0.0669206511712, 0.166561740505, -1.72744497432e-05, -0.0121918149776,
         0.0360072374562, -0.0311350520809, -0.0379137647795, 0.143055631122});
  check(2, {.ceil_mode = true}, {1, 1, 3, 3},
        {0.0697196550143, 0.0287628357629, 0.286319198157, 0.342618008612, -0.374832775195,
         0.406050848243, -0.824962742011, 0.857808071795, -1.06442351876});
  check(3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}, {1, 1, 3, 3},
        {0.0697196550143, -0.100380976757, 0.374763916136, -2.59116746148e-05, -0.0121918149776,
         0.0540108561843, -0.070053867182, -0.0568706471693, 0.321875170024});
  check({2, 3}, {.stride = 3, .padding = 1, .ceil_mode = true}, {1, 1, 2, 2},
        {0.274917687426, -0.0292979337705, 0.228412005742, -0.114538234049});
}

TEST(AdaptiveAvgPool2d, MatchesPyTorch) {
  const Tensor x = waves({1, 1, 5, 5}, 1);
  const std::vector<double> expected = {0.046606773202,   -0.007163825464, -0.0148855962598,
                                        -0.0465755749289, 0.0218430609277, -0.0501447603345};
  expect_values(adaptive_avg_pool2d(x, {2, 3}), {1, 1, 2, 3}, expected, 1e-10);
  expect_values(adaptive_avg_pool2d(x.squeeze(0), {2, 3}), {1, 2, 3}, expected, 1e-10);
}

TEST(AdaptiveAvgPool2d, SimpleCasesAreMeans) {
  const Tensor x = tensor({{{{1., 2., 3., 4.}, {5., 6., 7., 8.}}}});
  expect_values(adaptive_avg_pool2d(x, 1), {1, 1, 1, 1}, {4.5});
  expect_values(adaptive_avg_pool2d(x, {1, 2}), {1, 1, 1, 2}, {3.5, 5.5});
  expect_values(adaptive_avg_pool2d(x, {2, 4}), {1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_values(adaptive_avg_pool2d(x, {4, 4}), {1, 1, 4, 4},
                {1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8});
}

TEST(AdaptiveMaxPool2d, ByHand) {
  const Tensor x = tensor({{{{1., 9., 3., 4.}, {5., 6., 7., 8.}}}});
  const auto [y, where] = adaptive_max_pool2d_with_indices(x, {1, 3});
  expect_values(y, {1, 1, 1, 3}, {9, 9, 8});
  expect_values(where, {1, 1, 1, 3}, {1, 1, 7});
  expect_values(adaptive_max_pool2d(x.squeeze(0), 1), {1, 1, 1}, {9});
}

TEST(AvgPool2d, DivisorIsTakenAsItIs) {
  const Tensor x = tensor({{{{1., 2.}, {3., 4.}}}});
  expect_values(avg_pool2d(x, 2, {.divisor_override = 5}), {1, 1, 1, 1}, {2});
  expect_values(avg_pool2d(x, 2, {.padding = 1, .divisor_override = -2}), {1, 1, 2, 2},
                {-0.5, -1, -1.5, -2});
  expect_error<ValueError>([&] { avg_pool2d(x, 2, {.divisor_override = 0}); },
                           "avg_pool2d: divisor_override must not be 0");
}

TEST(Pool2d, Errors) {
  const Tensor x = waves({1, 2, 4, 4}, 1);
  expect_error<ValueError>([&] { max_pool2d(x, 0); },
                           "max_pool2d: kernel_size must be positive, got [0, 0]");
  expect_error<ValueError>([&] { max_pool2d(x, 2, {.stride = 0}); }, "stride must be positive");
  expect_error<ValueError>([&] { max_pool2d(x, 2, {.dilation = 0}); }, "dilation must be positive");
  expect_error<ValueError>([&] { max_pool2d(x, 3, {.padding = 2}); },
                           "padding must be between 0 and half of the kernel's reach, got padding "
                           "[2, 2] for kernel_size [3, 3]");
  expect_error<ValueError>([&] { avg_pool2d(x, 3, {.padding = -1}); }, "avg_pool2d: padding must");
  expect_error<ShapeError>([&] { max_pool2d(x, 5); },
                           "max_pool2d: no window fits: kernel_size [5, 5]");
  expect_error<ShapeError>(
      [&] {
        max_pool2d(waves({4, 4}, 1), 2);
      },
      "x must be [N, C, H, W] or [C, H, W], got [4, 4]");
  expect_error<DTypeError>([&] { avg_pool2d(x.to(int64), 2); }, "needs a floating-point tensor");
  expect_error<DTypeError>([&] { max_pool2d(x.to(boolean), 2); }, "bool images cannot be pooled");
  expect_error<ValueError>(
      [&] {
        adaptive_avg_pool2d(x, {0, 2});
      },
      "adaptive_avg_pool2d: output_size must be positive, got [0, 2]");
  expect_error<ShapeError>(
      [&] {
        adaptive_avg_pool2d(waves({4, 4}, 1), 2);
      },
      "x must be [N, C, H, W] or [C, H, W]");
  expect_error<ValueError>([&] { adaptive_max_pool2d(x, 0); },
                           "adaptive_max_pool2d: output_size must be positive, got [0, 0]");
  expect_error<ShapeError>(
      [&] {
        adaptive_max_pool2d(waves({4, 4}, 1), 2);
      },
      "adaptive_max_pool2d: x must be [N, C, H, W] or [C, H, W]");
  expect_error<DTypeError>([&] { adaptive_max_pool2d(x.to(boolean), 2); },
                           "bool images cannot be pooled");
  expect_error<DTypeError>([&] { adaptive_avg_pool2d(x.to(int64), 2); },
                           "needs a floating-point tensor");
}

}  // namespace
}  // namespace ingot
