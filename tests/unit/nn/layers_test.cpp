// Layers against PyTorch (tests/fixtures/nn/layers.json), their initial values, and what their
// constructors refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/random.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

using testing_support::is_near;
using testing_support::read_json;
using testing_support::tensor_of;

std::unique_ptr<nn::Module> make_layer(const std::string& name) {
  if (name == "linear") return std::make_unique<nn::Linear>(4, 3);
  if (name == "linear_without_bias")
    return std::make_unique<nn::Linear>(4, 3, nn::LinearOptions{.bias = false});
  if (name == "conv") return std::make_unique<nn::Conv2d>(2, 3, 3);
  if (name == "conv_options")
    return std::make_unique<nn::Conv2d>(
        4, 6, Pair(3, 2),
        nn::Conv2dOptions{
            .stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2, .bias = false});
  if (name == "batch_norm_2d") return std::make_unique<nn::BatchNorm2d>(3);
  if (name == "batch_norm_2d_average")
    return std::make_unique<nn::BatchNorm2d>(3, nn::BatchNormOptions{.eps = 1e-2, .momentum = {}});
  if (name == "batch_norm_2d_plain")
    return std::make_unique<nn::BatchNorm2d>(
        3, nn::BatchNormOptions{.affine = false, .track_running_stats = false});
  if (name == "batch_norm_1d")
    return std::make_unique<nn::BatchNorm1d>(3, nn::BatchNormOptions{.momentum = 0.3});
  if (name == "max_pool") return std::make_unique<nn::MaxPool2d>(2);
  if (name == "max_pool_options")
    return std::make_unique<nn::MaxPool2d>(
        Pair(3, 2), nn::MaxPool2dOptions{.stride = 2, .padding = 1, .ceil_mode = true});
  if (name == "avg_pool")
    return std::make_unique<nn::AvgPool2d>(
        2, nn::AvgPool2dOptions{.padding = 1, .count_include_pad = false});
  if (name == "adaptive_avg_pool") return std::make_unique<nn::AdaptiveAvgPool2d>(Pair(3, 2));
  if (name == "relu") return std::make_unique<nn::ReLU>();
  if (name == "tanh") return std::make_unique<nn::Tanh>();
  if (name == "sigmoid") return std::make_unique<nn::Sigmoid>();
  if (name == "softmax") return std::make_unique<nn::Softmax>(-1);
  if (name == "flatten") return std::make_unique<nn::Flatten>();
  if (name == "instance_norm_1d_tracked")
    return std::make_unique<nn::InstanceNorm1d>(
        3, nn::InstanceNormOptions{.momentum = 0.3, .track_running_stats = true});
  if (name == "instance_norm_2d_tracked")
    return std::make_unique<nn::InstanceNorm2d>(
        2, nn::InstanceNormOptions{.eps = 1e-3, .affine = true, .track_running_stats = true});
  if (name == "batch_norm_1d_sequence") return std::make_unique<nn::BatchNorm1d>(3);
  return nullptr;
}

TEST(Layers, MatchPyTorch) {
  const auto fixture = read_json("nn/layers.json");
  EXPECT_EQ(fixture.at("cases").size(), 20u);
  for (const auto& c : fixture.at("cases")) {
    const std::string name = c.at("layer");
    for (const auto& [dtype, tolerance] : {std::pair(float64, 1e-12), std::pair(float32, 2e-6)}) {
      SCOPED_TRACE(name + " in " + std::string(ingot::name(dtype)));
      const auto layer = make_layer(name);
      ASSERT_NE(layer, nullptr);
      layer->to(dtype);
      StateDict state;
      for (const auto& [key, value] : c.at("state").items()) state.insert(key, tensor_of(value));
      layer->load_state_dict(state);  // throws unless the keys are PyTorch's
      const Tensor x = tensor_of(c.at("input"), dtype);
      const NoGradGuard no_grad;
      (*layer)(x * 0.5 + 1);
      EXPECT_TRUE(is_near((*layer)(x), c.at("output"), tolerance));
      for (const auto& [key, value] : c.at("state_after").items())
        EXPECT_TRUE(is_near(layer->state_dict().at(key), value, tolerance)) << key;
      layer->eval();
      EXPECT_TRUE(is_near((*layer)(x), c.at("eval_output"), tolerance));
    }
  }
}

