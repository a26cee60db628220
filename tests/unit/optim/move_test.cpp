// A network that is moved or converted while an optimizer trains it: what the optimizer keeps of
// its parameters follows them, and saved states fit wherever the parameters are.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "backend/backend.h"
#include "support/optimizer_kinds.h"
#include "support/twin_scope.h"

namespace ingot::optim {
namespace {

using test::kTwin;
using Bits = std::vector<std::vector<float>>;
using test::optimizer_kinds;
using Make = test::MakeOptimizer;
using Kind = test::OptimizerKind;

struct Net : nn::Module {
  nn::Linear in{*this, "in", 6, 5};
  nn::BatchNorm1d norm{*this, "norm", 5};
  nn::Linear out{*this, "out", 5, 3};
  Tensor forward(const Tensor& x) override { return out(norm(in(x)).tanh()); }
};

struct Training {
  bool seeded = (manual_seed(4), true);  // before the weights are drawn
  Net net;
  Tensor x = randn({7, 6}), y = randn({7, 3});
  std::unique_ptr<Optimizer> optimizer;

  explicit Training(const Make& make_optimizer) : optimizer(make_optimizer(net.parameters())) {}

  void step() {
    const Tensor any = net.parameters()[0];
    const auto like = [&](const Tensor& t) { return t.to(any.device()).to(any.dtype()); };
    const Tensor d = net(like(x)) - like(y);
    optimizer->zero_grad();
    (d * d).mean().backward();
    optimizer->step();
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) step();
  }
  Bits bits() const {
    Bits all;
    for (const Tensor& p : net.parameters()) all.push_back(p.to_vector<float>());
    for (const Tensor& b : net.buffers()) all.push_back(b.to(float32).to_vector<float>());
    for (const auto& [key, t] : optimizer->state_dict())
      all.push_back(t.to(float32).to_vector<float>());
    return all;
  }
};

TwinOptions slow() {
  TwinOptions o;
  o.max_delay_us = 20;
  return o;
}

class MovedOptimizer : public testing::TestWithParam<Kind> {
 protected:
  Bits never_moved(int steps) const {
    Training t(GetParam().make);
    t.steps(steps);
    return t.bits();
  }
};
INSTANTIATE_TEST_SUITE_P(All, MovedOptimizer, testing::ValuesIn(optimizer_kinds()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(MovedOptimizer, GoesOnWithTheSameBits) {
  const test::TwinScope twin(slow());
  Training t(GetParam().make);
  t.steps(2);
  t.net.to(kTwin);
  t.steps(2);
  for (const auto& [key, tensor] : t.optimizer->state_dict())
    if (tensor.dim() > 0) {
      EXPECT_EQ(tensor.device(), kTwin) << key;
    }
  t.net.to("cpu");
  t.step();
  t.net.to(kTwin).to("cpu").to(kTwin);
  t.steps(2);
  EXPECT_EQ(t.bits(), never_moved(7));
  EXPECT_EQ(t.net.parameters()[0].device(), kTwin);
}

// However much memory the device has: the module goes there wholly, or stays what it was.
TEST(MovedModule, IsWhollyThereOrNotAtAll) {
  const test::TwinScope twin;
  int refused = 0;
  bool moved = false;
  for (std::size_t memory = 0; !moved && refused < 100; memory += 256) {
    manual_seed(4);
    Net net;
    const Tensor x = randn({7, 6});
    net(x).sum().backward();
    const auto all = [&] {
      std::vector<Tensor> list = net.parameters();
      for (const Tensor& p : net.parameters()) list.push_back(p.grad());
      for (const Tensor& b : net.buffers()) list.push_back(b);
      return list;
    };
    Bits before;
    for (const Tensor& t : all()) before.push_back(t.to(float32).to_vector<float>());
    TwinOptions options;
    options.memory_nbytes = memory;
    twin->configure(options);
    try {
      if (refused % 2 == 0)
        net.to(kTwin);
      else
        net.to(kTwin, /*non_blocking=*/true);
      moved = true;
    } catch (const OutOfMemoryError& e) {
      ++refused;
      EXPECT_NE(std::string(e.what()).find("twin:0"), std::string::npos) << e.what();
    }
    Bits after;
    for (const Tensor& t : all()) {
      EXPECT_EQ(t.device(), moved ? kTwin : Device{}) << memory;
      if (!moved) after.push_back(t.to(float32).to_vector<float>());
    }
    if (moved) continue;
    EXPECT_EQ(after, before) << memory;
    // It goes on where it is.
    EXPECT_NO_THROW(net(x).sum().item<float>());
  }
  EXPECT_TRUE(moved);
  EXPECT_GT(refused, 2);
}

TEST(MovedModule, ErrorsNameTheUsersLine) {
  Net net;
  try {
    net.to("cuda");
    FAIL();
  } catch (const DeviceError& e) {
    EXPECT_NE(std::string(e.what()).find("move_test.cpp:"), std::string::npos) << e.what();
  }
}

// The twin with the reference's kernels trains as the reference does.
TEST_P(MovedOptimizer, TrainsOnReferenceKernels) {
  TwinOptions options = slow();
  options.reference = true;
  const test::TwinScope twin(options);
  Training t(GetParam().make);
  t.net.to(kTwin);
  t.steps(2);
  const Bits there = t.bits();
  const BackendOverride reference(reference_backend());
  EXPECT_EQ(there, never_moved(2));
}

// The state is that of the step which computed it: also when it has gone elsewhere meanwhile.
TEST_P(MovedOptimizer, SavesAndLoadsWhereverItIs) {
  const test::TwinScope twin(slow());
  const Bits expected = never_moved(4);
  for (const bool saved_on_twin : {true, false}) {
    Training a(GetParam().make);
    if (saved_on_twin) a.net.to(kTwin);
    a.steps(2);
    const StateDict net = a.net.state_dict().snapshot(), state = a.optimizer->state_dict();
    Training b(GetParam().make);
    b.step();
    if (!saved_on_twin) b.net.to(kTwin);
    b.net.load_state_dict(net);
    b.optimizer->load_state_dict(state);
    b.steps(2);
    EXPECT_EQ(b.bits(), expected) << saved_on_twin;
    // Loaded first, moved then.
    Training c(GetParam().make);
    c.net.load_state_dict(net);
    c.optimizer->load_state_dict(state);
    c.net.to(kTwin);
    c.steps(2);
    EXPECT_EQ(c.bits(), expected) << saved_on_twin;
    // Those that were saved stay what they were.
    a.steps(2);
    EXPECT_EQ(a.bits(), expected) << saved_on_twin;
  }
}

// A failure on the device, whichever step it is that fails, is thrown once and loses nothing. (One
// parameter: a device that fails between the writes over two of them has broken what cannot fail.
// No running statistics, which a forward pass that is repeated counts twice.)
TEST_P(MovedOptimizer, AFailureAtAnyStepLosesNothing) {
  struct Small {
    bool seeded = (manual_seed(4), true);
    nn::Linear net{6, 3, {.bias = false}};
    Tensor x = randn({7, 6}), y = randn({7, 3});
    std::unique_ptr<Optimizer> optimizer;
    explicit Small(const Make& make_optimizer) : optimizer(make_optimizer(net.parameters())) {}
    void step() {
      const Device device = net.parameters()[0].device();
      const Tensor d = net(x.to(device)).tanh() - y.to(device);
      optimizer->zero_grad();
      (d * d).mean().backward();
      optimizer->step();
    }
    std::int64_t done() const {
      return optimizer->state_dict().at("state.0.step").item<std::int64_t>();
    }
    Bits bits() const {
      Bits all{net.parameters()[0].to_vector<float>()};
      for (const auto& [key, t] : optimizer->state_dict())
        all.push_back(t.to(float32).to_vector<float>());
      return all;
    }
  };
  const test::TwinScope twin(slow());
  Small whole(GetParam().make);
  for (int i = 0; i < 3; ++i) whole.step();
  const Bits expected = whole.bits();
  int failures = 0;
  for (std::int64_t at = 0; at < 200; ++at) {
    Small t(GetParam().make);
    t.step();
    TwinOptions failing = slow();
    failing.fail_at = at;
    twin->configure(failing);
    t.net.to(kTwin);
    bool failed = false;
    Bits got;
    // A step that throws leaves the optimizer where it was; one that is found to have failed later
    // is computed anew.
    for (int attempt = 0; got.empty() && attempt < 6; ++attempt) try {
        while (t.done() < 3) t.step();
        got = t.bits();
      } catch (const InternalError&) {
        failed = true;
      }
    EXPECT_EQ(got, expected) << "failure at " << at;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 8);
  EXPECT_LT(failures, 200);
}

TEST_P(MovedOptimizer, FollowsToAnotherDtype) {
  Training t(GetParam().make);
  t.steps(2);
  const StateDict before = t.optimizer->state_dict();
  t.net.to(float64);
  Training same(GetParam().make);  // the same, by way of saving and loading
  same.net.load_state_dict(t.net.state_dict());
  same.net.to(float64);
  same.net.load_state_dict(t.net.state_dict());
  same.optimizer->load_state_dict(before);
  t.steps(2);
  same.steps(2);
  for (const auto& [key, tensor] : t.optimizer->state_dict()) {
    if (tensor.dim() == 0) continue;
    EXPECT_EQ(tensor.dtype(), float64) << key;
    EXPECT_EQ(tensor.to_vector<double>(), same.optimizer->state_dict().at(key).to_vector<double>())
        << key;
  }
  for (std::size_t i = 0; i < t.net.parameters().size(); ++i)
    EXPECT_EQ(t.net.parameters()[i].to_vector<double>(),
              same.net.parameters()[i].to_vector<double>());
  // 16-bit parameters have float32 state, and go back to it.
  t.net.half();
  t.steps(1);
  for (const auto& [key, tensor] : t.optimizer->state_dict())
    if (tensor.dim() > 0) {
      EXPECT_EQ(tensor.dtype(), float32) << key;
    }
}

// Parameters of one group on several devices: each is updated where it is.
TEST_P(MovedOptimizer, PartsMayBeOnSeveralDevices) {
  const test::TwinScope twin(slow());
  const auto one_step = [](Training& t) {
    const Tensor h = t.net.norm(t.net.in(t.x)).tanh();
    const Device there = t.net.out.parameters()[0].device();
    const Tensor d = t.net.out(h.to(there)) - t.y.to(there);
    t.optimizer->zero_grad();
    (d * d).mean().backward();
    t.optimizer->step();
  };
  Training whole(GetParam().make), parted(GetParam().make);
  for (int i = 0; i < 4; ++i) {
    if (i == 1) parted.net.out.to(kTwin);
    one_step(whole);
    one_step(parted);
  }
  EXPECT_EQ(parted.bits(), whole.bits());
  EXPECT_EQ(parted.net.out.parameters()[0].device(), kTwin);
  EXPECT_EQ(parted.net.in.parameters()[0].device(), Device{});
}

}  // namespace
}  // namespace ingot::optim
