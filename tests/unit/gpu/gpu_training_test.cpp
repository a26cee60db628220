// Whole work on the host driver, as on the cpu and without falling back: LeNet-5 learns on the
// embedded MNIST, a ResNet and a transformer make some steps; the target `nightly` takes more
// models. And what a step costs: kernels launched, kernels compiled.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/generator.h>
#include <ingot/data/mnist_arrays.h>
#include <ingot/models/models.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/host_scope.h"
#include "support/nightly.h"
#include "support/sanitized.h"

namespace ingot {
namespace {

using test::HostScope;
using test::kHostDriver;

constexpr std::int64_t kBatch = 16;

std::vector<float> losses_of_lenet(Device device, int steps) {
  const data::MnistArrays mnist = data::embedded_mnist(data::Split::Train);
  manual_seed(3);
  const auto net = models::create("lenet5", {.num_classes = 10});
  net->to(device);
  optim::SGD optimizer(net->parameters(), {.lr = 0.02, .momentum = 0.9});
  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    std::vector<float> pixels;
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const std::int64_t image = (step * kBatch + i) % mnist.count;
      labels.push_back(mnist.labels[static_cast<std::size_t>(image)]);
      for (const std::uint8_t pixel : mnist.image(image))
        pixels.push_back((static_cast<float>(pixel) / 255.0f - 0.1307f) / 0.3081f);
    }
    const Tensor x = from_vector(pixels, {kBatch, 1, 28, 28}).to(device);
    const Tensor y = from_vector(labels, {kBatch}).to(device);
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net->forward(x), y);
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<float>());
  }
  return losses;
}

void expect_same_losses(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-4f * std::max(1.0f, expected[i])) << "step " << i;
}

// Sanitizers make each switch between a kernel's threads many times as long.
const int kSteps = test::kSanitized ? 4 : test::nightly() ? 200 : 60;
const int kEnd = test::kSanitized ? 0 : 20;

TEST(GpuTraining, LeNetLearnsAsOnTheCpu) {
  const std::vector<float> expected = losses_of_lenet({}, kSteps);
  const HostScope host;
  plan::set_fallback("error");
  const std::vector<float> got = losses_of_lenet(kHostDriver, kSteps);
  expect_same_losses(got, expected);
  float first = 0, last = 0;
  for (std::size_t i = 0; i < kEnd; ++i) {
    first += got[i];
    last += got[got.size() - 1 - i];
  }
  if (kEnd > 0) {
    EXPECT_LT(last, (test::nightly() ? 0.3f : 0.75f) * first) << "it does not learn";
  }
}

// Losses of steps on random images.
std::vector<float> losses_of_model(const std::string& model, std::int64_t size, int steps,
                                   Device device, std::int64_t batch = 2) {
  manual_seed(5);
  const auto net = models::create(model, {.num_classes = 10});
  const Tensor x = randn({batch, 3, size, size});
  const Tensor y = randint(0, 10, {batch}, {.dtype = int64});
  net->to(device);
  optim::SGD optimizer(net->parameters(), {.lr = 1e-3, .momentum = 0.9});
  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net->forward(x.to(device)), y.to(device));
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<float>());
  }
  return losses;
}

TEST(GpuTraining, ResNet18MakesTheCpusSteps) {
  // Smaller images leave two values a channel at the end, whose norm rounding decides.
  if (test::kSanitized) GTEST_SKIP() << "a matter of many minutes; LeNet and a transformer are run";
  constexpr std::int64_t size = 64;
  constexpr int steps = 3;
  const std::vector<float> expected = losses_of_model("resnet18", size, steps, {});
  const HostScope host;
  plan::set_fallback("error");
  expect_same_losses(losses_of_model("resnet18", size, steps, kHostDriver), expected);
}

