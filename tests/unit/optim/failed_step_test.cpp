// Rule 8 for steps on a device: a label out of range is found when the step and others behind it
// have been submitted. Then the training is where it was before that step, whoever finds it.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/stream.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>

#include "support/expect.h"
#include "support/optimizer_kinds.h"
#include "support/twin_scope.h"

namespace ingot::optim {
namespace {

using test::kTwin;
using test::message_of;
using Values = std::map<std::string, std::vector<float>>;

struct Net : nn::Module {
  nn::Linear in{*this, "in", 6, 5};
  nn::BatchNorm1d norm{*this, "norm", 5};
  nn::Linear out{*this, "out", 5, 3};
  Tensor forward(const Tensor& x) override { return out(norm(in(x)).tanh()); }
};

struct Training {
  bool seeded = (manual_seed(4), true);  // before the weights are drawn
  Net net;
  Tensor x = randn({4, 6}).to(kTwin);
  // On the device already, as those of a loader that sends them: nobody can look at them first.
  Tensor good = tensor({0, 1, 2, 1}).to(kTwin), bad = tensor({0, 1, 3, 1}).to(kTwin);
  Tensor loss;
  std::unique_ptr<Optimizer> optimizer;

  explicit Training(const test::MakeOptimizer& make) {
    net.to(kTwin);
    optimizer = make(net.parameters());
    eval({x, good, bad});
    synchronize();
  }

  void step(const Tensor& labels) {
    optimizer->zero_grad();
    loss = cross_entropy(net(x), labels);
    loss.backward();
    optimizer->step();
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) step(good);
  }
  /// Parameters, and all that the optimizer keeps. Not the running statistics: a forward pass
  /// counts, as on the cpu, although its step failed.
  Values values() const {
    Values all;
    for (const auto& [key, t] : net.named_parameters()) all[key] = t.to_vector<float>();
    for (const auto& [key, t] : optimizer->state_dict())
      all["optimizer." + key] = t.to(float32).to_vector<float>();
    return all;
  }
};

enum class Kind { Sync, Async, Unified };
std::string name_of(Kind k) {
  return k == Kind::Sync ? "Sync" : k == Kind::Async ? "Async" : "Unified";
}

class FailedStep : public testing::TestWithParam<std::tuple<test::OptimizerKind, Kind>> {
 protected:
  static Kind kind() { return std::get<1>(GetParam()); }
  static const test::MakeOptimizer& make() { return std::get<0>(GetParam()).make; }
  static TwinOptions options() {
    TwinOptions o;
    o.async = kind() != Kind::Sync;
    o.unified = kind() == Kind::Unified;
    o.max_delay_us = o.async ? 20 : 0;
    return o;
  }
};
INSTANTIATE_TEST_SUITE_P(All, FailedStep,
                         testing::Combine(testing::ValuesIn(test::optimizer_kinds()),
                                          testing::Values(Kind::Sync, Kind::Async, Kind::Unified)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) +
                                  name_of(std::get<1>(test.param));
                         });

TEST_P(FailedStep, LosesNothing) {
  const test::TwinScope twin(options());
  Training whole(make());
  whole.steps(2);
  const Values before = whole.values();
  whole.steps(2);
  const Values after = whole.values();

  using Finder = std::function<void(Training&)>;
  const std::vector<std::pair<const char*, Finder>> finders{
      {"item", [](Training& t) { t.loss.item(); }},
      {"synchronize", [](Training&) { synchronize(); }},
      {"a parameter", [](Training& t) { t.net.out.weight.to_vector<float>(); }},
      {"state_dict", [](Training& t) { t.optimizer->state_dict(); }},
      {"the next step",
       [](Training& t) {
         while (!current_stream(kTwin).query()) std::this_thread::yield();
         t.step(t.good);
       }},
  };
  for (const auto& [who, find] : finders)
    for (const int behind : {0, 3}) {
      // A device that is through with every step before the next one comes lets none get behind.
      if (kind() == Kind::Sync && behind > 0) continue;
      SCOPED_TRACE(std::string(who) + ", steps behind: " + std::to_string(behind));
      Training t(make());
      t.steps(2);
      synchronize();
      if (behind > 0) twin->hold(true);
      t.step(t.bad);
      t.steps(behind);
      if (behind > 0) twin->hold(false);
      const std::string text = message_of<IndexError>([&, find = find] { find(t); });
      EXPECT_NE(text.find("label 3"), std::string::npos) << text;
      EXPECT_NE(text.find("failed_step_test.cpp:"), std::string::npos) << text;
      EXPECT_NO_THROW(synchronize()) << "it is told once";
      EXPECT_EQ(t.values(), before);
      EXPECT_NO_THROW(t.net.state_dict().at("norm.running_mean").to_vector<float>());
      t.steps(2);
      EXPECT_EQ(t.values(), after);
    }
}

// The very first step: there is no state afterwards, as before.
TEST_P(FailedStep, LeavesNoStateBehind) {
  const test::TwinScope twin(options());
  Training t(make());
  const Values before = t.values();
  t.step(t.bad);
  EXPECT_THROW(t.loss.item(), IndexError);
  EXPECT_EQ(t.values(), before);
  t.steps(2);
  Training whole(make());
  whole.steps(2);
  EXPECT_EQ(t.values(), whole.values());
}

// Labels that come from the host are looked at there: step() itself throws, as on the cpu, and
// nothing has been submitted.
TEST_P(FailedStep, LabelsOfTheHostAreLookedAtBefore) {
  const test::TwinScope twin(options());
  Training t(make());
  t.step(tensor({0, 1, 2, 1}).to(kTwin));
  const Values before = t.values();
  const std::string text = message_of<IndexError>([&] { t.step(tensor({0, 1, 3, 1}).to(kTwin)); });
  EXPECT_NE(text.find("label 3 at position 2"), std::string::npos) << text;
  EXPECT_NE(text.find("failed_step_test.cpp:"), std::string::npos) << text;
  EXPECT_EQ(t.values(), before);
  t.step(t.good);
  Training whole(make());
  whole.steps(2);
  EXPECT_EQ(t.values(), whole.values());
}

}  // namespace
}  // namespace ingot::optim
