// Whole work on the host driver: LeNet-5 learns on the embedded MNIST as on the cpu.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/generator.h>
#include <ingot/data/mnist_arrays.h>
#include <ingot/models/models.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/optim/optim.h>

#include "support/host_scope.h"
#include "support/sanitized.h"

namespace ingot {
namespace {

constexpr std::int64_t kBatch = 16;

std::vector<float> losses_of_lenet(Device device, int steps) {
  const data::MnistArrays mnist = data::embedded_mnist(data::Split::Train);
  manual_seed(3);
  const auto net = models::create("lenet5", {.num_classes = 10});
  net->to(device);
  optim::Adam optimizer(net->parameters(), {.lr = 1e-3});
  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    std::vector<float> pixels;
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const std::int64_t image = (step * kBatch + i) % mnist.count;
      labels.push_back(mnist.labels[static_cast<std::size_t>(image)]);
      for (const std::uint8_t pixel : mnist.image(image))
        pixels.push_back(static_cast<float>(pixel) / 255.0f);
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

// Sanitizers make each switch between a kernel's threads many times as long.
constexpr int kSteps = test::kSanitized ? 4 : 50, kEnd = test::kSanitized ? 0 : 10;

TEST(GpuTraining, LeNetLearnsAsOnTheCpu) {
  const std::vector<float> expected = losses_of_lenet({}, kSteps);
  const test::HostScope host;
  plan::set_fallback("silent");
  const std::vector<float> got = losses_of_lenet(test::kHostDriver, kSteps);
  float first = 0, last = 0;
  for (std::size_t i = 0; i < kSteps; ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-4f * std::max(1.0f, expected[i])) << "step " << i;
    if (i < kEnd) first += got[i];
    if (i >= kSteps - kEnd) last += got[i];
  }
  if (kEnd > 0) {
    EXPECT_LT(last, 0.7f * first) << "it does not learn";
  }
}

}  // namespace
}  // namespace ingot