TEST(Layers, OptionsOfMembersAreWrittenInBraces) {
  struct Net : nn::Module {
    nn::Conv2d conv{*this, "conv", 1, 8, {3, 1}, {.stride = 2, .bias = false}};
    nn::BatchNorm2d bn{*this, "bn", 8, {.momentum = 0.5}};
    nn::MaxPool2d pool{*this, "pool", 2, {.stride = 1}};
    nn::Linear head{*this, "head", 8, 2, {.bias = false}};
  } net;
  EXPECT_EQ(net.conv.weight.shape(), (Shape{8, 1, 3, 1}));
  EXPECT_EQ(net.parameters().size(), 4u);
}

TEST(Layers, DropoutActsInTrainingOnly) {
  manual_seed(11);
  nn::Dropout dropout(0.25);
  const Tensor x = ones({100, 100});
  const auto values = dropout(x).to_vector<float>();
  const auto zeros_in = std::count(values.begin(), values.end(), 0.f);
  EXPECT_NEAR(static_cast<double>(zeros_in), 2500, 250);
  EXPECT_EQ(std::count(values.begin(), values.end(), 1 / 0.75f), 10000 - zeros_in);
  EXPECT_NE(dropout(x).to_vector<float>(), values) << "every call draws again";
  dropout.eval();
  EXPECT_EQ(dropout(x).to_vector<float>(), std::vector<float>(10000, 1.f));
  dropout.train();
  dropout.set_p(0);
  EXPECT_EQ(dropout(x).to_vector<float>(), std::vector<float>(10000, 1.f));
  EXPECT_THROW(nn::Dropout(1.5), ValueError);
  EXPECT_THROW(dropout.set_p(-0.1), ValueError);
}

TEST(Layers, StochasticDepthActsInTrainingOnly) {
  manual_seed(11);
  nn::StochasticDepth depth(0.25);
  const auto values = depth(ones({4000, 2})).to_vector<float>();
  const auto zeros_in = std::count(values.begin(), values.end(), 0.f);
  EXPECT_NEAR(static_cast<double>(zeros_in), 2000, 300);
  for (std::size_t i = 0; i < values.size(); i += 2) EXPECT_EQ(values[i], values[i + 1]);
  depth.eval();
  EXPECT_EQ(depth(ones({3, 2})).to_vector<float>(), std::vector<float>(6, 1.f));
  EXPECT_EQ(depth.clone()->str(), "StochasticDepth(p=0.25)");
  EXPECT_THROW(nn::StochasticDepth(-1), ValueError);
}

// -- Initial values ---------------------------------------------------------------------------

struct Moments {
  double mean = 0, std = 0, largest = 0;
};

Moments moments(const Tensor& t) {
  Moments m;
  const auto values = t.to_vector<float>();
  for (const float v : values) {
    m.mean += static_cast<double>(v);
    m.largest = std::max(m.largest, std::abs(static_cast<double>(v)));
  }
  m.mean /= static_cast<double>(values.size());
  for (const float v : values) m.std += std::pow(static_cast<double>(v) - m.mean, 2);
  m.std = std::sqrt(m.std / static_cast<double>(values.size()));
  return m;
}

void expect_uniform(const Tensor& t, double bound) {
  const Moments m = moments(t);
  EXPECT_LE(m.largest, bound * (1 + 1e-6));
  EXPECT_GT(m.largest, 0.95 * bound);
  EXPECT_NEAR(m.std, bound / std::sqrt(3.0), 0.05 * bound);
  EXPECT_NEAR(m.mean, 0, 0.05 * bound);
}

