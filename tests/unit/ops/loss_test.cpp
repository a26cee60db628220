#include <ingot/ops/loss.h>

#include <limits>

#include <ingot/ops/softmax.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Numbers without another source are PyTorch 2.13's for the same input.

TEST(Softmax, MatchesPyTorch) {
  const Tensor x = waves({2, 3}, 1);
  expect_values(softmax(x, 1), {2, 3},
                {0.594909480865, 0.347265919482, 0.0578245996528, 0.147271085618, 0.683476731806,
                 0.169252182576},
                1e-10);
  expect_values(x.log_softmax(-2), {2, 3},
                {-0.234507513603, -1.13179177212, -1.41702962323, -1.56523104941, -0.389279267435,
                 -0.277643383776},
                1e-10);
}

TEST(Softmax, LargeValuesAndEdges) {
  const Tensor x = tensor({1000., 1001., -1000.}, float32);
  const double p = 1 / (1 + std::exp(1.0));
  expect_values(softmax(x, 0), {3}, {p, 1 - p, 0}, 1e-6);
  expect_values(log_softmax(x, 0), {3}, {std::log(p), std::log(1 - p), -2001 + std::log(1 - p)},
                2e-4);
  expect_values(softmax(tensor(3.), -1), {}, {1});
  expect_values(log_softmax(tensor(3.), 0), {}, {0});
  EXPECT_EQ(softmax(waves({2, 0}, 1), 1).shape(), (Shape{2, 0}));
  EXPECT_EQ(softmax(waves({0, 2}, 1), 1).eval().shape(), (Shape{0, 2}));
  const Tensor half = waves({2, 3}, 1).to(float16);
  EXPECT_EQ(softmax(half, 1).dtype(), float16);
  expect_values(softmax(half, 1), {2, 3}, doubles(softmax(half.to(float64), 1)), 5e-4);
}

TEST(Softmax, GradientsAndErrors) {
  for (const int dim : {0, 1, -1}) {
    expect_gradients(
        [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{softmax(in[0], dim)}; },
        {waves({2, 3}, 1)});
    expect_gradients(
        [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{log_softmax(in[0], dim)}; },
        {waves({2, 3}, 1)});
  }
  expect_error<IndexError>([] { softmax(waves({2, 3}, 1), 2); }, "softmax: ");
  expect_error<DTypeError>(
      [] {
        log_softmax(tensor({1, 2}), 0);
      },
      "log_softmax: needs a floating-point tensor, got int64[2]");
}

struct Reduced {
  Reduction reduction;
  Shape shape;
  std::vector<double> values;
};

TEST(CrossEntropy, MatchesPyTorch) {
  const Tensor x = waves({3, 4}, 1), target = tensor({2, 0, 3});
  for (const auto& [r, shape, values] : std::vector<Reduced>{
           {Reduction::Mean, {}, {1.49303933255}},
           {Reduction::Sum, {}, {4.47911799766}},
           {Reduction::None, {3}, {2.99636695518, 0.555057971303, 0.927693071179}}}) {
    expect_values(cross_entropy(x, target, {.reduction = r}), shape, values, 1e-10);
    expect_values(cross_entropy(x.to(float32), target, {.reduction = r}), shape, values, 1e-5);
    expect_values(cross_entropy(x.to(float16), target, {.reduction = r}), shape, values, 1e-2);
    expect_values(nll_loss(log_softmax(x, 1), target, {.reduction = r}), shape, values, 1e-10);
  }
}

TEST(CrossEntropy, SmoothingAndIgnoredTargets) {
  const Tensor x = waves({3, 4}, 1), target = tensor({2, -100, 3});
  for (const auto& [r, shape, values] :
       std::vector<Reduced>{{Reduction::Mean, {}, {1.94135146583}},
                            {Reduction::Sum, {}, {3.88270293167}},
                            {Reduction::None, {3}, {2.86826838125, 0, 1.01443455042}}})
    expect_values(cross_entropy(x, target, {.reduction = r, .label_smoothing = 0.1}), shape, values,
                  1e-10);
  const Tensor none = cross_entropy(x, tensor({-100, -100, -100}));
  EXPECT_TRUE(std::isnan(none.item()));
  // An ignored target may carry any logits.
  const Tensor odd = tensor({{1., kNan}, {0., 0.}}, float64);
  EXPECT_NEAR(cross_entropy(odd, tensor({-100, 1})).item(), std::log(2.0), 1e-12);
}

