// A device that is gone for good: its tensors throw, everything else goes on, nothing hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/core/stream.h>
#include <ingot/io/safetensors.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>

#include "core/record.h"
#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using test::settle_all;
using test::TwinScope;
using V = std::vector<float>;

TwinOptions lost_at(std::int64_t step, bool async = true) {
  TwinOptions o;
  o.async = async;
  o.max_delay_us = async ? 30 : 0;
  o.lose_at = step;
  return o;
}

// Whatever is done with a tensor of the lost device throws, with the place where it was found.
void expect_lost(const Tensor& t, const std::string& place) {
  const auto says = [&](const std::string& text) {
    EXPECT_NE(text.find("twin:0 is lost"), std::string::npos) << text;
    EXPECT_NE(text.find(place), std::string::npos) << text;
  };
  says(message_of<DeviceLostError>([&] { t.to_vector<float>(); }));
  says(message_of<DeviceLostError>([&] { (t * 2).eval(); }));
  says(message_of<DeviceLostError>([&] { static_cast<void>(t.cpu().to_vector<float>()); }));
  says(message_of<DeviceLostError>([&] { static_cast<void>(t.str()); }));
}

class TwinLost : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(SyncAndAsync, TwinLost, ::testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Async" : "Sync");
});

TEST_P(TwinLost, ItsTensorsThrowAndAllOthersGoOn) {
  const TwinScope twin, other({}, 1);
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  const Tensor here = from_vector(V{4, 5, 6}, {3}).eval();
  const Tensor there = here.to(kOtherTwin).eval();
  const Tensor brought = (x * 3).cpu();
  brought.eval();
  synchronize();
  twin->configure(lost_at(0, GetParam()));
  const Tensor y = (x * 7).eval();
  const Tensor behind = (y + 1).eval(), needs = (y.cpu() + here);
  const std::string text = message_of<DeviceLostError>([&] { y.to_vector<float>(); });
  EXPECT_NE(text.find("mul: twin:0 is lost"), std::string::npos) << text;
  EXPECT_NE(text.find("twin_lost_test.cpp:"), std::string::npos) << text;
  const std::string place = text.substr(text.find("recorded at"));

  for (const Tensor& t : {x, y, behind}) expect_lost(t, place);
  EXPECT_THROW(needs.to_vector<float>(), DeviceLostError);
  EXPECT_THROW(zeros({2}, {.device = kTwin}), DeviceLostError);
  EXPECT_THROW(rand({2}, {.device = kTwin}), DeviceLostError);
  EXPECT_THROW(static_cast<void>(here.to(kTwin)), DeviceLostError);
  EXPECT_THROW(synchronize(kTwin), DeviceLostError);
  EXPECT_THROW(static_cast<void>(current_stream(kTwin)), DeviceLostError);
  EXPECT_THROW(static_cast<void>(memory_allocated(kTwin)), DeviceLostError);
  EXPECT_TRUE(is_lost(kTwin));
  EXPECT_FALSE(is_available(kTwin));
  EXPECT_NE(why_unavailable(kTwin).find("is lost"), std::string::npos);
  for (const DeviceInfo& info : devices(true))
    if (info.device == kTwin) {
      EXPECT_FALSE(info.available);
    }

  EXPECT_FALSE(is_lost(kOtherTwin));
  EXPECT_FALSE(is_lost(Device()));
  EXPECT_EQ(brought.to_vector<float>(), (V{3, 6, 9})) << "it was on the cpu before";
  EXPECT_EQ((here * 2).to_vector<float>(), (V{8, 10, 12}));
  EXPECT_EQ((there * 2).to_vector<float>(), (V{8, 10, 12}));
  EXPECT_EQ((there + 1).cpu().to_vector<float>(), (V{5, 6, 7}));
  // What is pending on it fails, the rest of the same evaluation does not.
  const Tensor more = there - 1, lost = -x, mine = here - 1;
  EXPECT_THROW(eval(), DeviceLostError);
  EXPECT_NO_THROW(eval()) << "told once";
  EXPECT_TRUE(more.is_evaluated());
  EXPECT_TRUE(mine.is_evaluated());
  EXPECT_NO_THROW(synchronize());
}