void expect_normal(const Tensor& t, double std) {
  const Moments m = moments(t);
  EXPECT_NEAR(m.std, std, 0.05 * std);
  EXPECT_NEAR(m.mean, 0, 0.05 * std);
  EXPECT_GT(m.largest, 2 * std) << "a normal distribution has tails";
}

TEST(Init, DefaultsArePyTorchs) {
  const nn::Linear linear(64, 500);
  expect_uniform(linear.weight, 1 / std::sqrt(64.0));
  expect_uniform(linear.bias, 1 / std::sqrt(64.0));
  const nn::Conv2d conv(8, 500, 3, {.groups = 2});
  expect_uniform(conv.weight, 1 / std::sqrt(4.0 * 9));
  expect_uniform(conv.bias, 1 / std::sqrt(4.0 * 9));
  const nn::BatchNorm2d bn(3);
  EXPECT_EQ(bn.weight.to_vector<float>(), std::vector<float>(3, 1.f));
  EXPECT_EQ(bn.bias.to_vector<float>(), std::vector<float>(3, 0.f));
  EXPECT_EQ(bn.running_var.to_vector<float>(), std::vector<float>(3, 1.f));
  EXPECT_EQ(bn.num_batches_tracked.item<int>(), 0);
}

TEST(Init, DistributionsHaveTheirMoments) {
  namespace init = nn::init;
  Tensor t = zeros({100, 20, 3, 3});
  const double fan_in = 180, fan_out = 900;
  expect_uniform(init::uniform_(t, -2, 2), 2);
  expect_normal(init::normal_(t, 0, 3), 3);
  expect_uniform(init::xavier_uniform_(t), std::sqrt(6 / (fan_in + fan_out)));
  expect_normal(init::xavier_normal_(t, 2), 2 * std::sqrt(2 / (fan_in + fan_out)));
  expect_uniform(init::kaiming_uniform_(t), std::sqrt(6 / fan_in));
  expect_uniform(init::kaiming_uniform_(t, std::sqrt(5.0)), std::sqrt(1 / fan_in));
  expect_normal(init::kaiming_normal_(t, 0, init::FanMode::FanOut, init::Nonlinearity::Relu),
                std::sqrt(2 / fan_out));
  EXPECT_EQ(init::ones_(t).sum().item(), 18000);
  EXPECT_EQ(init::constant_(t, 0.5).sum().item(), 9000);
  EXPECT_EQ(init::zeros_(t).sum().item(), 0);
  EXPECT_DOUBLE_EQ(init::calculate_gain(init::Nonlinearity::Tanh), 5.0 / 3);
  Tensor vector = zeros({3});
  EXPECT_THROW(init::kaiming_normal_(vector), ShapeError);
}

TEST(Init, NewModulesDefaultsArePyTorchs) {
  manual_seed(4);
  const nn::Conv1d conv(8, 500, 3, {.groups = 2});
  expect_uniform(conv.weight, 1 / std::sqrt(4.0 * 3));
  expect_uniform(conv.bias, 1 / std::sqrt(4.0 * 3));
  const nn::ConvTranspose2d transposed(400, 8, 3, {.groups = 2});
  expect_uniform(transposed.weight, 1 / std::sqrt(4.0 * 9));
  const nn::Embedding embedding(100, 50, {.padding_idx = 1});
  expect_normal(embedding.weight, 1);
  EXPECT_EQ(embedding.weight.select(0, 1).abs().sum().item(), 0);
  const nn::MultiheadAttention attention(64, 4);
  expect_uniform(attention.in_proj_weight, std::sqrt(6.0 / (64 + 192)));
  expect_uniform(attention.out_proj.weight, 1 / std::sqrt(64.0));
  EXPECT_EQ(attention.in_proj_bias.abs().sum().item(), 0);
  EXPECT_EQ(attention.out_proj.bias.abs().sum().item(), 0);
  const nn::LSTM lstm(30, 100);
  for (const Tensor& p : lstm.parameters()) expect_uniform(p, 0.1);
  const nn::LayerNorm norm(7);
  EXPECT_EQ(norm.weight.sum().item(), 7);
  EXPECT_EQ(norm.bias.abs().sum().item(), 0);
}

