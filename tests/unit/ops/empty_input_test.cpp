// Empty batches and empty tensors: what was not seen changes no statistic, and every function gives
// PyTorch's result or says what is missing.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include <ingot/autograd/autograd.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/order.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::values;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(EmptyBatch, BatchNormKeepsItsStatistics) {
  for (const DType t : {float32, float64, float16, bfloat16})
    for (const Shape& shape : {Shape{0, 2}, Shape{0, 2, 5}, Shape{0, 2, 3, 3}, Shape{2, 2, 0, 3}})
      for (const double momentum : {0.1, 1.0}) {
        SCOPED_TRACE(testing::Message() << name(t) << shape.str());
        Tensor mean = tensor({0.5, -1.0}), variance = tensor({2.0, 3.0});
        const DType own = t == float64 ? float64 : float32;
        Tensor x = zeros(shape, {.dtype = t});
        Tensor weight = ones({2}, {.dtype = own}), bias = zeros({2}, {.dtype = own});
        for (Tensor* leaf : {&x, &weight, &bias}) leaf->requires_grad_();
        const Tensor y = batch_norm(x, mean, variance, weight, bias, true, momentum);
        EXPECT_EQ(y.shape(), shape);
        const auto g = grad({y}, {x, weight, bias}, {zeros(shape, {.dtype = t})});
        EXPECT_EQ(g[0].shape(), shape);
        expect_tensor(g[1], {2}, own, {0, 0});
        expect_tensor(g[2], {2}, own, {0, 0});
        expect_tensor(mean, {2}, float32, {0.5, -1});
        expect_tensor(variance, {2}, float32, {2, 3});
      }
}

TEST(EmptyBatch, InstanceNormKeepsItsStatistics) {
  for (const Shape& shape : {Shape{0, 2, 5}, Shape{0, 2, 3, 3}}) {
    Tensor mean = tensor({0.5, -1.0}), variance = tensor({2.0, 3.0});
    EXPECT_EQ(instance_norm(zeros(shape), mean, variance, {}, {}, true).shape(), shape);
    expect_tensor(mean, {2}, float32, {0.5, -1});
    expect_tensor(variance, {2}, float32, {2, 3});
  }
}

TEST(EmptyBatch, LayersKeepTheirStatistics) {
  nn::BatchNorm1d one(1);
  one(zeros({0, 1}));
  expect_tensor(one.running_mean, {1}, float32, {0});
  expect_tensor(one.running_var, {1}, float32, {1});
  nn::BatchNorm2d two(2);
  two(zeros({0, 2, 4, 4}));
  two(randn({3, 2, 4, 4}));
  for (const double v : values(two.running_var)) EXPECT_TRUE(std::isfinite(v));
}

TEST(EmptyBatch, OtherNormsGiveEmptyResultsAndZeroGradients) {
  Tensor weight = ones({3}), bias = zeros({3});
  weight.requires_grad_();
  bias.requires_grad_();
  const Tensor y = layer_norm(zeros({0, 3}), {3}, weight, bias);
  EXPECT_EQ(y.shape(), Shape({0, 3}));
  for (const Tensor& g : grad({y.sum()}, {weight, bias})) expect_tensor(g, {3}, float32, {0, 0, 0});
  EXPECT_EQ(group_norm(zeros({0, 4, 2}), 2).shape(), Shape({0, 4, 2}));
  EXPECT_EQ(group_norm(zeros({2, 4, 0}), 2).shape(), Shape({2, 4, 0}));
}

