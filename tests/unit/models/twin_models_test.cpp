// Whole models on another device: the same bits as on the cpu, step by step; and on a device that
// is slow and lacks ops.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/generator.h>
#include <ingot/models/models.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/nightly.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kTwin;

struct Outcome {
  std::vector<float> losses;
  std::vector<std::vector<float>> parameters;
  bool operator==(const Outcome&) const = default;
};

// Three steps of Adam on one batch of small images, on the device.
Outcome train(const std::string& name, Device device, bool look_at_losses) {
  manual_seed(7);
  const auto net = models::create(name, {.num_classes = 10});
  const Shape& input = models::info(name).input;
  const std::int64_t side = input[1] < 64 ? input[1] : 64;
  const Tensor images = randn({2, input[0], side, side}).to(device);
  const Tensor labels = from_vector(std::vector<std::int64_t>{3, 8}, {2}).to(device);
  net->to(device);
  optim::Adam optimizer(net->parameters(), {.lr = 1e-3});
  std::vector<Tensor> losses;
  Outcome outcome;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net->forward(images), labels);
    loss.backward();
    optimizer.step();
    losses.push_back(loss.detach());
    if (look_at_losses) losses.back().item<float>();
  }
  for (const Tensor& loss : losses) outcome.losses.push_back(loss.item<float>());
  for (const Tensor& p : net->parameters()) {
    EXPECT_EQ(p.device(), device);
    outcome.parameters.push_back(p.to_vector<float>());
  }
  return outcome;
}

class TwinModels : public testing::TestWithParam<std::string> {};

TEST_P(TwinModels, TrainTheSameBits) {
  const Outcome expected = train(GetParam(), Device{}, false);
  TwinOptions options;
  options.max_delay_us = 5;
  const test::TwinScope twin(options);
  EXPECT_TRUE(train(GetParam(), kTwin, false) == expected);
  EXPECT_TRUE(train(GetParam(), kTwin, true) == expected) << "looking at each loss";
  options.refuse = {"max_pool2d", "batch_norm", "cross_entropy", "avg_pool2d", "relu"};
  plan::set_fallback("silent");
  const test::TwinScope lacking(options);
  plan::set_fallback("silent");
  EXPECT_TRUE(train(GetParam(), kTwin, false) == expected) << "with fallback to the cpu";
  options.unified = true;
  const test::TwinScope unified(options);
  plan::set_fallback("silent");
  EXPECT_TRUE(train(GetParam(), kTwin, false) == expected) << "in one memory, with fallback";
}

// CI has time for two; the target `nightly` trains all there are.
std::vector<std::string> chosen() {
  return test::nightly() ? models::names() : std::vector<std::string>{"resnet18", "squeezenet1_0"};
}
INSTANTIATE_TEST_SUITE_P(Some, TwinModels, testing::ValuesIn(chosen()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace ingot