TEST(Init, OrthogonalMatricesAreOrthogonal) {
  for (const Shape& shape : {Shape{5, 5}, Shape{3, 7}, Shape{8, 3}, Shape{4, 2, 3}, Shape{1, 1}}) {
    SCOPED_TRACE(shape.str());
    Tensor t = zeros(shape, {.dtype = float64});
    EXPECT_TRUE(nn::init::orthogonal_(t, 2).is_same(t));
    const std::int64_t rows = shape[0], cols = shape.numel() / rows;
    const Tensor m = t.reshape({rows, cols});
    const Tensor gram = rows <= cols ? m.matmul(m.t()) : m.t().matmul(m);
    const auto values = gram.to_vector<double>();
    const std::int64_t n = std::min(rows, cols);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        EXPECT_NEAR(values[static_cast<std::size_t>(i * n + j)], i == j ? 4 : 0, 1e-12);
  }
  // Uniform over the rotations: no entry has a preferred sign.
  double sum = 0;
  for (int i = 0; i < 200; ++i) {
    Tensor t = zeros({2, 2});
    sum += nn::init::orthogonal_(t).select(0, 0).select(0, 0).item();
  }
  EXPECT_NEAR(sum / 200, 0, 0.2);
  Tensor vector = zeros({3});
  EXPECT_THROW(nn::init::orthogonal_(vector), ShapeError);
}

