// Copies between devices: `non_blocking`, pinned memory, and sources that change or go right after
// the call.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/reduction.h>

#include "backend/device_allocator.h"
#include "core/record.h"
#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using test::settle_all;
using test::slow_twin;
using test::TwinScope;
using V = std::vector<float>;

bool is_idle(const TwinScope& twin) {
  const Stream& stream = *twin->stream();
  return stream.passed(stream.submitted());
}

// -- non_blocking ---------------------------------------------------------------------------------

TEST(TwinTransfer, NonBlockingBeginsAtOnceAndDoesNotWait) {
  const TwinScope twin(slow_twin(20000));
  const Tensor x = from_vector(V{1, 2, 3}, {3});
  const Tensor recorded = x.to(kTwin, false);
  EXPECT_FALSE(recorded.is_evaluated());
  const Tensor begun = x.to(kTwin, true);
  EXPECT_TRUE(begun.is_evaluated());
  EXPECT_FALSE(recorded.is_evaluated()) << "it computed what nobody asked for";
  std::vector<Tensor> more;
  for (int i = 0; i < 5; ++i) more.push_back(x.to("twin", true));
  EXPECT_FALSE(is_idle(twin)) << "the host waited";
  EXPECT_EQ(begun.to_vector<float>(), (V{1, 2, 3}));
  EXPECT_EQ(recorded.to_vector<float>(), (V{1, 2, 3}));
  EXPECT_EQ(begun.device(), kTwin);
  EXPECT_TRUE(begun.to(kTwin, true).is_same(begun));
}

TEST(TwinTransfer, NonBlockingSplitsNothingThatIsPending) {
  const TwinScope twin;
  const Tensor x = from_vector(V{1, 2, 3}, {3});
  const Tensor pending = x * 2;
  const Tensor there = pending.to(kTwin, true);
  EXPECT_FALSE(pending.is_evaluated());
  EXPECT_FALSE(there.is_evaluated());
  const Tensor other = x.to(kTwin, true);
  EXPECT_TRUE(other.is_evaluated());
  EXPECT_FALSE(pending.is_evaluated());
  EXPECT_EQ(there.to_vector<float>(), (V{2, 4, 6}));
  // The host's data that waits for its readers counts on.
  const Tensor large = ones({1 << 10}).eval(), held = from_vector(V(1 << 10), {1 << 10});
  const std::size_t pinned = record_state().pinned_nbytes;
  const Tensor copied = large.to(kTwin, true);
  EXPECT_EQ(record_state().pinned_nbytes, pinned);
}

TEST(TwinTransfer, GradientsFlowThroughIt) {
  const TwinScope twin(slow_twin(50));
  Tensor x = from_vector(V{1, 2, 3}, {3}).requires_grad_();
  (x.to(kTwin, true) * 3).to(Device{}, true).sum().backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (V{3, 3, 3}));
}

// What happens to a source right after the call is nothing to the copy: in place, freed, or, of
// memory that is the program's own, overwritten.
TEST(TwinTransfer, ASourceMayChangeRightAfterTheCall) {
  const TwinScope twin(slow_twin(300));
  constexpr std::int64_t kCount = 1 << 14;
  for (const bool non_blocking : {false, true})
    for (int round = 0; round < 8; ++round) {
      const auto f = static_cast<float>(round + 1);
      std::vector<Tensor> there;
      {
        Tensor x = full({kCount}, f).eval();
        there.push_back(x.to(kTwin, non_blocking));
        x.add_(1);
        there.push_back(x.to(kTwin, non_blocking));
        x.zero_().eval();
        x[0] = 7;
        x.eval();
      }
      {
        auto own = std::make_unique<V>(kCount, f);
        there.push_back(from_vector(*own, {kCount}).to(kTwin, non_blocking));
        there.push_back(from_blob(own->data(), {kCount}, DType::Float32).to(kTwin, non_blocking));
        there.push_back(from_blob(own->data(), {kCount}, DType::Float32, kTwin));
        there.push_back(from_span(std::span<const float>(*own), {kCount}, kTwin));
        there.push_back(from_vector(*own, {kCount}, kTwin));
        std::fill(own->begin(), own->end(), -1.f);
      }
      for (std::size_t i = 0; i < there.size(); ++i) {
        const V expected(kCount, i == 1 ? f + 1 : f);
        ASSERT_EQ(there[i].to_vector<float>(), expected) << i << " " << non_blocking;
      }
    }
}

