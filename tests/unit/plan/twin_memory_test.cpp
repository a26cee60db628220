// Memory of a device: figures and limits, what is cached, what happens when there is none left, and
// blocks that repeat from step to step.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/core/stream.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>
#include <ingot/optim/sgd.h>

#include "core/cell.h"
#include "core/record.h"
#include "core/sanitizers.h"
#include "support/expect.h"
#include "support/twin_scope.h"

#if defined(INGOT_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using test::settle_all;
using test::TwinScope;
using V = std::vector<float>;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kWorkspaces = std::size_t{1} << 16;  // more than those of these small plans

// As much as was meant, but for workspaces.
void expect_about(std::size_t nbytes, std::size_t expected) {
  EXPECT_GE(nbytes, expected);
  EXPECT_LE(nbytes, expected + kWorkspaces);
}

// In a function, so that nothing but the sum is held.
Tensor of_ones(std::int64_t count, Device device = kTwin) {
  return zeros({count}, {.device = device}) + 1;
}
Tensor mebibyte(Device device = kTwin) { return of_ones(1 << 18, device); }

struct TwinMemoryTest : testing::Test {
  TwinScope twin, other{{}, 1};
  TwinMemoryTest() {
    settle_all();
    for (const Device d : {kTwin, kOtherTwin}) {
      set_memory_limit(kNoMemoryLimit, d);
      set_cache_limit(kNoMemoryLimit, d);
      empty_cache(d);
      reset_peak_memory_stats(d);
    }
  }
};

TEST_F(TwinMemoryTest, FiguresAreOfOneDevice) {
  const std::size_t before = memory_allocated(kTwin), beside = memory_allocated(kOtherTwin);
  const std::size_t host = memory_allocated();
  {
    const Tensor x = mebibyte().eval();
    synchronize();
    EXPECT_EQ(memory_allocated(kTwin), before + kMiB);
    EXPECT_EQ(memory_allocated(kOtherTwin), beside);
    EXPECT_LT(memory_allocated(), host + kMiB);
  }
  synchronize();
  EXPECT_EQ(memory_allocated(kTwin), before);
  expect_about(memory_cached(kTwin), kMiB);
  expect_about(max_memory_allocated(kTwin), before + kMiB);
  EXPECT_EQ(max_memory_allocated(kOtherTwin), beside);
  reset_peak_memory_stats(kTwin);
  EXPECT_EQ(max_memory_allocated(kTwin), before);
  empty_cache(kOtherTwin);
  expect_about(memory_cached(kTwin), kMiB);
  empty_cache(kTwin);
  EXPECT_EQ(memory_cached(kTwin), 0u);
}

// Temporaries belong to the run; when it is over their arena is cached.
TEST_F(TwinMemoryTest, AnIdleArenaIsCached) {
  const Tensor x = (mebibyte() * 0.5).reshape({512, 512}).eval();
  synchronize();
  const std::size_t before = memory_allocated(kTwin);
  empty_cache(kTwin);
  const Tensor total = [&] { return (x.exp().t() + x).sum(); }().eval();
  synchronize();
  EXPECT_LE(memory_allocated(kTwin), before + 64);
  EXPECT_GE(memory_cached(kTwin), kMiB);
  EXPECT_GE(max_memory_allocated(kTwin), before + kMiB);
  const std::size_t cached = memory_cached(kTwin);
  const Tensor again = [&] { return (x.exp().t() + x).sum(); }().eval();
  synchronize();
  EXPECT_EQ(memory_cached(kTwin), cached) << "the same arena serves again";
  empty_cache(kTwin);
  EXPECT_EQ(memory_cached(kTwin), 0u);
  EXPECT_EQ(total.item<float>(), again.item<float>());
}

TEST_F(TwinMemoryTest, TheCacheStaysWithinItsLimit) {
  const std::size_t most = 2 * kMiB + kWorkspaces;
  const std::size_t limit = set_cache_limit(most, kTwin);
  {
    const Tensor a = mebibyte().eval(), b = mebibyte().eval(), c = mebibyte().eval();
    synchronize();
    EXPECT_LE(memory_cached(kTwin), kWorkspaces);
  }
  synchronize();
  expect_about(memory_cached(kTwin), 2 * kMiB);
  EXPECT_EQ(set_cache_limit(kMiB + kWorkspaces, kTwin), most);
  expect_about(memory_cached(kTwin), kMiB);  // trimmed at once
  set_cache_limit(0, kTwin);
  EXPECT_EQ(memory_cached(kTwin), 0u);
  set_cache_limit(limit, kTwin);
}