TEST(Init, StructuredValues) {
  namespace init = nn::init;
  Tensor matrix = zeros({2, 3});
  EXPECT_EQ(init::eye_(matrix).to_vector<float>(), (std::vector<float>{1, 0, 0, 0, 1, 0}));
  Tensor kernel = zeros({4, 3, 3, 3});
  init::dirac_(kernel);
  const Tensor x = rand({1, 3, 5, 5});
  const Tensor y = conv2d(x, kernel, {}, {.padding = 1});
  EXPECT_EQ(y.narrow(1, 0, 3).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(y.select(1, 3).abs().sum().item(), 0);
  Tensor grouped = zeros({4, 2, 3});
  EXPECT_EQ(init::dirac_(grouped, 2).sum().item(), 4);
  EXPECT_THROW(init::dirac_(kernel, 3), ValueError);
  EXPECT_THROW(init::dirac_(matrix), ShapeError);
  EXPECT_THROW(init::eye_(kernel), ShapeError);
  EXPECT_DOUBLE_EQ(init::calculate_gain(init::Nonlinearity::Selu), 0.75);
}

TEST(Init, TruncatedNormal) {
  manual_seed(6);
  Tensor t = zeros({100, 100});
  const Moments m = moments(nn::init::trunc_normal_(t, 0, 2, -2, 2));
  EXPECT_LE(m.largest, 2);
  EXPECT_GT(m.largest, 1.98);
  EXPECT_NEAR(m.mean, 0, 0.05);
  // Within one deviation of 2 on each side the deviation is 2 · 0.5396.
  EXPECT_NEAR(m.std, 2 * 0.5396, 0.02);
  nn::init::trunc_normal_(t, 1, 0.5, -100, 100);
  EXPECT_NEAR(moments(t).mean, 1, 0.02);
  EXPECT_NEAR(moments(t).std, 0.5, 0.02);
  EXPECT_THROW(nn::init::trunc_normal_(t, 0, 1, 2, -2), ValueError);
  EXPECT_THROW(nn::init::trunc_normal_(t, 0, 0), ValueError);
}

TEST(Init, SeedFixesTheWeights) {
  manual_seed(7);
  const nn::Conv2d a(1, 4, 3), b(1, 4, 3);
  manual_seed(7);
  const nn::Conv2d c(1, 4, 3);
  EXPECT_EQ(a.weight.to_vector<float>(), c.weight.to_vector<float>());
  EXPECT_EQ(a.bias.to_vector<float>(), c.bias.to_vector<float>());
  EXPECT_NE(a.weight.to_vector<float>(), b.weight.to_vector<float>());
}

TEST(Init, KeepsParametersLeaves) {
  nn::Linear layer(3, 2);
  nn::init::xavier_normal_(layer.weight);
  EXPECT_TRUE(layer.weight.is_leaf() && layer.weight.requires_grad());
}

// -- Losses -----------------------------------------------------------------------------------

TEST(Losses, AreTheirFunctions) {
  const Tensor logits = tensor({{2.0, 1.0, 0.0}, {0.0, 0.0, 0.0}}), labels = tensor({0, 2});
  const double first = -2 + std::log(std::exp(2.0) + std::exp(1.0) + 1), second = std::log(3.0);
  nn::CrossEntropyLoss plain;
  EXPECT_NEAR(plain(logits, labels).item(), (first + second) / 2, 1e-6);
  nn::CrossEntropyLoss weighted({.weight = tensor({1.0, 1.0, 3.0})});
  EXPECT_NEAR(weighted(logits, labels).item(), (first + 3 * second) / 4, 1e-6);
  EXPECT_TRUE(weighted.state_dict().contains("weight")) << "PyTorch's buffer";
  EXPECT_EQ(plain.state_dict().size(), 0u);
  nn::CrossEntropyLoss sum({.reduction = Reduction::Sum});
  EXPECT_NEAR(sum(logits, labels).item(), first + second, 1e-6);
  nn::MSELoss mse;
  EXPECT_NEAR(mse(tensor({1.0, 2.0}), tensor({3.0, 2.0})).item(), 2, 1e-7);
}

// -- What constructors and calls refuse -------------------------------------------------------

TEST(Layers, ConstructorsRefuseImpossibleSizes) {
  EXPECT_THROW(nn::Linear(0, 1), ValueError);
  EXPECT_THROW(nn::Linear(1, -1), ValueError);
  EXPECT_THROW(nn::Conv2d(0, 1, 1), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 0, 1), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 0), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 1, {.stride = 0}), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 1, {.padding = -1}), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 1, {.dilation = 0}), ValueError);
  EXPECT_THROW(nn::Conv2d(4, 4, 1, {.groups = 3}), ValueError);
  EXPECT_THROW(nn::Conv2d(4, 4, 1, {.groups = 0}), ValueError);
  EXPECT_THROW(nn::BatchNorm2d(0), ValueError);
  EXPECT_THROW(nn::BatchNorm2d(1, {.eps = -1}), ValueError);
  EXPECT_THROW(nn::BatchNorm1d(1, {.momentum = 2}), ValueError);
  EXPECT_THROW(nn::MaxPool2d(0), ValueError);
  EXPECT_THROW(nn::MaxPool2d(2, {.stride = 0}), ValueError);
  EXPECT_THROW(nn::MaxPool2d(2, {.padding = 2}), ValueError);
  EXPECT_THROW(nn::AvgPool2d(3, {.padding = -1}), ValueError);
  EXPECT_THROW(nn::AdaptiveAvgPool2d(0), ValueError);
  try {
    nn::Conv2d(6, 4, 3, {.groups = 4});
    ADD_FAILURE();
  } catch (const ValueError& e) {
    EXPECT_STREQ(e.what(), "Conv2d: groups=4 must divide in_channels=6 and out_channels=4");
  }
}

TEST(Layers, BatchNormRefusesOtherInputs) {
  nn::BatchNorm2d two(3);
  nn::BatchNorm1d one(3);
  EXPECT_THROW(two(zeros({2, 3})), ShapeError);
  EXPECT_THROW(two(zeros({2, 4, 2, 2})), ShapeError);
  EXPECT_THROW(one(zeros({2, 3, 2, 2})), ShapeError);
  EXPECT_THROW(one(zeros({1, 3})), ValueError) << "one value per channel has no variance";
  EXPECT_EQ(two.num_batches_tracked.item<int>(), 0) << "a refused batch is not counted";
  EXPECT_EQ(one.num_batches_tracked.item<int>(), 0) << "a refused batch is not counted";
}

}  // namespace
}  // namespace ingot
