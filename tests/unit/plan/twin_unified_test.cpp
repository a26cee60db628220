// A device that is one memory with the host: what one hands to the other is waited for, never
// copied; and what two can see neither writes over while the other may read it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>

#include "backend/device_allocator.h"
#include "core/record.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::TwinScope;
using V = std::vector<float>;

TwinOptions unified(int delay_us = 200) {
  TwinOptions o;
  o.unified = true;
  o.max_delay_us = delay_us;
  return o;
}

const Buffer* buffer_of(const Tensor& t) {
  t.eval();
  const ValueId id = t.cell()->value();
  return id.node->outputs()[id.output].value->buffer.get();
}

TEST(TwinUnified, NothingIsCopied) {
  const TwinScope twin(unified());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).eval();
  const std::uint64_t steps = twin->steps_run();
  const std::size_t allocated = memory_allocated(kTwin);
  const Tensor there = x.to(kTwin);
  EXPECT_EQ(there.device(), kTwin);
  EXPECT_EQ(buffer_of(there), buffer_of(x));
  EXPECT_EQ(memory_allocated(kTwin), allocated);
  EXPECT_EQ(there.to_vector<float>(), (V{1, 2, 3}));
  const Tensor product = there * 2;
  const Tensor back = product.cpu();
  EXPECT_EQ(back.device(), Device{});
  EXPECT_EQ(buffer_of(back), buffer_of(product));
  EXPECT_EQ(buffer_of(product)->space(), MemorySpace::Shared);
  EXPECT_EQ((back + 1).to_vector<float>(), (V{3, 5, 7}));
  EXPECT_EQ(product.to_vector<float>(), (V{2, 4, 6}));
  EXPECT_EQ(twin->steps_run(), steps + 1);
  EXPECT_FALSE(there.is_pinned());
}

TEST(TwinUnified, TheHostWaitsForWhatItReads) {
  const TwinScope twin(unified(20000));
  const Tensor x = ones({1 << 12}).to(kTwin);
  for (int i = 0; i < 4; ++i) {
    const Tensor y = (x * static_cast<float>(i)).eval();
    const Tensor back = y.to(Device{}, true);
    EXPECT_TRUE(back.is_evaluated());
    EXPECT_EQ((back + 1).to_vector<float>(), V(1 << 12, static_cast<float>(i + 1)));
    EXPECT_EQ(back.to_vector<float>(), V(1 << 12, static_cast<float>(i)));
  }
}

TEST(TwinUnified, WhatTwoCanSeeIsNotWrittenOver) {
  const TwinScope twin(unified(1000));
  constexpr std::int64_t kCount = 1 << 12;
  for (int round = 0; round < 10; ++round) {
    const auto f = static_cast<float>(round + 1);
    // The host changes its tensor while the device still reads.
    Tensor x = full({kCount}, f).eval();
    const Tensor y = (x.to(kTwin) * 2).eval();
    x.add_(1);
    x.eval();
    // The host changes what it got while the device still reads.
    Tensor t = (full({kCount}, f).to(kTwin) + 1).eval();
    const Tensor z = (t * 5).eval();
    Tensor back = t.cpu();
    t = Tensor();
    back.eval();
    back.mul_(10);
    back.eval();
    // The device changes its tensor, the host's stays.
    const Tensor here = full({kCount}, f).eval();
    Tensor there = here.to(kTwin);
    there.sub_(100);
    there.eval();
    // Both at once, in one evaluation.
    Tensor a = full({kCount}, f).eval(), b = a.to(kTwin).eval();
    a.copy_(a * 3);
    b.copy_(b * 4);
    eval();
    ASSERT_EQ(y.to_vector<float>(), V(kCount, 2 * f));
    ASSERT_EQ(x.to_vector<float>(), V(kCount, f + 1));
    ASSERT_EQ(z.to_vector<float>(), V(kCount, 5 * (f + 1)));
    ASSERT_EQ(back.to_vector<float>(), V(kCount, 10 * (f + 1)));
    ASSERT_EQ(here.to_vector<float>(), V(kCount, f));
    ASSERT_EQ(there.to_vector<float>(), V(kCount, f - 100));
    ASSERT_EQ(a.to_vector<float>(), V(kCount, 3 * f));
    ASSERT_EQ(b.to_vector<float>(), V(kCount, 4 * f));
  }
}

// Temporaries of a device that the host reads, while other threads use the device's arena.
TEST(TwinUnified, ThreadsThatFallBack) {
  TwinOptions lacking = unified(20);
  lacking.refuse = {"exp"};
  const TwinScope twin(lacking);
  plan::set_fallback("silent");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 30; ++i) {
        const auto f = static_cast<float>(t + 1);
        const Tensor x = full({64, 64}, f).to(kTwin);
        const Tensor y = matmul((matmul(x, x) - 64 * f * f).exp(), x).sum();
        if (y.item<float>() != 64 * 64 * 64 * f) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(TwinUnified, Option) {
  EXPECT_TRUE(parse_twin_options("1,unified,delay=3").unified);
  EXPECT_FALSE(parse_twin_options("1").unified);
}

// Random programs over the cpu and two devices, against the same program on plain numbers. Whoever
// writes over what somebody else still reads is found by some seed.
class TwinPrograms : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Memory, TwinPrograms, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Unified" : "Own");
});

TEST_P(TwinPrograms, AgreeWithPlainNumbers) {
  TwinOptions options;
  options.unified = GetParam();
  options.max_delay_us = 60;
  const TwinScope twin(options), other(options, 1);
  constexpr std::int64_t kCount = 256;
  constexpr std::size_t kTensors = 5;
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::minstd_rand random(seed + 1);
    const auto pick = [&](unsigned n) { return static_cast<std::size_t>(random() % n); };
    const Device devices[] = {Device{}, kTwin, kOtherTwin};
    std::vector<Tensor> tensors;
    std::vector<float> numbers;
    for (std::size_t i = 0; i < kTensors; ++i) {
      numbers.push_back(static_cast<float>(i));
      tensors.push_back(full({kCount}, numbers[i]).to(devices[i % 3]));
    }
    for (int step = 0; step < 150; ++step) {
      const std::size_t i = pick(kTensors), j = pick(kTensors);
      Tensor& t = tensors[i];
      switch (pick(8)) {
        case 0:
          t = t.to(devices[pick(3)], pick(2) == 0);
          break;
        case 1:
          t.add_(1);
          numbers[i] += 1;
          break;
        case 2:
          t = tensors[j].to(devices[pick(3)]).clone();
          numbers[i] = numbers[j];
          break;
        case 3:
          t.copy_(tensors[j], pick(2) == 0);
          numbers[i] = numbers[j];
          break;
        case 4:
          t = t - tensors[j].to(t.device());
          numbers[i] -= numbers[j];
          break;
        case 5:
          t.eval();
          break;
        case 6:
          t.mul_(0.5);
          t.eval();
          numbers[i] *= 0.5f;
          break;
        default:
          ASSERT_EQ(t.to_vector<float>(), V(kCount, numbers[i])) << "seed " << seed << ", " << step;
      }
    }
    for (std::size_t i = 0; i < kTensors; ++i)
      ASSERT_EQ(tensors[i].to_vector<float>(), V(kCount, numbers[i])) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ingot