TEST_F(TwinMemoryTest, TheLimitIsOfAllocatedAndCachedTogether) {
  const std::size_t used = memory_allocated(kTwin);
  { const Tensor a = mebibyte().eval(), b = mebibyte().eval(); }
  synchronize();
  ASSERT_GE(memory_cached(kTwin), 2 * kMiB);
  const std::size_t most = used + 2 * kMiB + kWorkspaces;
  const std::size_t limit = set_memory_limit(most, kTwin);
  {
    // What is cached makes place for another size.
    const Tensor c = of_ones(3 << 17).eval();
    synchronize();
    EXPECT_LE(memory_allocated(kTwin) + memory_cached(kTwin), most);
    EXPECT_THROW(mebibyte().eval(), OutOfMemoryError);
    EXPECT_NO_THROW(mebibyte(kOtherTwin).eval()) << "another device's memory is not this one's";
    EXPECT_NO_THROW(mebibyte(Device()).eval());
  }
  settle_all();
  EXPECT_EQ(mebibyte().sum().item<float>(), static_cast<float>(1 << 18));
  set_memory_limit(limit, kTwin);
}

// What is asked for goes before what is only pending.
TEST_F(TwinMemoryTest, WhatIsAskedForIsComputedAlone) {
  const Tensor x = mebibyte().eval();
  synchronize();
  const std::size_t limit =
      set_memory_limit(memory_allocated(kTwin) + 2 * kMiB + kWorkspaces, kTwin);
  const Tensor large = x.reshape({1, 1 << 18}).expand({8, 1 << 18}) * 2, small = x * 3;
  EXPECT_EQ(small.to_vector<float>()[5], 3.f);
  EXPECT_FALSE(large.is_evaluated());
  EXPECT_THROW(large.eval(), OutOfMemoryError);
  set_memory_limit(limit, kTwin);
  EXPECT_EQ(large.to_vector<float>()[5], 2.f);
}

// What runs in flight hold comes free while the host waits.
TEST_F(TwinMemoryTest, RunsInFlightAreWaitedFor) {
  TwinOptions slow;
  slow.max_delay_us = 3000;
  twin.change(slow);
  const Tensor x = mebibyte().eval();
  synchronize();
  const std::size_t limit =
      set_memory_limit(memory_allocated(kTwin) + 2 * kMiB + kWorkspaces, kTwin);
  Tensor last;
  for (int i = 0; i < 12; ++i) last = (x * i).eval();  // the one before is let go, but on its way
  EXPECT_EQ(last.to_vector<float>()[3], 11.f);
  set_memory_limit(limit, kTwin);
}

// Memory that failed runs hold is not missing: they are given back first.
TEST_F(TwinMemoryTest, AFailureIsToldBeforeMemoryIs) {
  const Tensor x = mebibyte().eval(), index = tensor({5'000'000}).to(kTwin).eval();
  synchronize();
  const std::size_t limit =
      set_memory_limit(memory_allocated(kTwin) + 2 * kMiB + kWorkspaces, kTwin);
  const Tensor bad = index_select(x, 0, index).eval();
  const Tensor a = (x + 1).eval(), b = (x + 2).eval();
  Tensor c;
  EXPECT_NO_THROW(c = (x.narrow(0, 0, 1 << 17) * 2).eval());
  EXPECT_EQ(c.to_vector<float>()[0], 2.f);
  EXPECT_THROW(bad.to_vector<float>(), IndexError);
  set_memory_limit(limit, kTwin);
}

TEST_F(TwinMemoryTest, TheErrorNamesWhatTakesTheMemory) {
  for (const Device device : {Device(), kTwin}) {
    const Tensor x = mebibyte(device).eval();
    synchronize();
    empty_cache(device);
    const std::size_t limit = set_memory_limit(memory_allocated(device) + 4 * kMiB, device);
    const int line = __LINE__ + 1;
    const Tensor y = (x.reshape({1, 1 << 18}).expand({16, 1 << 18}) * 2), z = y.exp().sum(0);
    const std::string text = message_of<OutOfMemoryError>([&] { z.eval(); });
    EXPECT_NE(text.find(device.str() + ": cannot allocate "), std::string::npos) << text;
    EXPECT_NE(text.find("on " + device.str() + " for results"), std::string::npos) << text;
    // Elementwise operations are joined: "mul+exp".
    const auto names = [&](const std::string& what) {
      const std::regex entry("\n    16777216 bytes: " + what +
                             " of [a-z+]+, float32\\[16, 262144\\], recorded at \\S*" +
                             "twin_memory_test.cpp:" + std::to_string(line));
      EXPECT_TRUE(std::regex_search(text, entry)) << what << " in " << text;
    };
    names("the result");
    names("a temporary");
    set_memory_limit(limit, device);
    EXPECT_NEAR(z.to_vector<float>()[7], 16 * 7.389056f, 1e-3f);
  }
}

