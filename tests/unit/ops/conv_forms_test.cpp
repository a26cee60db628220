// Sequences, transposed convolutions and "same" padding; values of theirs that are known by hand,
// and what they refuse. Parity with PyTorch is in the op cases.
#include <ingot/ops/conv.h>

#include <ingot/ops/creation.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;

TEST(Conv1d, ByHand) {
  const Tensor x = tensor({{{1., 2., 4., 8.}}}), w = tensor({{{1., -1.}}});
  expect_values(conv1d(x, w), {1, 1, 3}, {-1, -2, -4});
  expect_values(conv1d(x, w, tensor({0.5}), {.stride = 2}), {1, 1, 2}, {-0.5, -3.5});
  expect_values(conv1d(x, w, {}, {.padding = "same"}), {1, 1, 4}, {-1, -2, -4, 8});
  expect_values(conv1d(x, w, {}, {.padding = "valid", .dilation = 2}), {1, 1, 2}, {-3, -6});
  expect_values(conv1d(x.squeeze(0), w), {1, 3}, {-1, -2, -4});
}

TEST(Conv2d, SamePaddingPutsTheOddZerosAtTheEnd) {
  const Tensor x = tensor({{{{1., 2.}, {3., 4.}}}}), w = ones({1, 1, 2, 2});
  expect_values(conv2d(x, w, {}, {.padding = "same"}), {1, 1, 2, 2}, {10, 6, 7, 4});
  expect_values(conv2d(x.squeeze(0), w, {}, {.padding = "same"}), {1, 2, 2}, {10, 6, 7, 4});
}

TEST(ConvTranspose2d, ByHand) {
  const Tensor x = tensor({{{{1., 2.}}}}), w = tensor({{{{1., 10.}, {100., 1000.}}}});
  expect_values(conv_transpose2d(x, w), {1, 1, 2, 3}, {1, 12, 20, 100, 1200, 2000});
  expect_values(conv_transpose2d(x, w, tensor({5.}), {.stride = 2}), {1, 1, 2, 4},
                {6, 15, 7, 25, 105, 1005, 205, 2005});
  expect_values(conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = {0, 1}}), {1, 1, 2, 5},
                {1, 10, 2, 20, 0, 100, 1000, 200, 2000, 0});
  expect_values(conv_transpose1d(tensor({{{1., 2.}}}), tensor({{{1., 10.}}})), {1, 1, 3},
                {1, 12, 20});
}

// <conv2d(y), x> = <y, conv_transpose2d(x)>: one is the other's adjoint, by definition.
TEST(ConvTranspose2d, IsTheAdjointOfConv2d) {
  const Tensor w = waves({4, 3, 3, 2}, 1), y = waves({2, 6, 7, 9}, 2);
  const Conv2dOptions options{.stride = {2, 3}, .padding = 1, .dilation = {1, 2}, .groups = 2};
  const Tensor forward = conv2d(y, w, {}, options);
  const Tensor x = waves(forward.shape(), 3);
  const Tensor back = conv_transpose2d(
      x, w, {},
      {.stride = {2, 3}, .padding = 1, .output_padding = {0, 2}, .groups = 2, .dilation = {1, 2}});
  ASSERT_EQ(back.shape(), y.shape());
  EXPECT_NEAR((forward * x).sum().item(), (y * back).sum().item(), 1e-10);
}

TEST(Conv1d, Errors) {
  const Tensor x = waves({1, 4, 8}, 0), w = waves({6, 4, 3}, 0);
  expect_error<ShapeError>(
      [&] {
        conv1d(waves({1, 1, 4, 8}, 0), w);
      },
      "conv1d: x must be [N, C, L] or [C, L], got [1, 1, 4, 8]");
  expect_error<ShapeError>(
      [&] {
        conv1d(x, waves({6, 4}, 0));
      },
      "conv1d: weight must be [O, C/groups, K], got [6, 4]");
  expect_error<ShapeError>(
      [&] {
        conv1d(x, waves({6, 3, 3}, 0));
      },
      "expects x to have 3 channels, got x[1, 4, 8] (4)");
  expect_error<ShapeError>(
      [&] {
        conv1d(x, waves({6, 4, 11}, 0), {}, {.padding = 1});
      },
      "the kernel reaches over 11 elements (weight[6, 4, 11], dilation 1) but "
      "the padded input has only 10");
  expect_error<ShapeError>([&] { conv1d(x, w, waves({5}, 0)); }, "bias must have shape [6]");
  expect_error<ValueError>([&] { conv1d(x, w, {}, {.stride = 0}); }, "stride must be positive");
  expect_error<ValueError>([&] { conv1d(x, w, {}, {.padding = -1}); },
                           "padding must not be negative");
  expect_error<ValueError>([&] { conv1d(x, w, {}, {.stride = 2, .padding = "same"}); },
                           "padding \"same\" needs stride 1");
  expect_error<ValueError>([&] { conv1d(x, w, {}, {.padding = "full"}); },
                           "padding must be a number, \"same\" or \"valid\", got \"full\"");
  expect_error<ShapeError>([&] { conv1d(x, waves({6, 3, 3}, 0)); }, "conv_forms_test.cpp:");
}