TEST_P(TwinLost, AnotherTakesItsPlace) {
  const TwinScope twin(lost_at(0, GetParam()));
  EXPECT_THROW((ones({2}).to(kTwin) + 1).to_vector<float>(), DeviceLostError);
  EXPECT_TRUE(is_lost(kTwin));
  twin->configure({});
  EXPECT_FALSE(is_lost(kTwin));
  EXPECT_EQ((ones({2}).to(kTwin) + 1).to_vector<float>(), (V{2, 2}));
}

// A training on the device, with a copy of the parameters on the cpu after each step, and the
// device lost at every place of it.
TEST_P(TwinLost, AtEveryPlaceOfATraining) {
  const TwinScope twin, other({}, 1);
  const testing::ScratchFolder folder;
  const Tensor data = (arange(0, 9, 1, DType::Float32).reshape({3, 3}) / 9).eval();
  std::vector<V> states;  // of w, on the cpu, after each step that succeeded
  const auto train = [&](std::vector<Tensor>& all) {
    const Tensor x = data.to(kTwin);
    Tensor w = ones({3, 1}).to(kTwin), m = zeros({3, 1}).to(kTwin);
    w.requires_grad_();
    all = {x, w, m};
    for (int i = 0; i < 3; ++i) {
      const Tensor loss =
          (matmul(x, w) - 1).square().sum() + (x.to(kOtherTwin) * 0).sum().cpu().to(kTwin);
      all.push_back(loss);
      loss.backward();
      const NoGradGuard off;
      m.copy_(m * 0.9 + w.grad());
      w.copy_(w - m * 0.01);
      w.set_grad({});
      eval({w, m});
      states.push_back(w.detach().cpu().to_vector<float>());
    }
  };
  std::vector<Tensor> tensors;
  train(tensors);
  const std::vector<V> expected = std::exchange(states, {});
  int losses = 0;
  for (std::int64_t at = 0;; ++at) {
    ASSERT_LT(at, 300);
    tensors.clear();
    states.clear();
    settle_all();
    twin->configure(lost_at(at, GetParam()));
    bool lost = false;
    try {
      train(tensors);
    } catch (const DeviceLostError& e) {
      lost = true;
      EXPECT_NE(std::string(e.what()).find("twin_lost_test.cpp:"), std::string::npos) << e.what();
    }
    for (std::size_t i = 0; i < states.size(); ++i) EXPECT_EQ(states[i], expected[i]);
    if (!lost) {
      settle_all();
      if (!is_lost(kTwin)) break;  // it goes on after the last step
    }
    ++losses;
    for (const Tensor& t : tensors)
      if (t.device() == kTwin) {
        EXPECT_THROW(t.to_vector<float>(), DeviceLostError) << at;
      }
    // The cpu's data are there, and so is everything else.
    save({{"data", data}, {"sum", data.sum()}}, folder.path() / "state.safetensors");
    EXPECT_EQ(load(folder.path() / "state.safetensors").at("data").to_vector<float>(),
              data.to_vector<float>());
    EXPECT_EQ((data.to(kOtherTwin) * 2).cpu().sum().item<float>(), (data * 2).sum().item<float>());
    if (HasFailure()) return;
  }
  EXPECT_GT(losses, 15);
  EXPECT_EQ(states, expected);
}

TEST(TwinLostThreads, EachIsToldAndNobodyHangs) {
  for (const std::int64_t at : {0, 3, 11, 40, 90}) {
    const TwinScope twin;
    const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
    synchronize();
    twin->configure(lost_at(at));
    std::atomic<int> told{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const Tensor mine = from_vector(V{1, 2}, {2});
        bool lost = false;
        for (int i = 0; i < 60; ++i) {
          const auto f = static_cast<float>(t * 100 + i);
          try {
            const Tensor y = x * f;
            y.eval();
            if (y.to_vector<float>() != V{f, 2 * f, 3 * f}) ++wrong;
            if (lost) ++wrong;  // it does not come back
          } catch (const DeviceLostError&) {
            lost = true;
          }
          if ((mine * f).to_vector<float>() != V{f, 2 * f}) ++wrong;
        }
        told += lost;
      });
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(told, 4) << "lost at " << at;
    EXPECT_EQ(wrong, 0) << "lost at " << at;
  }
}

// A program that ends while steps are queued for a device that is gone.
TEST(TwinLostDeathTest, TheProgramEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        twin().configure(lost_at(2));
        static Tensor kept = ones({64}).to(kTwin);
        for (int i = 0; i < 10; ++i) {
          kept = kept * 2;
          kept.eval();
        }
        std::exit(7);
      },
      ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace ingot