TEST(CrossEntropy, ClassWeights) {
  const Tensor x = waves({3, 4}, 1), w = tensor({0.5, 1., 2., 0.25}, float64);
  for (const auto& [r, shape, values] :
       std::vector<Reduced>{{Reduction::Mean, {}, {2.59150172517}},
                            {Reduction::Sum, {}, {5.83087888164}},
                            {Reduction::None, {3}, {5.19559383795, 0, 0.635285043694}}})
    expect_values(
        cross_entropy(x, tensor({2, 1, 3}),
                      {.weight = w, .reduction = r, .ignore_index = 1, .label_smoothing = 0.2}),
        shape, values, 1e-10);
  for (const auto& [r, shape, values] : std::vector<Reduced>{
           {Reduction::Mean, {}, {0.57485485732}},
           {Reduction::Sum, {}, {1.58085085763}},
           {Reduction::None, {3}, {2.47416539211, -0.649053174493, -0.244261359989}}})
    expect_values(nll_loss(x, tensor({2, 0, 3}), {.weight = w, .reduction = r}), shape, values,
                  1e-10);
}

TEST(CrossEntropy, ProbabilityTargets) {
  const Tensor x = waves({3, 4}, 1), w = tensor({0.5, 1., 2., 0.25}, float64);
  const Tensor p = softmax(waves({3, 4}, 5), 1);
  for (const auto& [r, shape, values] :
       std::vector<Reduced>{{Reduction::Mean, {}, {3.14486900847}},
                            {Reduction::Sum, {}, {9.43460702541}},
                            {Reduction::None, {3}, {3.58838959823, 3.12690406375, 2.71931336344}}})
    expect_values(cross_entropy(x, p, {.weight = w, .reduction = r, .label_smoothing = 0.1}), shape,
                  values, 1e-10);
}

TEST(CrossEntropy, FurtherDimensionsAndSingleTargets) {
  Tensor x = waves({2, 3, 2}, 1);
  const Tensor target = tensor({{0, 2}, {1, -7}});
  EXPECT_NEAR(cross_entropy(x, target, {.ignore_index = -7}).item(), 0.787572436243, 1e-10);
  x.requires_grad_();
  cross_entropy(x, target, {.ignore_index = -7, .label_smoothing = 0.3}).backward();
  expect_values(x.grad(), {2, 3, 2},
                {-0.123219452729, 0.135606804983, -0.0193904092683, 0.0431550854693, 0.142609861997,
                 -0.178761890452, -0.009133860964, 0, 0.00991064821033, 0, -0.000776787246334, 0},
                1e-10);
  const Tensor row = waves({3, 4}, 1).select(0, 0);
  expect_values(cross_entropy(row, tensor(2)), {}, {2.99636695518}, 1e-10);
  expect_values(cross_entropy(row, tensor(2), {.reduction = Reduction::None}), {}, {2.99636695518},
                1e-10);
}

TEST(CrossEntropy, Gradients) {
  const Tensor target = tensor({2, 0, 3, -100}), w = tensor({0.5, 1., 2., 0.25}, float64);
  for (const Reduction r : {Reduction::Mean, Reduction::Sum, Reduction::None})
    for (const double smoothing : {0.0, 0.2}) {
      expect_gradients(
          [&](const std::vector<Tensor>& in) {
            return std::vector<Tensor>{
                cross_entropy(in[0], target, {.reduction = r, .label_smoothing = smoothing})};
          },
          {waves({4, 4}, 1)});
      expect_gradients(
          [&](const std::vector<Tensor>& in) {
            return std::vector<Tensor>{cross_entropy(
                in[0], target, {.weight = w, .reduction = r, .label_smoothing = smoothing})};
          },
          {waves({4, 4}, 1)});
    }
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{cross_entropy(in[0], in[1])};
      },
      {waves({2, 3}, 1), waves({2, 3}, 2)});
}

