#include <ingot/ops/conv.h>

#include "core/op_def.h"
#include "core/record.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

// The definition as a scatter: every (input element, kernel element) pair adds to the one output it
// reaches. The library's loop gathers, so a mistake in the index arithmetic cannot be in both.
std::vector<double> scattered_conv(const Tensor& x, const Tensor& w, const Conv2dOptions& o,
                                   Shape& out) {
  const Shape &sx = x.shape(), &sw = w.shape();
  const std::int64_t oh =
      (sx[2] + 2 * o.padding.h - o.dilation.h * (sw[2] - 1) - 1) / o.stride.h + 1;
  const std::int64_t ow =
      (sx[3] + 2 * o.padding.w - o.dilation.w * (sw[3] - 1) - 1) / o.stride.w + 1;
  out = {sx[0], sw[0], oh, ow};
  const std::vector<double> vx = doubles(x), vw = doubles(w);
  std::vector<double> y(static_cast<std::size_t>(out.numel()), 0);
  for (std::int64_t n = 0; n < sx[0]; ++n)
    for (std::int64_t c = 0; c < sx[1]; ++c)
      for (std::int64_t h = 0; h < sx[2]; ++h)
        for (std::int64_t v = 0; v < sx[3]; ++v)
          for (std::int64_t m = 0; m < sw[0]; ++m) {
            if (m / (sw[0] / o.groups) != c / sw[1]) continue;
            for (std::int64_t a = 0; a < sw[2]; ++a)
              for (std::int64_t b = 0; b < sw[3]; ++b) {
                const std::int64_t ph = h + o.padding.h - a * o.dilation.h;
                const std::int64_t pw = v + o.padding.w - b * o.dilation.w;
                if (ph < 0 || pw < 0 || ph % o.stride.h || pw % o.stride.w) continue;
                if (ph / o.stride.h >= oh || pw / o.stride.w >= ow) continue;
                y[static_cast<std::size_t>(((n * sw[0] + m) * oh + ph / o.stride.h) * ow +
                                           pw / o.stride.w)] +=
                    vx[static_cast<std::size_t>(((n * sx[1] + c) * sx[2] + h) * sx[3] + v)] *
                    vw[static_cast<std::size_t>(((m * sw[1] + c % sw[1]) * sw[2] + a) * sw[3] + b)];
              }
          }
  return y;
}

TEST(Conv2d, ByHand) {
  const Tensor x = tensor({{{{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}}}});
  const Tensor w = tensor({{{{1., 0.}, {0., -1.}}}});
  expect_values(conv2d(x, w), {1, 1, 2, 2}, {-4, -4, -4, -4});
  expect_values(conv2d(x, w, tensor({10.})), {1, 1, 2, 2}, {6, 6, 6, 6});
  expect_values(conv2d(x.squeeze(0), w), {1, 2, 2}, {-4, -4, -4, -4});
  expect_values(conv2d(x, w, {}, {.stride = 2, .padding = 1}), {1, 1, 2, 2}, {-1, -3, -7, -4});
}

struct ConvCase {
  Shape x, w;
  Conv2dOptions options;
};

std::vector<ConvCase> conv_cases() {
  return {{{2, 3, 5, 6}, {4, 3, 3, 3}, {}},
          {{1, 2, 5, 5}, {2, 2, 3, 2}, {.stride = 2, .padding = {1, 0}}},
          {{1, 4, 6, 5}, {6, 2, 2, 3}, {.stride = {1, 2}, .padding = 2, .groups = 2}},
          {{2, 3, 7, 7}, {3, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 3}},
          {{1, 1, 7, 8}, {2, 1, 3, 3}, {.padding = 2, .dilation = {2, 3}}},
          {{1, 3, 4, 4}, {5, 3, 1, 1}, {.stride = 3}},
          {{0, 2, 4, 4}, {3, 2, 3, 3}, {.padding = 1}}};
}