TEST(EmptyBatch, LossesAreNanInTheMeanAndZeroInTheSum) {
  const Tensor logits = zeros({0, 3}), labels = zeros({0}, {.dtype = int64});
  const auto mean_and_sum = [](const std::function<Tensor(Reduction)>& loss) {
    EXPECT_TRUE(std::isnan(loss(Reduction::Mean).item<float>()));
    EXPECT_EQ(loss(Reduction::Sum).item<float>(), 0);
    EXPECT_EQ(loss(Reduction::None).numel(), 0);
  };
  mean_and_sum([&](Reduction r) { return cross_entropy(logits, labels, {.reduction = r}); });
  mean_and_sum([&](Reduction r) {
    return cross_entropy(logits, labels, {.weight = ones({3}), .reduction = r});
  });
  mean_and_sum([&](Reduction r) { return cross_entropy(logits, zeros({0, 3}), {.reduction = r}); });
  mean_and_sum([&](Reduction r) { return nll_loss(logits, labels, {.reduction = r}); });
  mean_and_sum([&](Reduction r) { return mse_loss(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return l1_loss(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return smooth_l1_loss(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return huber_loss(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return binary_cross_entropy(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return binary_cross_entropy_with_logits(logits, logits, r); });
  mean_and_sum([&](Reduction r) { return kl_div(logits, logits, r); });
}

TEST(EmptyBatch, IgnoredTargetsGiveNoGradient) {
  Tensor x = tensor({{0.0, 1.0}});
  x.requires_grad_();
  const Tensor loss = cross_entropy(x, tensor({-100}));
  EXPECT_TRUE(std::isnan(loss.item<float>()));
  expect_tensor(grad({loss}, {x})[0], {1, 2}, float32, {0, 0});
}

TEST(EmptyBatch, PoolsGiveEmptyImages) {
  Tensor x = zeros({0, 2, 4, 4});
  x.requires_grad_();
  for (const Tensor& y :
       {max_pool2d(x, 2), avg_pool2d(x, 2), adaptive_avg_pool2d(x, 2), adaptive_max_pool2d(x, 2)}) {
    EXPECT_EQ(y.shape(), Shape({0, 2, 2, 2}));
    EXPECT_EQ(grad({y.sum()}, {x})[0].shape(), x.shape());
  }
}

TEST(EmptyTensor, ReductionsAsInPyTorch) {
  const Tensor none = zeros({0});
  expect_tensor(sum(none), {}, float32, {0});
  expect_tensor(prod(none), {}, float32, {1});
  for (const Tensor& t : {mean(none), var(none), ingot::std(none), median(none)})
    expect_tensor(t, {}, float32, {kNan});
  expect_tensor(median(zeros({2, 0}, {.dtype = float64})), {}, float64, {kNan});
  expect_tensor(norm(none), {}, float32, {0});
  expect_tensor(logsumexp(none, {0}), {}, float32, {-kInf});
  EXPECT_THROW(median(none, 0), ShapeError);
  EXPECT_THROW(median(zeros({0}, {.dtype = int64})), ShapeError);
  EXPECT_EQ(median(zeros({0, 2}), 1).values.shape(), Shape({0}));
  EXPECT_THROW(vector_norm(none, kInf), ShapeError);
  EXPECT_THROW(vector_norm(none, -1), ShapeError);
  EXPECT_THROW(max(none), ShapeError);
  EXPECT_THROW(argmax(none), ShapeError);
  EXPECT_THROW(kthvalue(none, 1), ValueError);
  EXPECT_EQ(sort(none).values.numel(), 0);
  EXPECT_EQ(topk(none, 0).values.numel(), 0);
  EXPECT_EQ(cummax(none, 0).values.numel(), 0);
}

TEST(EmptyTensor, IsSplitAsInPyTorch) {
  const auto sizes = [](const std::vector<Tensor>& parts) {
    std::vector<std::int64_t> all;
    for (const Tensor& p : parts) all.push_back(p.size(0));
    return all;
  };
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(sizes(chunk(zeros({0}), 3)), Sizes({0, 0, 0}));
  EXPECT_EQ(sizes(chunk(zeros({0, 2}), 2)), Sizes({0, 0}));
  EXPECT_EQ(sizes(chunk(zeros({5}), 3)), Sizes({2, 2, 1}));
  EXPECT_EQ(sizes(chunk(zeros({3}), INT64_MAX)), Sizes({1, 1, 1}));
  EXPECT_EQ(sizes(split(zeros({0}), 3)), Sizes({0}));
  EXPECT_EQ(sizes(split(zeros({0}), 0)), Sizes({0}));
  EXPECT_EQ(sizes(split(zeros({3}), INT64_MAX)), Sizes({3}));
  EXPECT_THROW(split(zeros({3}), 0), ValueError);
  EXPECT_THROW(chunk(zeros({0}), INT64_MAX), ValueError);
}

// -- Arguments at the end of their range ----------------------------------------------------------

TEST(ExtremeArguments, DiagonalsBeyondTheMatrix) {
  const Tensor x = ones({2, 2});
  const std::vector<double> all{1, 1, 1, 1}, none{0, 0, 0, 0};
  for (const std::int64_t far : {std::int64_t{5}, INT64_MAX - 1, INT64_MAX}) {
    expect_tensor(tril(x, far), {2, 2}, float32, all);
    expect_tensor(triu(x, far), {2, 2}, float32, none);
    expect_tensor(tril(x, -far), {2, 2}, float32, none);
    expect_tensor(triu(x, -far), {2, 2}, float32, all);
  }
  expect_tensor(triu(x, INT64_MIN), {2, 2}, float32, all);
  expect_tensor(tril(x, INT64_MIN), {2, 2}, float32, none);
  expect_tensor(triu(x, 1), {2, 2}, float32, {0, 1, 0, 0});
  expect_tensor(tril(x, -1), {2, 2}, float32, {0, 0, 1, 0});
}

TEST(ExtremeArguments, SlicesAndRolls) {
  const Tensor x = arange(4);
  expect_tensor(slice(x, 0, INT64_MIN, INT64_MAX), {4}, int64, {0, 1, 2, 3});
  expect_tensor(slice(x, 0, 1, {}, INT64_MAX), {1}, int64, {1});
  expect_tensor(slice(x, 0, INT64_MAX), {0}, int64, {});
  EXPECT_THROW(slice(x, 0, 0, {}, INT64_MIN), ValueError);
  EXPECT_THROW(narrow(x, 0, INT64_MIN, 1), IndexError);
  EXPECT_THROW(narrow(x, 0, INT64_MAX, 1), IndexError);
  EXPECT_THROW(narrow(x, 0, 1, INT64_MAX), IndexError);
  EXPECT_THROW(select(x, 0, INT64_MIN), IndexError);
  EXPECT_THROW(select(x, 0, INT64_MAX), IndexError);
  expect_tensor(roll(x, {INT64_MIN}), {4}, int64, {0, 1, 2, 3});
  expect_tensor(roll(x, {INT64_MAX}), {4}, int64, {1, 2, 3, 0});
  EXPECT_THROW(pad(x, {INT64_MIN, 0}), ShapeError);
  EXPECT_THROW(pad(x, {INT64_MAX, 1}), ShapeError);
}

TEST(ExtremeArguments, Ranges) {
  for (const std::function<Tensor()>& absurd : std::vector<std::function<Tensor()>>{
           [] { return arange(0, 1e30); }, [] { return arange(0, 5, 1e-300); },
           [] { return arange(INT64_MIN, INT64_MAX); }, [] { return arange(0, kInf); },
           [] { return arange(kNan, 3); }, [] { return arange(0.0, 3.0, kNan); },
           [] { return arange(0, 5, 0); }, [] { return arange(0, 5, -1); }})
    EXPECT_THROW(absurd(), ValueError);
  EXPECT_THROW(arange(0, std::int64_t{1} << 62), ShapeError);
  EXPECT_THROW(linspace(0, 1, -1), ShapeError);
  EXPECT_THROW(linspace(0, 1, std::int64_t{1} << 62), ShapeError);
  expect_tensor(arange(INT64_MIN, INT64_MAX, INT64_MAX), {3}, int64, {-0x1p63, -1, 0x1p63});
  expect_tensor(arange(INT64_MAX, INT64_MIN, INT64_MIN), {2}, int64, {0x1p63, -1});
  expect_tensor(arange(3, 3), {0}, int64, {});
  for (const double v : values(linspace(kNan, 1, 3))) EXPECT_TRUE(std::isnan(v));
}

// -- NaN where a probability is wanted -------------------------------------------------------------

TEST(NotANumber, IsNoProbability) {
  for (const double p : {kNan, 1.5, -0.1}) {
    EXPECT_THROW(bernoulli({2}, p), ValueError);
    EXPECT_THROW(bernoulli(full({2}, p)).to_vector<float>(), ValueError);
    EXPECT_THROW(bernoulli(full({2}, p, {.dtype = float16})).to(float32).to_vector<float>(),
                 ValueError);
  }
  EXPECT_EQ(values(bernoulli(tensor({0.0, 1.0, 0.0, 1.0}))), std::vector<double>({0, 1, 0, 1}));
}

}  // namespace
}  // namespace ingot