TEST(Conv2d, SamePaddingErrors) {
  const Tensor x = waves({1, 2, 5, 5}, 0), w = waves({2, 2, 3, 3}, 0);
  expect_error<ValueError>(
      [&] {
        conv2d(x, w, {}, {.stride = {1, 2}, .padding = "same"});
      },
      "conv2d: padding \"same\" needs stride 1, got [1, 2]");
  expect_error<ValueError>([&] { conv2d(x, w, {}, {.padding = "reflect"}); }, "got \"reflect\"");
  expect_error<ShapeError>(
      [&] {
        conv2d(x, waves({2, 2, 3}, 0), {}, {.padding = "same"});
      },
      "weight must be [O, C/groups, KH, KW]");
}

TEST(ConvTranspose2d, Errors) {
  const Tensor x = waves({1, 4, 8, 8}, 0), w = waves({4, 3, 3, 3}, 0);
  expect_error<ShapeError>(
      [&] {
        conv_transpose2d(waves({8, 8}, 0), w);
      },
      "conv_transpose2d: x must be [N, C, H, W] or [C, H, W], got [8, 8]");
  expect_error<ShapeError>(
      [&] {
        conv_transpose2d(x, waves({4, 3, 3}, 0));
      },
      "weight must be [C, O/groups, KH, KW], got [4, 3, 3]");
  expect_error<ShapeError>(
      [&] {
        conv_transpose2d(x, waves({3, 4, 3, 3}, 0));
      },
      "weight[3, 4, 3, 3] expects x to have 3 channels, got x[1, 4, 8, 8] (4)");
  expect_error<ShapeError>([&] { conv_transpose2d(x, w, {}, {.groups = 3}); },
                           "4 input channels (weight[4, 3, 3, 3]) cannot be split into 3 groups");
  expect_error<ShapeError>([&] { conv_transpose2d(x, waves({4, 0, 3, 3}, 0)); }, "is empty");
  expect_error<ShapeError>(
      [&] {
        conv_transpose2d(waves({1, 4, 0, 8}, 0), w);
      },
      "only the batch may be empty, got x[1, 4, 0, 8]");
  expect_error<ShapeError>([&] { conv_transpose2d(x, w, {}, {.padding = 5}); },
                           "padding [5, 5] leaves nothing of the output");
  expect_error<ShapeError>(
      [&] { conv_transpose2d(x, w, waves({4}, 0)); },
      "bias must have shape [3] for weight[4, 3, 3, 3] with groups=1, got [4]");
  expect_error<ValueError>([&] { conv_transpose2d(x, w, {}, {.stride = 0}); },
                           "stride must be positive, got [0, 0]");
  expect_error<ValueError>(
      [&] {
        conv_transpose2d(x, w, {}, {.dilation = {1, 0}});
      },
      "dilation must be positive, got [1, 0]");
  expect_error<ValueError>([&] { conv_transpose2d(x, w, {}, {.padding = -1}); },
                           "padding must not be negative");
  expect_error<ValueError>([&] { conv_transpose2d(x, w, {}, {.groups = 0}); },
                           "groups must be positive, got 0");
  expect_error<ValueError>(
      [&] { conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = 2}); },
      "output_padding must be less than stride or dilation, got [2, 2] for stride [2, 2]");
  expect_error<DTypeError>([&] { conv_transpose2d(x.to(int64), w.to(int64)); },
                           "conv_transpose2d: needs a floating-point tensor");
  expect_error<DTypeError>([&] { conv_transpose2d(x, w.to(float32)); },
                           "x is float64, weight is float32");
  expect_error<DTypeError>([&] { conv_transpose2d(x, w, waves({3}, 0, float32)); },
                           "x is float64, bias is float32");
  expect_error<ShapeError>([&] { conv_transpose1d(x, w); },
                           "conv_transpose1d: x must be [N, C, L]");
  expect_error<ShapeError>(
      [&] {
        conv_transpose1d(waves({1, 4, 5}, 0), waves({3, 2, 2}, 0));
      },
      "weight[3, 2, 2] expects x to have 3 channels, got x[1, 4, 5] (4)");
  expect_error<ShapeError>([&] { conv_transpose2d(waves({8, 8}, 0), w); }, "conv_forms_test.cpp:");
}

}  // namespace
}  // namespace ingot
