// Resizing: values known by hand, what it keeps, and what it refuses.
#include <ingot/ops/interpolate.h>

#include <ingot/autograd/autograd.h>
#include <ingot/nn/upsample.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;
using Mode = Interpolation;

TEST(Interpolate, ByHand) {
  const Tensor x = tensor({{{{1., 3.}, {5., 7.}}}});
  expect_values(interpolate(x, {.scale_factor = 2}), {1, 1, 4, 4},
                {1, 1, 3, 3, 1, 1, 3, 3, 5, 5, 7, 7, 5, 5, 7, 7});
  expect_values(interpolate(x, {.size = Pair(1, 4), .mode = Mode::Bilinear}), {1, 1, 1, 4},
                {3, 3.5, 4.5, 5});
  expect_values(interpolate(x, {.size = 3, .mode = Mode::Bilinear, .align_corners = true}),
                {1, 1, 3, 3}, {1, 2, 3, 3, 4, 5, 5, 6, 7});
  const Tensor row = tensor({{{0., 10., 20., 30.}}});
  expect_values(interpolate(row, {.size = 2}), {1, 1, 2}, {0, 20});
  expect_values(interpolate(row, {.size = 2, .mode = Mode::NearestExact}), {1, 1, 2}, {10, 30});
  expect_values(interpolate(row, {.size = 2, .mode = Mode::Linear}), {1, 1, 2}, {5, 25});
  expect_values(interpolate(row, {.scale_factor = 0.75}), {1, 1, 3}, {0, 10, 20});
}