TEST(TwinTransfer, ToTheHostWaitsWhenItIsLookedAt) {
  const TwinScope twin(slow_twin(3000));
  Tensor y = (ones({1 << 12}).to(kTwin) * 5).eval();
  const Tensor back = y.to(Device{}, true), late = (y * 2).eval().to(Device{}, true);
  EXPECT_TRUE(back.is_evaluated());
  y.add_(1);
  y.eval();
  y = Tensor();
  EXPECT_FALSE(is_idle(twin));
  EXPECT_EQ((back + 1).to_vector<float>(), V(1 << 12, 6.f));
  EXPECT_EQ(back.to_vector<float>(), V(1 << 12, 5.f));
  EXPECT_EQ(late.to_vector<float>(), V(1 << 12, 10.f));
}

TEST(TwinTransfer, CopyInPlace) {
  const TwinScope twin(slow_twin(200));
  for (const bool non_blocking : {false, true}) {
    Tensor there = zeros({2, 3}).to(kTwin);
    Tensor source = from_vector(V{1, 2, 3}, {3});
    EXPECT_EQ(&there.copy_(source, non_blocking), &there);  // broadcast, as copy_ does
    source.zero_();
    EXPECT_EQ(there.to_vector<float>(), (V{1, 2, 3, 1, 2, 3}));
    EXPECT_EQ(there.device(), kTwin);
    there[1].copy_(from_vector(V{7, 8, 9}, {3}), non_blocking);
    EXPECT_EQ(there.to_vector<float>(), (V{1, 2, 3, 7, 8, 9}));
    Tensor here = zeros({2, 3}, {.dtype = DType::Int64});
    here.copy_(there, non_blocking);
    there.zero_();
    EXPECT_EQ(here.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 2, 3, 7, 8, 9}));
    EXPECT_EQ(here.device(), Device{});
    Tensor w = ones({2}).to(kTwin).requires_grad_();
    w.sum().backward();
    w.grad().copy_(from_vector(V{4, 5}, {2}), non_blocking);
    EXPECT_EQ(w.grad().to_vector<float>(), (V{4, 5}));
  }
}

TEST(TwinTransfer, Options) {
  const TwinScope twin, other({}, 1);
  const Tensor x = from_vector(V{1.5f, 2.5f}, {2});
  const Tensor y = x.to({.dtype = DType::Int32, .device = kTwin, .non_blocking = true});
  EXPECT_EQ(y.device(), kTwin);
  EXPECT_EQ(y.to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 2}));
  EXPECT_TRUE(x.to(ToOptions{}).is_same(x));
  const Tensor copy = x.to({.copy = true});
  EXPECT_FALSE(copy.is_same(x));
  EXPECT_EQ(copy.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(x.to({.dtype = DType::Float64}).dtype(), DType::Float64);
  EXPECT_EQ(x.to({.device = "twin"}).device(), kTwin);
  EXPECT_EQ(x.to({.device = "twin", .non_blocking = true}).device(), kTwin);
  EXPECT_EQ(x.to({.device = "twin", .copy = true}).device(), kTwin);
  EXPECT_EQ(x.to({.device = kTwin, .copy = true}).device(), kTwin);
  EXPECT_EQ(x.to(std::string("twin")).device(), kTwin);
  EXPECT_EQ(x.to(std::string("twin"), true).device(), kTwin);
  EXPECT_EQ(x.to(kTwin.str()).device(), kTwin);
  const Tensor z = x.to(y, true);
  EXPECT_EQ(z.device(), kTwin);
  EXPECT_EQ(z.dtype(), DType::Int32);
  EXPECT_EQ(x.to(kTwin, DType::Float16, true).dtype(), DType::Float16);
  EXPECT_EQ(z.to(kOtherTwin, true).to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 2}));
  EXPECT_THROW(x.to("cuda:7", true), DeviceError);
}

