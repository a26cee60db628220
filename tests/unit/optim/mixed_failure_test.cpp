// One optimizer over parameters of several devices: a failure, wherever it is met, is never taken
// for half an update. Either all is as without it, or it is said that parameters are lost.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/memory.h>
#include <ingot/core/stream.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/index.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot::optim {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using V = std::vector<float>;
using Values = std::map<std::string, V>;

struct Place {
  const char* name;
  Device first, second;  // layers
  int failing;           // which twin
};

struct Training {
  bool seeded = (manual_seed(4), true);
  struct Net : nn::Module {
    nn::Linear in{*this, "in", 4, 3};
    nn::Linear out{*this, "out", 3, 2};
    Tensor forward(const Tensor& input) override {
      return out(in(input).tanh().to(out.weight.device()));
    }
  } net;
  Tensor x, y;
  std::unique_ptr<Adam> adam;

  explicit Training(const Place& place) {
    x = randn({5, 4}).to(place.first);
    y = randn({5, 2}).to(place.second);
    net.in.to(place.first);
    net.out.to(place.second);
    adam = std::make_unique<Adam>(net.parameters(), AdamOptions{.lr = 0.1});
    eval({x, y});
    synchronize();
  }
  void step() {
    adam->zero_grad();
    const Tensor d = net(x) - y;
    (d * d).mean().backward();
    adam->step();
  }
  Values values() const {
    Values all;
    for (const auto& [key, t] : net.named_parameters()) all[key] = t.to_vector<float>();
    for (const auto& [key, t] : adam->state_dict())
      all["adam." + key] = t.to(float32).to_vector<float>();
    return all;
  }
};

constexpr int kSteps = 2;

// Repeats what a device failed at: a step that throws has changed nothing.
Values train(Training& t, int& failures) {
  int done = 0;
  while (true) try {
      for (; done < kSteps; ++done) t.step();
      return t.values();
    } catch (const InternalError&) {
      if (++failures > 5) throw;
    }
}

class MixedFailure : public testing::TestWithParam<std::tuple<Place, bool>> {};
INSTANTIATE_TEST_SUITE_P(
    All, MixedFailure,
    testing::Combine(testing::Values(Place{"CpuFirst", Device(), kTwin, 0},
                                     Place{"TwinFirst", kTwin, Device(), 0},
                                     Place{"FirstOfTwins", kTwin, kOtherTwin, 0},
                                     Place{"SecondOfTwins", kTwin, kOtherTwin, 1}),
                     testing::Bool()),
    [](const auto& test) {
      return std::string(std::get<0>(test.param).name) + (std::get<1>(test.param) ? "Async" : "");
    });

TEST_P(MixedFailure, IsNeverHalfAnUpdate) {
  const auto& [place, async] = GetParam();
  TwinOptions options;
  options.async = async;
  const test::TwinScope first(options), second(options, 1);
  const test::TwinScope& failing = place.failing == 0 ? first : second;
  int none = 0;
  Training whole(place);
  const Values expected = train(whole, none);
  ASSERT_EQ(none, 0);
  int recovered = 0, lost = 0;
  for (std::int64_t at = 0;; ++at) {
    ASSERT_LT(at, 300);
    SCOPED_TRACE("failure at " + std::to_string(at));
    Training t(place);
    const StateDict net = t.net.state_dict().snapshot(), adam = t.adam->state_dict();
    TwinOptions o = options;
    o.fail_at = at;
    failing->configure(o);
    int failures = 0;
    try {
      ASSERT_EQ(train(t, failures), expected);
      if (failures == 0) break;
      ++recovered;
    } catch (const DeviceError& e) {
      EXPECT_NE(std::string(e.what()).find("checkpoint"), std::string::npos) << e.what();
      ++lost;
      test::settle_all();
      int told = 0;
      for (const Tensor& p : t.net.parameters()) try {
          p.to_vector<float>();
        } catch (const DeviceError&) {
          ++told;
        }
      EXPECT_GT(told, 0) << "every time, not only once";
      EXPECT_NO_THROW(t.adam->state_dict()) << "which who loads another one may keep";
      t.net.load_state_dict(net);
      t.adam->load_state_dict(adam);
      ASSERT_EQ(train(t, failures), expected) << "from the checkpoint";
    }
  }
  test::settle_all();
  EXPECT_GT(recovered, 5);
  EXPECT_GT(lost, 0);
}

// Another run shuts the gate of one device when the other device has written over its parameter.
TEST(PartialUpdate, AnotherRunBetweenTheWritesIsSaid) {
  const test::TwinScope first, second({}, 1);
  const auto start = [](Device device) {
    Tensor p = ones({4}).to(device).eval();
    p.requires_grad_();
    p.set_grad(ones({4}).to(device).eval());
    return p;
  };
  const Tensor a = start(kTwin), b = start(kOtherTwin), unrelated = ones({2}).to(kTwin).eval();
  SGD sgd({a, b}, {.lr = 0.5});
  synchronize();
  second->hold(true);
  const Tensor bad = index_select(ones({3}).to(kOtherTwin), 0, tensor({7}).to(kOtherTwin)).eval();
  sgd.step();
  first->stream()->wait(first->stream()->submitted());
  second->hold(false);
  EXPECT_THROW(synchronize(), IndexError);
  for (const Tensor& p : {a, b}) {
    const std::string text = message_of<DeviceError>([&, p = p] { p.to_vector<float>(); });
    EXPECT_NE(text.find("checkpoint"), std::string::npos) << text;
    EXPECT_NE(text.find("index_select"), std::string::npos) << text;
  }
  EXPECT_EQ((unrelated + 1).to_vector<float>(), (V{2, 2}));
  test::settle_all();
}