TEST(CrossEntropy, LabelsOutOfRange) {
  const Tensor x = waves({3, 4}, 1);
  expect_error<IndexError>(
      [&] {
        cross_entropy(x, tensor({0, 4, 1})).item();
      },
      "cross_entropy: label 4 at position 1 is out of range for 4 classes");
  expect_error<IndexError>(
      [&] {
        cross_entropy(x, tensor({0, 1, -1})).item();
      },
      "cross_entropy: label -1 at position 2");
  expect_error<IndexError>(
      [&] {
        nll_loss(x, tensor({9, 1, 1})).item();
      },
      "nll_loss: label 9 at position 0");
  expect_error<IndexError>(
      [&] {
        cross_entropy(waves({1, 2, 2}, 1), tensor({{0, 2}})).item();
      },
      "cross_entropy: label 2 at position [0, 1] is out of range for 2 classes");
}

TEST(CrossEntropy, Errors) {
  const Tensor x = waves({8, 10}, 1), target = tensor({1, 2, 3, 4, 5, 6, 7, 8, 9});
  expect_error<ShapeError>([&] { cross_entropy(x, target); },
                           "cross_entropy: logits[8, 10] need a target of shape [8], got [9]");
  expect_error<DTypeError>([&] { cross_entropy(x, target.to(int32)); },
                           "cross_entropy: target must be int64 classes, got int32[9]");
  expect_error<DTypeError>([&] { cross_entropy(x.to(int64), target); },
                           "cross_entropy: needs floating-point logits");
  expect_error<ShapeError>(
      [&] {
        cross_entropy(x, waves({8, 9}, 1));
      },
      "logits[8, 10] need probabilities of the same shape, got [8, 9]");
  expect_error<ValueError>([&] { cross_entropy(x, target, {.label_smoothing = 1.5}); },
                           "label_smoothing must be between 0 and 1, got 1.5");
  const Tensor eight = target.narrow(0, 0, 8);
  expect_error<ShapeError>([&] { cross_entropy(x, eight, {.weight = waves({9}, 1)}); },
                           "weight must have shape [10] for logits[8, 10], got [9]");
  expect_error<DTypeError>([&] { cross_entropy(x, eight, {.weight = waves({10}, 1).to(float32)}); },
                           "weight must be float64 like the logits, got float32");
  expect_error<ShapeError>([&] { cross_entropy(tensor(1.), tensor(0)); }, "got a 0-dim tensor");
  expect_error<ShapeError>([&] { nll_loss(x, target); }, "nll_loss: logits[8, 10] need a target");
}

TEST(BceWithLogits, MatchesPyTorch) {
  const Tensor x = waves({3, 4}, 1) * 30.0, t = waves({3, 4}, 2).sigmoid();
  expect_values(binary_cross_entropy_with_logits(x, t), {}, {9.0049419352}, 1e-9);
  expect_values(binary_cross_entropy_with_logits(x, t, Reduction::Sum), {}, {108.059303222}, 1e-8);
  expect_values(
      binary_cross_entropy_with_logits(x, t, Reduction::None), {3, 4},
      {7.70148870622, 11.0957152325, 9.94759887238, 5.12052158302, 12.4057851525, 0.760252323385,
       14.7266013193, 2.81424339483, 16.2283366028, 4.66216987526, 16.0664007856, 6.53018937451},
      1e-9);
}

TEST(BceWithLogits, GradientAtZeroAndErrors) {
  Tensor x = tensor({0.}, float64);
  x.requires_grad_();
  binary_cross_entropy_with_logits(x, tensor({0.25}, float64)).backward();
  expect_values(x.grad(), {1}, {0.25});
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{binary_cross_entropy_with_logits(in[0], in[1])};
      },
      {waves({2, 3}, 1), waves({2, 3}, 2)});
  expect_error<ShapeError>([] { binary_cross_entropy_with_logits(waves({2}, 1), waves({3}, 1)); },
                           "bce_with_logits: logits[2] and target[3] must have the same shape");
}