// Rule 16: a step takes the blocks that the last one had.
TEST_F(TwinMemoryTest, AddressesRepeatFromStepToStep) {
  for (const bool async : {false, true}) {
    TwinOptions options;
    options.async = async;
    options.max_delay_us = async ? 20 : 0;
    twin.change(options);
    nn::Linear first{16, 24}, second{24, 16};
    first.to(kTwin);
    second.to(kTwin);
    std::vector<Tensor> parameters = {first.weight, first.bias, second.weight, second.bias};
    optim::SGD sgd{parameters, {.lr = 0.01, .momentum = 0.9}};
    const auto address = [](const Tensor& t) {
      const ValueId id = t.cell()->value();
      return id.node->outputs()[id.output].value->buffer->handle();
    };
    std::vector<std::vector<void*>> steps;
    for (int i = 0; i < 8; ++i) {
      const Tensor x = (arange(0, 160, 1, float32).reshape({10, 16}) / 160).to(kTwin);
      const Tensor out = second(first(x).tanh());
      const Tensor loss = mse_loss(out, x);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
      std::vector<void*> seen = {address(loss), address(out)};
      for (const Tensor& p : parameters) {
        seen.push_back(address(p));
        seen.push_back(address(p.grad()));
      }
      EXPECT_GT(loss.item<float>(), 0.f);
      steps.push_back(seen);
    }
    for (std::size_t i = 3; i < steps.size(); ++i) EXPECT_EQ(steps[i], steps[2]) << "step " << i;
  }
}

// Sizes that change leave blocks that fit nothing that comes: they do not pile up.
TEST_F(TwinMemoryTest, ChangingSizesCostLittleMoreThanTheLargest) {
  std::size_t most = 0;
  for (std::int64_t i = 1; i <= 40; ++i) {
    const Tensor x = of_ones(i * 70000).eval();
    synchronize(kTwin);
    most = std::max(most, memory_reserved(kTwin));
  }
  EXPECT_LE(most, max_memory_allocated(kTwin) / 2 * 3 + 8 * kMiB);
  EXPECT_LT(max_memory_allocated(kTwin), 40 * kMiB);
  EXPECT_GE(max_memory_reserved(kTwin), most);
}

#if defined(INGOT_ADDRESS_SANITIZER)
// A block that is kept for reuse is nobody's: AddressSanitizer finds who touches it, on the device
// and in its pinned memory, until somebody gets it again.
TEST_F(TwinMemoryTest, WhatIsCachedIsForbidden) {
  TwinOptions unified;  // its addresses are the host's, so that a test can ask for them
  unified.unified = true;
  const TwinScope twin(unified);
  const auto address = [](const Tensor& t) { return t.to_host().data(); };
  Tensor x = of_ones(5000).eval();
  Tensor pinned = ones({5000}).pin_memory();
  synchronize();
  const void *there = x.cell()->value().node->outputs()[0].value->host(4), *here = address(pinned);
  EXPECT_FALSE(__asan_address_is_poisoned(there));
  EXPECT_FALSE(__asan_address_is_poisoned(here));
  x = {};
  pinned = {};
  plan::finish_runs();
  eval();
  EXPECT_TRUE(__asan_address_is_poisoned(there));
  EXPECT_TRUE(__asan_address_is_poisoned(here));
  x = of_ones(5000).eval();
  pinned = ones({5000}).pin_memory();
  synchronize();
  EXPECT_EQ(x.cell()->value().node->outputs()[0].value->host(4), there);
  EXPECT_EQ(address(pinned), here);
  EXPECT_FALSE(__asan_address_is_poisoned(there));
  EXPECT_FALSE(__asan_address_is_poisoned(here));
}
#endif

}  // namespace
}  // namespace ingot