// PyTorch 2.13's results on x[i][j] = r[i] + r[j], and their gradients for weights 0, 1, 2, … .
TEST(Interpolate, ScaleFactorsThatLeadToTheOldSizeOrItsDouble) {
  const std::vector<double> r{0, 10, 40, 20};
  const auto image = [&](std::int64_t n) {
    const Tensor row = from_vector(r).slice(0, 0, n);
    return row.reshape({1, 1, n, 1}) + row.reshape({1, 1, 1, n});
  };
  struct Case {
    std::int64_t size;
    InterpolateOptions options;
    Shape shape;
    std::vector<double> values, gradient;
  };
  const ScaleFactor same{1.1, 1.1};
  const std::vector<double> copy{0, 10, 40, 20, 10, 20, 50, 30, 40, 50, 80, 60, 20, 30, 60, 40};
  const std::vector<double> counted{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Case cases[] = {
      {4, {.scale_factor = same}, {4, 4}, copy, counted},
      {4, {.scale_factor = same, .mode = Mode::Bilinear}, {4, 4}, copy, counted},
      {3,
       {.scale_factor = ScaleFactor{2.0, 1.3}},
       {6, 3},
       {0, 10, 40, 0, 10, 40, 10, 20, 50, 10, 20, 50, 40, 50, 80, 40, 50, 80},
       {3, 5, 7, 15, 17, 19, 27, 29, 31}},
      {3,
       {.scale_factor = ScaleFactor{2.2, 0.7}, .mode = Mode::Bilinear, .align_corners = true},
       {6, 2},
       {0, 40, 4, 44, 8, 48, 16, 56, 28, 68, 40, 80},
       {2.0, 0.0, 3.8, 12.0, 0.0, 14.4, 16.0, 0.0, 17.8}},
      {4,
       {.scale_factor = ScaleFactor{0.7, 0.7}, .mode = Mode::Bilinear, .antialias = true},
       {2, 2},
       {6.923077, 30.498575, 30.498575, 54.074074},
       {0.0, 0.266382, 0.363248, 0.024217, 0.532764, 0.921019, 0.87132, 0.058088, 0.726496,
        1.063628, 0.925926, 0.061728, 0.048433, 0.070909, 0.061728, 0.004115}}};
  for (const Case& c : cases) {
    Tensor x = image(c.size);
    x.requires_grad_();
    const Tensor y = interpolate(x, c.options);
    expect_values(y, {1, 1, c.shape[0], c.shape[1]}, c.values, 1e-5);
    const Tensor weights = arange(y.numel()).to(float64).reshape(y.shape());
    expect_values(grad({y}, {x}, {weights})[0], x.shape(), c.gradient, 1e-5);
  }
  const Tensor sequence = tensor({{{0., 1., 2., 3.}}});
  expect_values(interpolate(sequence, {.scale_factor = 1.1}), {1, 1, 4}, {0, 1, 2, 3});
  expect_values(interpolate(sequence, {.scale_factor = 2.2}), {1, 1, 8}, {0, 0, 1, 1, 2, 2, 3, 3});
  expect_values(interpolate(sequence, {.scale_factor = 1.2, .mode = Mode::Linear}), {1, 1, 4},
                {0, 1, 2, 3});
  expect_values(interpolate(sequence, {.scale_factor = 1.2, .mode = Mode::NearestExact}), {1, 1, 4},
                {0, 1, 2, 2});
  expect_values(interpolate(sequence.unsqueeze(2),
                            {.scale_factor = ScaleFactor{1.2, 1.2}, .mode = Mode::Bicubic}),
                {1, 1, 1, 4}, {-0.0525, 0.6680, 1.5631, 2.5129}, 1e-4);
  nn::Upsample layer({.scale_factor = 1.1});
  expect_values(layer(sequence), {1, 1, 4}, {0, 1, 2, 3});
  // The sizes' own ratio, where that is asked for.
  expect_values(interpolate(sequence, {.scale_factor = 1.3,
                                       .mode = Mode::NearestExact,
                                       .recompute_scale_factor = true}),
                {1, 1, 5}, {0, 1, 2, 2, 3});
}

// PyTorch's CPU has no such results to compare with.
TEST(Interpolate, AntialiasesSixteenBits) {
  for (const DType t : {float16, bfloat16})
    for (const Mode mode : {Mode::Bilinear, Mode::Bicubic}) {
      const InterpolateOptions options{.size = Pair(4, 9), .mode = mode, .antialias = true};
      const Tensor x = waves({2, 3, 9, 7}, 0.3, t);
      const Tensor y = interpolate(x, options);
      EXPECT_EQ(y.dtype(), t);
      const double unit = t == float16 ? 1.0 / 2048 : 1.0 / 256;
      expect_values(y, {2, 3, 4, 9}, doubles(interpolate(x.to(float64), options)), 4 * unit);
    }
}

TEST(Interpolate, ConstantsStayConstant) {
  const Tensor x = full({2, 3, 7, 5}, 0.5, {.dtype = float64});
  for (const Mode mode : {Mode::Nearest, Mode::NearestExact, Mode::Bilinear, Mode::Bicubic})
    for (const Pair size : {Pair(3, 2), Pair(11, 13), Pair(7, 5), Pair(1, 1)})
      for (const bool antialias : {false, true}) {
        if (antialias && (mode == Mode::Nearest || mode == Mode::NearestExact)) continue;
        const Tensor y = interpolate(x, {.size = size, .mode = mode, .antialias = antialias});
        ASSERT_EQ(y.shape(), (Shape{2, 3, size.h, size.w}));
        for (const double v : doubles(y)) ASSERT_NEAR(v, 0.5, 1e-14);
      }
}

TEST(Interpolate, SizeOfItsOwnIsTheIdentity) {
  const Tensor x = waves({1, 2, 4, 6}, 1);
  for (const Mode mode : {Mode::Nearest, Mode::NearestExact, Mode::Bilinear, Mode::Bicubic})
    expect_values(interpolate(x, {.size = Pair(4, 6), .mode = mode}), x.shape(), doubles(x), 1e-14);
}

TEST(Interpolate, Errors) {
  const Tensor x = waves({1, 2, 4, 4}, 0), row = waves({1, 2, 4}, 0);
  expect_error<ShapeError>(
      [&] {
        interpolate(waves({4, 4}, 0), {.size = 2});
      },
      "interpolate: x must be [N, C, H, W] or [N, C, L], got [4, 4]");
  expect_error<ShapeError>(
      [&] {
        interpolate(waves({1, 2, 0, 4}, 0), {.size = 2});
      },
      "only the batch may be empty, got x[1, 2, 0, 4]");
  expect_error<ValueError>([&] { interpolate(x, {}); },
                           "exactly one of size and scale_factor must be given");
  expect_error<ValueError>([&] { interpolate(x, {.size = 2, .scale_factor = 2}); },
                           "exactly one of size and scale_factor must be given");
  expect_error<ValueError>([&] { interpolate(x, {.size = 0}); },
                           "the output would have size [0, 0]; both must be positive");
  expect_error<ValueError>([&] { interpolate(x, {.scale_factor = 0.1}); },
                           "the output would have size [0, 0]");
  expect_error<ValueError>([&] { interpolate(x, {.scale_factor = -1}); },
                           "scale_factor must be positive, got [-1, -1]");
  expect_error<ValueError>([&] { interpolate(x, {.scale_factor = 1e300}); }, "is too large");
  expect_error<ValueError>([&] { interpolate(x, {.size = 2, .mode = Mode::Linear}); },
                           "mode Linear is for sequences");
  expect_error<ValueError>([&] { interpolate(row, {.size = 2, .mode = Mode::Bilinear}); },
                           "are for images");
  expect_error<ValueError>([&] { interpolate(x, {.size = 2, .align_corners = true}); },
                           "align_corners has no meaning for the nearest modes");
  expect_error<ValueError>([&] { interpolate(x, {.size = 2, .antialias = true}); },
                           "antialias needs mode Bilinear or Bicubic");
  expect_error<DTypeError>(
      [&] { interpolate(x.to(uint8), {.size = 2, .mode = Mode::Bilinear}); },
      "needs a floating-point tensor unless the mode is Nearest, got uint8[1, 2, 4, 4]");
  expect_error<DTypeError>([&] { interpolate(x.to(int64), {.size = 2}); },
                           "needs a floating-point or uint8 tensor");
  expect_error<ValueError>([&] { interpolate(x, {}); }, "interpolate_test.cpp:");
}

}  // namespace
}  // namespace ingot