TEST(TwinTransfer, AFailureSurfacesAndLosesNothing) {
  for (std::int64_t at = 0; at < 3; ++at) {
    TwinOptions failing = slow_twin(100);
    failing.fail_at = at;
    const TwinScope twin(failing);
    std::vector<Tensor> there;
    int failures = 0;
    for (int i = 0; i < 3; ++i) {
      const auto f = static_cast<float>(i);
      Tensor source = from_vector(V{f, f + 1}, {2});
      try {
        there.push_back(source.to(kTwin, true));
      } catch (const InternalError&) {  // of one before, found here
        ++failures;
        there.push_back(source.to(kTwin, true));
      }
      source.mul_(100);
    }
    for (int i = 0; i < 3; ++i) {
      const auto f = static_cast<float>(i);
      try {
        there[static_cast<std::size_t>(i)].to_vector<float>();
      } catch (const InternalError& e) {
        ++failures;
        EXPECT_NE(std::string(e.what()).find("told to fail"), std::string::npos) << e.what();
      }
      EXPECT_EQ(there[static_cast<std::size_t>(i)].to_vector<float>(), (V{f, f + 1}));
    }
    EXPECT_EQ(failures, 1) << "at " << at;
  }
}

TEST(TwinTransfer, OutOfMemoryIsThrownAtTheCall) {
  TwinOptions small;
  small.memory_nbytes = std::size_t{1} << 20;
  const TwinScope twin(small);
  empty_cache(kTwin);
  const Tensor x = ones({1 << 20}).eval();
  EXPECT_THROW(x.to(kTwin, true), OutOfMemoryError);
  EXPECT_EQ(x.narrow(0, 0, 4).to(kTwin, true).to_vector<float>(), V(4, 1.f));
  EXPECT_EQ(x.sum().item<float>(), static_cast<float>(1 << 20));
}