// Two groups on one device, a check that fails behind a failed step, and a device that fails once
// more while what was to be updated is computed anew.
TEST(PartialUpdate, AFailureWhileUpdatesAreTakenBack) {
  TwinOptions options;
  options.max_delay_us = 10;
  const test::TwinScope twin(options);
  int failed_twice = 0, whole = 0;
  for (std::int64_t at = 0; at < 20; ++at)
    for (std::int64_t again = 0; again < 6; ++again) {
      SCOPED_TRACE(std::to_string(at) + ", " + std::to_string(again));
      Tensor a = ones({4}).to(kTwin).eval(), b = ones({3}).to(kTwin).eval();
      a.requires_grad_();
      b.requires_grad_();
      SGD sgd({a}, {.lr = 0.5, .momentum = 0.5});
      sgd.add_param_group({b}, {.lr = 0.25, .momentum = 0.5});
      synchronize();
      int failures = 0, told = 0;
      bool lost = false;
      const auto attempt = [&](const auto& f) {
        try {
          f();
          return true;
        } catch (const InternalError&) {
          TwinOptions o = options;
          o.fail_at = ++failures == 1 ? again : -1;
          twin->configure(o);
        } catch (const IndexError&) {
          ++told;
        } catch (const DeviceError&) {  // it failed between the writes, and says so
          lost = true;
        }
        return false;
      };
      const auto step = [&](std::int64_t index) {
        sgd.zero_grad();
        const Tensor picked = index_select(a, 0, tensor({index}).to(kTwin));
        ((a.sum() + b.sum()) * (picked.sum() * 0 + 1)).backward();  // each gradient needs it
        return attempt([&] { sgd.step(); });
      };
      TwinOptions o = options;
      o.fail_at = at;
      twin->configure(o);
      for (const std::int64_t index : {1, 1, 99, 2}) step(index);
      Values got;
      bool there = false;
      for (int i = 0; !there && i < 6; ++i)
        there = attempt([&] {
          got = {{"a", a.to_vector<float>()}, {"b", b.to_vector<float>()}};
          const StateDict state = sgd.state_dict();
          const bool any = state.contains("state.0.step");
          got["step"] = {any ? state.at("state.0.step").to(float32).item<float>() : 0.0f};
        });
      test::settle_all();
      twin->configure(options);
      if (lost) continue;
      ASSERT_TRUE(there);
      ++whole;
      failed_twice += failures > 1;
      const float steps = got["step"][0];
      V expected{1, 1};  // of that many steps
      float velocity = 0;
      for (int i = 0; i < static_cast<int>(steps); ++i) {
        velocity = 0.5f * velocity + 1;
        expected[0] -= 0.5f * velocity;
        expected[1] -= 0.25f * velocity;
      }
      EXPECT_EQ(got["a"], V(4, expected[0]));
      EXPECT_EQ(got["b"], V(3, expected[1]));
      EXPECT_LE(told, 1);
    }
  EXPECT_GT(failed_twice, 0);
  EXPECT_GT(whole, 60);
}

// However much memory the device has: a module on it takes a state over wholly, or not at all.
TEST(PartialUpdate, LoadingAStateIsAllOrNothing) {
  const test::TwinScope twin;
  nn::Sequential net(nn::Linear(16, 16), nn::Linear(16, 8), nn::Linear(8, 8));
  const StateDict given = net.state_dict().snapshot();
  net.to(kTwin);
  for (Tensor p : net.parameters()) {
    const NoGradGuard no_grad;
    p.fill_(7);
  }
  eval();
  synchronize();
  empty_cache(kTwin);
  const std::size_t used = memory_allocated(kTwin);
  int refused = 0;
  bool loaded = false;
  for (std::size_t more = 0; !loaded && refused < 100; more += 256) {
    TwinOptions options;
    options.memory_nbytes = used + more;
    twin->configure(options);
    try {
      net.load_state_dict(given);
      loaded = true;
    } catch (const OutOfMemoryError&) {
      ++refused;
    }
    twin->configure({});  // what was not copied, could be now
    for (const auto& [key, t] : net.state_dict()) {
      const V want =
          loaded ? given.at(key).to_vector<float>() : V(static_cast<std::size_t>(t.numel()), 7.0f);
      EXPECT_EQ(t.to_vector<float>(), want) << key << " with " << more;
    }
    empty_cache(kTwin);
  }
  EXPECT_TRUE(loaded);
  EXPECT_GT(refused, 2);
}

}  // namespace
}  // namespace ingot::optim
