// check_training says before step 0 what a training will do: which operations the device lacks,
// what they cost, and to the byte how much memory the device will need.
#include <ingot/train/check.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/memory.h>
#include <ingot/core/stream.h>
#include <ingot/models/models.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/ops/softmax.h>
#include <ingot/optim/optim.h>

#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot::train {
namespace {

using test::kTwin;
using test::message_of;

template <class O>
TrainingStep model_step(const std::string& name, Device device, std::int64_t batch) {
  const models::ModelInfo& info = models::info(name);
  const std::int64_t side = info.input[0] == 1 ? 28 : 64;
  std::shared_ptr<nn::Module> net = models::create(name);
  net->to(device);
  auto optimizer = std::make_shared<O>(net->parameters());
  const Tensor images = rand({batch, info.input[0], side, side}).eval();
  const Tensor labels = zeros({batch}, {.dtype = int64}).eval();
  const auto run = [=] {
    const Tensor loss = cross_entropy((*net)(images.to(device)), labels.to(device));
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
  };
  return {net, optimizer, run};
}

// What the allocator says of three real steps.
std::size_t measured_peak(Device device, const std::function<TrainingStep(Device)>& make) {
  synchronize();
  empty_cache(device);
  reset_peak_memory_stats(device);
  const std::size_t before = memory_allocated(device);
  {
    const TrainingStep step = make(device);
    for (int i = 0; i < 3; ++i) {
      step.run();
      synchronize();
    }
  }
  return max_memory_allocated(device) - before;
}

template <class O>
void expect_exact_peak(const std::string& name, std::int64_t batch) {
  SCOPED_TRACE(name + " with batches of " + std::to_string(batch));
  const auto make = [&](Device device) { return model_step<O>(name, device, batch); };
  const TrainingCheck check = check_training(kTwin, make);
  EXPECT_EQ(check.error, "");
  EXPECT_TRUE(check.stays_on_device()) << check.str();
  EXPECT_EQ(check.peak_nbytes, measured_peak(kTwin, make)) << check.str();
}

TEST(CheckTraining, KnowsThePeakToTheByte) {
  TwinOptions options;
  options.async = false;
  const test::TwinScope twin(options);
  expect_exact_peak<optim::Adam>("mlp", 8);
  expect_exact_peak<optim::Adam>("lenet5", 32);
  expect_exact_peak<optim::SGD>("lenet5", 7);
  expect_exact_peak<optim::RMSprop>("squeezenet1_1", 2);
  expect_exact_peak<optim::AdamW>("resnet18", 2);
}

TEST(CheckTraining, KnowsThePeakOfABusyDevice) {
  TwinOptions options;
  options.max_delay_us = 20;
  const test::TwinScope twin(options);
  expect_exact_peak<optim::Adam>("lenet5", 16);
}

TEST(CheckTraining, SaysWhatTakesThePlace) {
  const test::TwinScope twin;
  const auto make = [](Device device) { return model_step<optim::Adam>("lenet5", device, 4); };
  const std::size_t before = memory_allocated(kTwin);
  const TrainingCheck check = check_training(kTwin, make);
  const auto net = models::create("lenet5");
  const auto nbytes = static_cast<std::size_t>(net->num_parameters()) * 4;
  EXPECT_EQ(check.parameter_nbytes, nbytes);
  EXPECT_EQ(check.gradient_nbytes, nbytes);
  EXPECT_EQ(check.optimizer_nbytes, 2 * nbytes);
  EXPECT_EQ(check.buffer_nbytes, 0u);
  EXPECT_GT(check.temporary_nbytes, 0u);
  EXPECT_GE(check.peak_nbytes, 4 * nbytes + check.temporary_nbytes);
  // The batch, and nothing else: images, the labels that the loss reads, which the host has
  // checked, and the labels as they are, for the accuracy.
  EXPECT_EQ(check.transferred_nbytes, 4u * 28 * 28 * 4 + 2 * 4 * 8);
  EXPECT_EQ(memory_allocated(kTwin), before) << "it took memory of the device";
}

// More than any machine has: it is planned, not computed.
TEST(CheckTraining, TakesNoMemory) {
  const test::TwinScope twin;
  const std::size_t before = memory_allocated();
  reset_peak_memory_stats();
  const TrainingCheck check = check_training(kTwin, [](Device device) {
    auto net = std::make_shared<nn::Linear>(1 << 20, 1 << 21);
    net->to(device);
    auto sgd = std::make_shared<optim::SGD>(net->parameters());
    const Tensor x = rand({2, 1 << 20}, {.device = device});
    return TrainingStep{net, sgd, [=] {
                          sgd->zero_grad();
                          (*net)(x).sum().backward();
                          sgd->step();
                        }};
  });
  EXPECT_EQ(check.error, "");
  EXPECT_GT(check.peak_nbytes, std::size_t{8} << 40);
  EXPECT_LT(max_memory_allocated() - before, std::size_t{64} << 20);
}

struct Net : nn::Module {
  nn::Linear in{*this, "in", 6, 8};
  nn::Linear out{*this, "out", 8, 3};
  Tensor forward(const Tensor& x) override { return softmax(out(in(x).exp()), -1); }
};

TrainingStep small_step(Device device) {
  auto net = std::make_shared<Net>();
  net->to(device);
  auto sgd = std::make_shared<optim::SGD>(net->parameters());
  const Tensor x = rand({5, 6}, {.device = device}).eval();
  return {net, sgd, [=] {
            sgd->zero_grad();
            (*net)(x).square().sum().backward();
            sgd->step();
          }};
}

const LackingOperation* find(const TrainingCheck& check, const std::string& operation) {
  for (const LackingOperation& o : check.lacking)
    if (o.operation == operation) return &o;
  return nullptr;
}

TEST(CheckTraining, ListsWhatTheDeviceLacksWithItsCost) {
  TwinOptions options;
  options.refuse = {"exp"};
  const test::TwinScope twin(options);
  ::testing::internal::CaptureStderr();
  const TrainingCheck check = check_training(kTwin, small_step);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "nothing has fallen back yet";
  EXPECT_TRUE(check.can_run());
  EXPECT_FALSE(check.stays_on_device());
  const LackingOperation* exp = find(check, "exp");
  ASSERT_NE(exp, nullptr) << check.str();
  EXPECT_EQ(exp->ops, std::vector<std::string>{"exp"});
  EXPECT_EQ(exp->operand, "float32[5, 8]");
  EXPECT_EQ(exp->count, 1);
  EXPECT_EQ(exp->nbytes, 2u * 5 * 8 * 4) << "there and back";
  EXPECT_NE(exp->place.find("check_test.cpp:"), std::string::npos) << exp->place;
  const LackingOperation* softmax = find(check, "softmax");
  ASSERT_NE(softmax, nullptr) << check.str();
  EXPECT_EQ(softmax->ops, std::vector<std::string>{"exp"}) << "of its expansion";
  std::uint64_t sum = 0;
  for (const LackingOperation& o : check.lacking) sum += o.nbytes;
  EXPECT_EQ(check.transferred_nbytes, sum) << check.str();
  for (const char* part : {"exp on float32[5, 8]: falls back to the cpu, 1 times a step, 320 B",
                           "softmax (its exp) on float32[5, 3]"})
    EXPECT_NE(check.str().find(part), std::string::npos) << part << "\n" << check.str();
}

TEST(CheckTraining, SaysWhatIsRefused) {
  TwinOptions options;
  options.refuse = {"exp"};
  const test::TwinScope twin(options);
  plan::set_fallback("error");
  const TrainingCheck check = check_training(kTwin, small_step);
  EXPECT_FALSE(check.can_run());
  ASSERT_NE(find(check, "exp"), nullptr);
  EXPECT_TRUE(find(check, "exp")->refused);
  EXPECT_NE(check.str().find("refused (INGOT_FALLBACK=error)"), std::string::npos) << check.str();
  plan::set_fallback("");
}

// What only the measuring pass needs is told as well.
TEST(CheckTraining, LooksAtWhatComesBetweenSteps) {
  TwinOptions options;
  options.refuse = {"argmax"};
  const test::TwinScope twin(options);
  const TrainingCheck check = check_training(kTwin, [](Device device) {
    TrainingStep step = small_step(device);
    step.measure = [net = step.net, device] {
      const NoGradGuard no_grad;
      (*net)(rand({5, 6}, {.device = device})).argmax(1).eval();
    };
    return step;
  });
  ASSERT_EQ(check.lacking.size(), 1u) << check.str();
  EXPECT_EQ(check.lacking[0].operation, "argmax");
}

TEST(CheckTraining, AStepThatLooksAtValuesSaysSo) {
  const test::TwinScope twin;
  const TrainingCheck check = check_training(kTwin, [](Device device) {
    TrainingStep step = small_step(device);
    step.run = [net = step.net, device] { (*net)(ones({5, 6}, {.device = device})).sum().item(); };
    return step;
  });
  EXPECT_FALSE(check.can_run());
  EXPECT_NE(check.error.find("only planned"), std::string::npos) << check.error;
  EXPECT_NE(check.str().find("the step cannot be planned: "), std::string::npos) << check.str();
}

TEST(CheckTraining, AnErrorOfTheStepIsToldWithItsPlace) {
  const test::TwinScope twin;
  const TrainingCheck check = check_training(kTwin, [](Device device) {
    TrainingStep step = small_step(device);
    step.run = [net = step.net] { (*net)(ones({5, 6})); };  // not on the device
    return step;
  });
  EXPECT_FALSE(check.can_run());
  EXPECT_NE(check.error.find("tensors live on different devices"), std::string::npos);
  EXPECT_NE(check.error.find("check_test.cpp:"), std::string::npos) << check.error;
  EXPECT_THROW(check_training("twin:9", small_step), DeviceError);
}

// What was recorded before stays what it is, and random numbers go on where they were.
TEST(CheckTraining, ChangesNothing) {
  const test::TwinScope twin;
  manual_seed(3);
  const Tensor pending = randn({4}) + 1, there = pending.to(kTwin) * 2;
  const Generator::State before = default_generator().state();
  check_training(kTwin, small_step);
  EXPECT_EQ(default_generator().state(), before);
  EXPECT_FALSE(pending.is_evaluated());
  std::vector<float> doubled = pending.to_vector<float>();
  for (float& v : doubled) v *= 2;
  EXPECT_EQ(there.to_vector<float>(), doubled);
  EXPECT_NE(doubled[0], 0.f);
}

// On the cpu arenas that are there already serve, so the figure is not exact to the byte.
TEST(CheckTraining, KnowsTheCpusPeakWithinAFewPercent) {
  const auto make = [](Device device) { return model_step<optim::Adam>("resnet18", device, 2); };
  const TrainingCheck check = check_training(Device(), make);
  EXPECT_TRUE(check.stays_on_device()) << check.str();
  const auto measured = static_cast<double>(measured_peak(Device(), make));
  EXPECT_NEAR(static_cast<double>(check.peak_nbytes), measured, 0.05 * measured) << check.str();
}

}  // namespace
}  // namespace ingot::train