TEST(Distances, Errors) {
  const Tensor x = waves({2, 3}, 1), y = waves({2, 3}, 2);
  expect_error<ValueError>([&] { smooth_l1_loss(x, y, Reduction::Mean, -1); },
                           "smooth_l1_loss: beta must not be negative, got -1");
  expect_error<ValueError>([&] { huber_loss(x, y, Reduction::Mean, 0); },
                           "huber_loss: delta must be positive, got 0");
  const Tensor p = x.sigmoid(), q = y.sigmoid();
  expect_error<ShapeError>([&] { binary_cross_entropy(p, q.select(0, 0)); },
                           "bce: input[2, 3] and target[3] must have the same shape");
  expect_error<DTypeError>([&] { binary_cross_entropy(p, q.to(float32)); }, "bce: ");
  expect_error<DTypeError>([&] { huber_loss(tensor({1}), tensor({2})); },
                           "smooth_l1: needs a floating-point tensor");
  expect_error<ShapeError>(
      [&] {
        binary_cross_entropy_with_logits(x.select(0, 0), y.select(0, 0),
                                         BceWithLogitsOptions{.pos_weight = waves({2, 3}, 3)});
      },
      "pos_weight[2, 3] does not broadcast to logits[3]");
  for (const auto f :
       {+[](const Tensor& a, const Tensor& b) { return mse_loss(a, b, Reduction::BatchMean); },
        +[](const Tensor& a, const Tensor& b) {
          return cross_entropy(a, b, {.reduction = Reduction::BatchMean});
        },
        +[](const Tensor& a, const Tensor&) {
          return nll_loss(a, tensor({0, 1}), {.reduction = Reduction::BatchMean});
        }})
    expect_error<ValueError>([&] { f(x, y); }, "only kl_div knows the reduction \"batchmean\"");
  // As in PyTorch, what is no probability is refused: when it is computed.
  expect_error<ValueError>(
      [] {
        binary_cross_entropy(tensor({0.5, 1.5}), tensor({1., 0.})).item();
      },
      "binary_cross_entropy: input 1.5 at position [1] is not between 0 and 1");
  expect_error<ValueError>([] { binary_cross_entropy(tensor({-0.1f}), tensor({0.f})).item(); },
                           "loss_test.cpp:");
  expect_error<ValueError>([] { binary_cross_entropy(tensor({0.5}), tensor({2.})).item(); },
                           "binary_cross_entropy: target 2 at position [0]");
  for (const DType t : {float16, bfloat16, float32, float64})
    expect_error<ValueError>(
        [t] { binary_cross_entropy(tensor({std::nan("")}, t), tensor({1.}, t)).item(); },
        "input nan");
}

TEST(MseAndL1, ByHand) {
  const Tensor x = tensor({1., 2., 4.}), y = tensor({1., 4., 1.});
  expect_values(mse_loss(x, y), {}, {13.0 / 3}, 1e-6);
  expect_values(mse_loss(x, y, Reduction::Sum), {}, {13});
  expect_values(mse_loss(x, y, Reduction::None), {3}, {0, 4, 9});
  expect_values(l1_loss(x, y), {}, {5.0 / 3}, 1e-6);
  expect_values(l1_loss(x, y, Reduction::None), {3}, {0, 2, 3});
  expect_gradients(
      [](const std::vector<Tensor>& in) { return std::vector<Tensor>{mse_loss(in[0], in[1])}; },
      {waves({2, 3}, 1), waves({2, 3}, 2)});
  expect_gradients(
      [](const std::vector<Tensor>& in) { return std::vector<Tensor>{l1_loss(in[0], in[1])}; },
      {waves({2, 3}, 1), waves({2, 3}, 2)});
}

}  // namespace
}  // namespace ingot
