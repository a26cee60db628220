// Memory that is kept for reuse: within limits, counted, given back. And sizes whose sums no
// integer holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/core/parallel.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/softmax.h>

#include "core/buffer.h"
#include "core/record.h"
#include "plan/plan.h"

namespace ingot {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

// The sanitizers' builds keep no blocks, so that every use after free is seen.
bool keeps_blocks() {
  empty_cache();
  { const auto block = host_allocator().allocate(kMiB); }
  return host_memory_figures().cached_nbytes >= kMiB;
}

struct LimitScope {
  std::size_t memory = kNoMemoryLimit, cache = kNoMemoryLimit;
  explicit LimitScope(std::size_t memory_limit, std::size_t cache_limit = kNoMemoryLimit)
      : memory(set_memory_limit(memory_limit)), cache(set_cache_limit(cache_limit)) {}
  ~LimitScope() {
    set_memory_limit(memory);
    set_cache_limit(cache);
  }
};

// A step of a small model on a sequence of `length`: forward, backward, update.
struct SequenceModel {
  Tensor in = ones({64, 96}) * 0.01, out = ones({96, 64}) * 0.01;

  void step(std::int64_t length) {
    for (Tensor* p : {&in, &out}) {
      p->set_grad({});
      p->requires_grad_();
    }
    const Tensor x = ones({length, 64}) * 0.5;
    const Tensor y = matmul(relu(matmul(x, in)).softmax(-1), out);
    (y * y).sum().backward();
    const NoGradGuard off;
    for (Tensor* p : {&in, &out}) *p = (*p - p->grad() * 1e-3).detach();
    eval();
  }
};

struct Cost {
  std::size_t most = 0;  ///< from the system at any time
  std::size_t kept = 0;  ///< cached at the end
};

Cost cost_of(const std::vector<std::int64_t>& lengths) {
  SequenceModel model;
  model.step(8);
  empty_cache();
  reset_peak_memory_stats();
  const std::size_t before = host_memory_figures().reserved_peak_nbytes;
  for (const std::int64_t length : lengths) model.step(length);
  return {host_memory_figures().reserved_peak_nbytes - before, memory_cached()};
}

TEST(MemoryKept, ManySequenceLengthsCostLittleMoreThanTheLongest) {
  std::vector<std::int64_t> growing;
  for (std::int64_t i = 1; i <= 64; ++i) growing.push_back(64 * i);
  std::vector<std::int64_t> falling(growing.rbegin(), growing.rend());
  std::vector<std::int64_t> mixed = growing;
  std::shuffle(mixed.begin(), mixed.end(), std::mt19937(1));
  const Cost longest = cost_of({4096, 4096});
  ASSERT_GT(longest.most, 4 * kMiB);
  for (const auto* lengths : {&growing, &falling, &mixed}) {
    const Cost cost = cost_of(*lengths);
    EXPECT_LE(cost.most, longest.most / 2 * 3 + 6 * kMiB);
    EXPECT_LE(cost.kept, longest.most / 2 * 3 + 6 * kMiB);
  }
  empty_cache();
  EXPECT_EQ(memory_cached(), 0u);
}

// The other side of the limits: what a program needs again and again is not taken from the system
// again.
TEST(MemoryKept, AStepThatRepeatsItselfTakesNoFreshMemory) {
  if (!keeps_blocks()) GTEST_SKIP() << "this build keeps no blocks";
  const ThreadLimit two(2);
  SequenceModel model;
  const std::vector<std::int64_t> lengths{4096, 1000, 2048, 333};
  for (int round = 0; round < 4; ++round)
    for (const std::int64_t length : lengths) model.step(length);
  const std::uint64_t before = host_memory_figures().fresh_blocks;
  for (int round = 0; round < 8; ++round)
    for (const std::int64_t length : lengths) model.step(length);
  // Not one for each step: a thread may get its first piece, and with it scratch, only now.
  const auto scratch = static_cast<std::uint64_t>(3 * num_threads());
  ASSERT_LT(scratch, 8 * lengths.size());
  EXPECT_LE(host_memory_figures().fresh_blocks - before, scratch);
}

TEST(MemoryKept, TheCacheLimitHoldsAndIsGivenBack) {
  if (!keeps_blocks()) GTEST_SKIP() << "this build keeps no blocks";
  empty_cache();
  const auto blocks_of = [](int count) {
    std::vector<Ref<Buffer>> blocks;
    for (int i = 0; i < count; ++i) blocks.push_back(host_allocator().allocate(kMiB));
  };
  blocks_of(12);
  EXPECT_GE(memory_cached(), 12 * kMiB);
  EXPECT_EQ(set_cache_limit(3 * kMiB), kNoMemoryLimit);
  EXPECT_LE(memory_cached(), 3 * kMiB);
  blocks_of(12);
  EXPECT_LE(memory_cached(), 3 * kMiB);
  EXPECT_EQ(set_cache_limit(0), 3 * kMiB);
  blocks_of(12);
  EXPECT_EQ(memory_cached(), 0u);
  EXPECT_EQ(set_cache_limit(kNoMemoryLimit), 0u);
}

TEST(MemoryLimit, CachedMemoryGoesFirstThenTheErrorComesAndNothingIsLost) {
  empty_cache();
  const Tensor kept = ones({1024}) * 3;
  kept.eval();
  const std::size_t used = memory_allocated() + memory_cached();
  const LimitScope limit(used + 24 * kMiB);
  { const auto block = host_allocator().allocate(16 * kMiB); }  // now cached
  const auto other = host_allocator().allocate(12 * kMiB);      // takes its place
  EXPECT_LE(memory_allocated() + memory_cached(), used + 24 * kMiB);
  try {
    const Tensor large = ones({16, 1024, 1024}) + kept[0];
    large.eval();
    FAIL();
  } catch (const OutOfMemoryError& e) {
    EXPECT_NE(std::string(e.what()).find("set_memory_limit"), std::string::npos) << e.what();
  }
  EXPECT_EQ((kept * 2).sum().item<float>(), 6 * 1024);
}

TEST(MemoryLimit, TheLimitsOfADeviceThatIsNotThereAreRefused) {
  EXPECT_THROW(set_memory_limit(1, "cuda"), DeviceError);
  EXPECT_THROW(set_cache_limit(1, "mps"), DeviceError);
}

// Arenas, scratch of kernels and instances of plans that belong to a thread which is idle.
TEST(EmptyCache, TakesWhatOtherThreadsKeep) {
  empty_cache();
  std::mutex mutex;
  std::condition_variable changed;
  bool has_run = false, may_end = false;
  std::thread other([&] {
    {
      SequenceModel model;
      model.step(2048);
      model.step(2048);
      // Sums of rows of bools use scratch of the thread.
      (ones({64, 5000}) > 0.5).transpose(0, 1).to(float32).sum({1}).eval();
    }
    std::unique_lock lock(mutex);
    has_run = true;
    changed.notify_all();
    changed.wait(lock, [&] { return may_end; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return has_run; });
  }
  EXPECT_GT(memory_cached(), 0u);
  empty_cache();
  EXPECT_EQ(memory_cached(), 0u);
  {
    const std::lock_guard lock(mutex);
    may_end = true;
  }
  changed.notify_all();
  other.join();
  EXPECT_EQ(memory_cached(), 0u);
}

TEST(PlanCache, IsBoundedInBytes) {
  plan::clear_plan_cache();
  const auto run = [](std::int64_t length) { (ones({length}) * 2 + 1).sum().eval(); };
  for (std::int64_t i = 1; i <= 20; ++i) run(i);
  const plan::CacheFigures all = plan::cache_figures();
  ASSERT_GE(all.plans, 20u);
  ASSERT_GT(all.nbytes, 20 * sizeof(plan::Plan));
  const std::size_t before = plan::set_plan_cache_limit(all.nbytes / 2);
  const plan::CacheFigures half = plan::cache_figures();
  EXPECT_LE(half.nbytes, all.nbytes / 2);
  EXPECT_LT(half.plans, all.plans);
  EXPECT_GE(half.plans, all.plans / 4);
  for (std::int64_t i = 21; i <= 60; ++i) {
    run(i);
    EXPECT_LE(plan::cache_figures().nbytes, all.nbytes / 2);
  }
  // The last one is there whatever it takes.
  plan::set_plan_cache_limit(0);
  run(100);
  EXPECT_EQ(plan::cache_figures().plans, 1u);
  plan::set_plan_cache_limit(before);
  plan::clear_plan_cache();
  EXPECT_EQ(plan::cache_figures().nbytes, 0u);
}

// Values of which each can be addressed, but not all at once.
TEST(HugeSizes, WhatDoesNotAddUpIsOutOfMemory) {
  const auto exhausts = [](const char* what, const std::function<Tensor()>& make) {
    SCOPED_TRACE(what);
    Tensor t = make();
    EXPECT_THROW(t.eval(), OutOfMemoryError);
  };
  const std::int64_t floats = (std::int64_t{1} << 61) - 1;
  for (const auto& [dtype, numel] : {std::pair{float32, floats},
                                     {float64, floats / 2},
                                     {float16, 2 * floats},
                                     {int64, floats / 2},
                                     {uint8, 4 * floats},
                                     {boolean, 4 * floats}}) {
    const Tensor x = zeros({1}, {.dtype = dtype}).expand({numel});
    SCOPED_TRACE(std::string(name(dtype)));
    // Not merged: their shapes differ.
    const Tensor row = x.reshape({1, numel});
    exhausts("one temporary", [&] { return x.flip({0}).any(); });
    exhausts("two", [&] { return (x.flip({0}) == row.flip({1})).any(); });
    exhausts("four", [&] {
      const Tensor a = x.flip({0}), b = row.flip({1});
      return (a.flip({0}).any() == b.flip({1}).any()) == (a == b).any();
    });
    exhausts("an output", [&] { return x.flip({0}); });
  }
  // Rows and blocks of partial sums.
  exhausts("partial sums", [] {
    return zeros({1, 1}, {.dtype = uint8}).expand({std::int64_t{1} << 60, 7}).amax({1});
  });
  exhausts("columns", [] {
    return zeros({1, 1}, {.dtype = float16}).expand({3, std::int64_t{1} << 60}).amax({0});
  });
  EXPECT_EQ((ones({4}) + 1).sum().item<float>(), 8);
}

TEST(HugeSizes, ArithmeticOfSizesIsChecked) {
  const std::size_t half = std::size_t{1} << 62;
  EXPECT_EQ(plus_nbytes(half, half - 1), 2 * half - 1);
  EXPECT_THROW(plus_nbytes(half, half), OutOfMemoryError);
  EXPECT_THROW(plus_nbytes(~std::size_t{0}, 2), OutOfMemoryError);
  EXPECT_EQ(times_nbytes(half / 4, 4), half);
  EXPECT_THROW(times_nbytes(half, 2), OutOfMemoryError);
  EXPECT_THROW(times_nbytes(half, 8), OutOfMemoryError);
  EXPECT_EQ(aligned_nbytes(65), 128u);
  EXPECT_THROW(aligned_nbytes(~std::size_t{0}), OutOfMemoryError);
}

}  // namespace
}  // namespace ingot