TEST(GpuTraining, EveryModelMakesTheCpusSteps) {
  if (!test::nightly()) GTEST_SKIP() << "a matter of many minutes: the target nightly runs it";
  for (const char* model : {"alexnet", "vgg16", "resnet18", "squeezenet1_1", "mobilenet_v2"}) {
    SCOPED_TRACE(model);
    const std::vector<float> expected = losses_of_model(model, 64, 20, {});
    const HostScope host;
    plan::set_fallback("error");
    expect_same_losses(losses_of_model(model, 64, 20, kHostDriver), expected);
  }
}

std::vector<float> losses_of_transformer(Device device, std::int64_t batch, int steps) {
  constexpr std::int64_t kWords = 50, kWidth = 32, kLength = 12;
  manual_seed(9);
  nn::Embedding embedding(kWords, kWidth);
  nn::TransformerEncoderLayer layer(kWidth, 4,
                                    {.dim_feedforward = 64, .dropout = 0.1, .batch_first = true});
  nn::Linear head(kWidth, kWords);
  const Tensor words = randint(0, kWords, {batch, kLength}, {.dtype = int64});
  std::vector<Tensor> parameters;
  for (nn::Module* m : std::initializer_list<nn::Module*>{&embedding, &layer, &head}) {
    m->to(device);
    for (const Tensor& p : m->parameters()) parameters.push_back(p);
  }
  optim::AdamW optimizer(parameters, {.lr = 1e-3});
  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    const Tensor on = words.to(device);
    optimizer.zero_grad();
    const Tensor scores = head(layer(embedding(on)));
    const Tensor loss =
        cross_entropy(scores.reshape({batch * kLength, kWords}), on.reshape({batch * kLength}));
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<float>());
  }
  return losses;
}

TEST(GpuTraining, ATransformerMakesTheCpusSteps) {
  const int steps = test::kSanitized ? 1 : 4;
  const std::vector<float> expected = losses_of_transformer({}, 3, steps);
  const HostScope host;
  plan::set_fallback("error");
  expect_same_losses(losses_of_transformer(kHostDriver, 3, steps), expected);
}

// -- What it costs --------------------------------------------------------------------------------

gpu::HostDriver::Counts counted(const HostScope& host, const std::function<void()>& work) {
  const gpu::HostDriver::Counts before = host.driver().counts();
  work();
  const gpu::HostDriver::Counts after = host.driver().counts();
  return {after.compiled - before.compiled, after.from_disk - before.from_disk,
          after.launched - before.launched};
}

TEST(GpuCosts, AnotherBatchCompilesNothing) {
  const HostScope host;
  const auto new_pipelines = [&](const std::function<void()>& work) {
    const gpu::HostDriver::Counts n = counted(host, work);
    return n.compiled + n.from_disk;
  };
  const auto step = [](std::int64_t batch) {
    return [batch] { losses_of_transformer(kHostDriver, batch, 1); };
  };
  EXPECT_GT(new_pipelines(step(6)), 10u);
  for (const std::int64_t batch : {7, 11, 20}) EXPECT_EQ(new_pipelines(step(batch)), 0u) << batch;
}

// Prints what docs/gpu.md says.
TEST(GpuCosts, KernelsOfAStep) {
  if (!test::nightly()) GTEST_SKIP() << "figures: the target nightly makes them";
  using Clock = std::chrono::steady_clock;
  for (const char* model :
       {"lenet5", "alexnet", "vgg16", "resnet18", "squeezenet1_1", "mobilenet_v2"}) {
    const bool is_lenet = std::string(model) == "lenet5";
    const auto steps = [&](int n) {
      return is_lenet ? losses_of_lenet(kHostDriver, n)
                      : losses_of_model(model, 64, n, kHostDriver);
    };
    const HostScope host;
    std::uint64_t one = 0, two = 0;
    const Clock::time_point start = Clock::now();
    const gpu::HostDriver::Counts first = counted(host, [&] { steps(1); });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    one = first.launched;
    two = counted(host, [&] { steps(2); }).launched;
    EXPECT_GT(two, one);
    std::cout << model << ": " << two - one
              << " launches a step; the first step: " << first.compiled << " compiled, "
              << first.from_disk << " from the cache, " << seconds << " s\n";
  }
}

}  // namespace
}  // namespace ingot