TEST(Conv2d, MatchesTheDefinition) {
  for (const ConvCase& c : conv_cases()) {
    SCOPED_TRACE(c.x.str() + " * " + c.w.str());
    const Tensor x = waves(c.x, 1), w = waves(c.w, 2);
    Shape shape;
    const std::vector<double> expected = scattered_conv(x, w, c.options, shape);
    expect_values(conv2d(x, w, {}, c.options), shape, expected, 1e-12);
    expect_values(conv2d(x.to(float32), w.to(float32), {}, c.options), shape, expected, 1e-4);
    // A transposed input is read through its strides.
    const Tensor xt = waves({c.x[0], c.x[1], c.x[3], c.x[2]}, 1).transpose(2, 3);
    const std::vector<double> other = scattered_conv(xt, w, c.options, shape);
    expect_values(conv2d(xt, w, {}, c.options), shape, other, 1e-12);
  }
}

TEST(Conv2d, Gradients) {
  for (const ConvCase& c : conv_cases()) {
    if (c.x.numel() == 0 || c.x.numel() > 160) continue;
    SCOPED_TRACE(c.x.str() + " * " + c.w.str());
    expect_gradients(
        [&](const std::vector<Tensor>& in) {
          return std::vector<Tensor>{conv2d(in[0], in[1], in[2], c.options)};
        },
        {waves(c.x, 1), waves(c.w, 2), waves({c.w[0]}, 3)});
  }
}

TEST(Conv2d, Errors) {
  const auto image = [](const Shape& s, DType t = float32) { return waves(s, 0).to(t); };
  const Tensor x = image({1, 4, 8, 8}), w = image({6, 3, 3, 3});
  expect_error<ShapeError>([&] { conv2d(x, w); },
                           "conv2d: weight[6, 3, 3, 3] with groups=1 expects x to have 3 channels, "
                           "got x[1, 4, 8, 8] (4)");
  expect_error<ShapeError>(
      [&] {
        conv2d(image({8, 8}), w);
      },
      "x must be [N, C, H, W] or [C, H, W], got [8, 8]");
  expect_error<ShapeError>(
      [&] {
        conv2d(x, image({6, 4, 3}));
      },
      "weight must be [O, C/groups, KH, KW], got [6, 4, 3]");
  expect_error<ShapeError>(
      [&] {
        conv2d(x, image({6, 4, 9, 3}));
      },
      "the kernel reaches over 9 elements (weight[6, 4, 9, 3], dilation "
      "[1, 1]) but the padded input has only 8");
  expect_error<ShapeError>(
      [&] {
        conv2d(x, image({5, 2, 3, 3}), {}, {.groups = 2});
      },
      "5 output channels (weight[5, 2, 3, 3]) cannot be split into 2 groups");
  expect_error<ShapeError>(
      [&] {
        conv2d(x, image({6, 4, 3, 3}), image({5}));
      },
      "bias must have shape [6] for weight[6, 4, 3, 3], got [5]");
  const Tensor good = image({6, 4, 3, 3});
  expect_error<ValueError>([&] { conv2d(x, good, {}, {.stride = 0}); },
                           "conv2d: stride must be positive, got [0, 0]");
  expect_error<ValueError>([&] { conv2d(x, good, {}, {.padding = -1}); },
                           "padding must not be negative");
  expect_error<ValueError>([&] { conv2d(x, good, {}, {.dilation = 0}); },
                           "dilation must be positive");
  expect_error<ValueError>([&] { conv2d(x, good, {}, {.groups = 0}); },
                           "groups must be positive, got 0");
  expect_error<DTypeError>([&] { conv2d(x.to(int64), good.to(int64)); },
                           "conv2d: needs a floating-point tensor");
  expect_error<DTypeError>([&] { conv2d(x, good.to(float64)); }, "different dtypes");
  // The place of the call, also through the unbatched form.
  expect_error<ShapeError>([&] { conv2d(image({4, 8, 8}), w); }, "conv_test.cpp:");
}

}  // namespace
}  // namespace ingot