TEST(TwinTransfer, FromSeveralThreads) {
  const TwinScope twin(slow_twin(50));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const auto f = static_cast<float>(t * 100 + i);
        Tensor source = full({64}, f).eval();
        if (i % 3 == 0) source = source.pin_memory();
        const Tensor there = source.to(kTwin, true);
        source.fill_(-1).eval();
        source = Tensor();
        const Tensor back = (there + 1).eval().to(Device{}, true);
        if (there.to_vector<float>() != V(64, f)) ++wrong;
        if (back.to_vector<float>() != V(64, f + 1)) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

// -- Pinned memory --------------------------------------------------------------------------------

TEST(PinnedMemory, HoldsACopy) {
  const TwinScope twin;
  empty_cache(kTwin);
  const std::size_t before = pinned_memory_allocated(kTwin);
  Tensor x = from_vector(V{1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_FALSE(x.is_pinned());
  EXPECT_FALSE((x + 1).is_pinned());
  {
    const Tensor pinned = x.pin_memory();
    EXPECT_TRUE(pinned.is_pinned());
    EXPECT_FALSE(x.is_pinned());
    EXPECT_TRUE(pinned.pin_memory().is_same(pinned));
    EXPECT_EQ(pinned.device(), Device{});
    x.zero_().eval();
    EXPECT_EQ(pinned.to_vector<float>(), (V{1, 2, 3, 4, 5, 6}));
    EXPECT_FALSE((pinned * 2).eval().is_pinned());
    EXPECT_EQ(pinned.t().eval().pin_memory().to_vector<float>(), (V{1, 4, 2, 5, 3, 6}));
    EXPECT_EQ(zeros({0, 2}).pin_memory().shape(), (Shape{0, 2}));
    EXPECT_GE(pinned_memory_allocated(kTwin), before + pinned.nbytes());
    const Tensor there = pinned.to(kTwin, true);
    EXPECT_FALSE(there.is_pinned());
    EXPECT_EQ(there.to_vector<float>(), (V{1, 2, 3, 4, 5, 6}));
  }
  plan::synchronize_all();
  EXPECT_EQ(pinned_memory_allocated(kTwin), before);
  EXPECT_GT(pinned_memory_cached(kTwin), 0u);
  EXPECT_GE(memory_cached(), pinned_memory_cached(kTwin));
  empty_cache(kTwin);
  EXPECT_EQ(pinned_memory_cached(kTwin), 0u);
  EXPECT_EQ(pinned_memory_allocated(Device{}), 0u);
}

TEST(PinnedMemory, RefusesWhatItCannotPin) {
  const TwinScope twin;
  const Tensor there = ones({2}).to(kTwin);
  EXPECT_NE(message_of<DeviceError>([&] { there.pin_memory(); }).find("on twin:0"),
            std::string::npos);
  const Tensor w = ones({2}).requires_grad_();
  EXPECT_NE(message_of<AutogradError>([&] { w.pin_memory(); }).find("detach()"), std::string::npos);
  EXPECT_TRUE(w.detach().pin_memory().is_pinned());
  EXPECT_THROW(Tensor().pin_memory(), ValueError);
  EXPECT_THROW(Tensor().is_pinned(), ValueError);
}

// The blocks go round: a row of copies needs as many as are on their way at once.
TEST(PinnedMemory, IsUsedAgainWhenTheCopyHasPassed) {
  TwinOptions synchronous;
  synchronous.async = false;
  const TwinScope twin(synchronous);
  empty_cache(kTwin);
  const DeviceAllocator& pinned = *twin->pinned_memory();
  const std::uint64_t before = pinned.figures().fresh_blocks;
  const Tensor x = arange(0, 1 << 12, 1, DType::Float32).eval();
  Tensor there;
  for (int i = 0; i < 50; ++i) there = x.pin_memory().to(kTwin, true);
  EXPECT_EQ(there.to_vector<float>(), x.to_vector<float>());
  EXPECT_LE(pinned.figures().fresh_blocks - before, 2u);
}

// What it keeps is bounded by what was in use at once, whatever the sizes.
TEST(PinnedMemory, KeepsNoMoreThanWasNeededAtOnce) {
  const TwinScope twin;
  empty_cache(kTwin);
  twin->pinned_memory()->reset_peak();
  for (std::int64_t n = 1; n < 64; ++n) (void)ones({n * 1000}).pin_memory();
  const MemoryFigures now = twin->pinned_memory()->figures();
  EXPECT_LE(now.allocated_nbytes + now.cached_nbytes, now.peak_nbytes);
  EXPECT_LE(now.peak_nbytes, std::size_t{2} * 64 * 1000 * sizeof(float));
}

TEST(PinnedMemory, GivesBackWhenTheHostRunsShort) {
  const TwinScope twin;
  empty_cache(kTwin);
  empty_cache();
  (void)ones({2 << 20}).pin_memory();
  ASSERT_GE(pinned_memory_cached(kTwin), std::size_t{8} << 20);
  empty_cache();  // of the cpu: what is pinned counts there
  EXPECT_EQ(pinned_memory_cached(kTwin), 0u);
  (void)ones({2 << 20}).pin_memory();
  ASSERT_GE(pinned_memory_cached(kTwin), std::size_t{8} << 20);
  const std::size_t used = memory_allocated() + pinned_memory_cached(kTwin);
  const std::size_t limit = set_memory_limit(used + (std::size_t{1} << 20));
  EXPECT_NO_THROW(ones({2 << 20}).eval());
  EXPECT_THROW(ones({16 << 20}).pin_memory(), OutOfMemoryError);
  set_memory_limit(limit);
  EXPECT_TRUE(ones({4}).pin_memory().is_pinned());
}

TEST(PinnedMemory, ItsOwnLimitNamesIt) {
  const TwinScope twin;
  empty_cache(kTwin);
  const std::size_t before =
      twin->pinned_memory()->set_memory_limit(pinned_memory_allocated(kTwin) + 1024);
  const std::string text = message_of<OutOfMemoryError>([] { ones({1 << 16}).pin_memory(); });
  EXPECT_NE(text.find("of pinned memory"), std::string::npos) << text;
  twin->pinned_memory()->set_memory_limit(before);
  EXPECT_TRUE(ones({1 << 16}).pin_memory().is_pinned());
}

}  // namespace
}  // namespace ingot
