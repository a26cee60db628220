// The pool of small blocks, and that sanitizers see through it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "core/block_pool.h"
#include "core/buffer.h"
#include "core/sanitizers.h"
#include "support/allocation_hook.h"

namespace ingot {
namespace {

TEST(BlockPool, BlocksOfAllSizesAreAlignedAndDoNotOverlap) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t nbytes = 1; nbytes < 1500; nbytes += 7) {
    auto* block = static_cast<unsigned char*>(pool_take(nbytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u);
    std::memset(block, static_cast<int>(nbytes % 251), nbytes);
    blocks.emplace_back(block, nbytes);
  }
  for (const auto& [block, nbytes] : blocks)
    for (std::size_t i = 0; i < nbytes; ++i) ASSERT_EQ(block[i], nbytes % 251);
  // Given back on another thread than the one that took them.
  std::thread([&] {
    for (const auto& [block, nbytes] : blocks) pool_give(block, nbytes);
  }).join();
}

void take_and_give(int count, std::size_t nbytes) {
  std::vector<void*> blocks;
  for (int i = 0; i < count; ++i) blocks.push_back(pool_take(nbytes));
  for (void* block : blocks) pool_give(block, nbytes);
}

TEST(BlockPool, WhatIsKeptIsBoundedCountedAndGivenBack) {
  if (pool_is_heap()) GTEST_SKIP() << "this build keeps no blocks";
  empty_pool();
  EXPECT_EQ(pool_cached_nbytes(), 0u);
  const std::size_t before = host_memory_figures().cached_nbytes;
  for (const std::size_t nbytes : {64, 200, 1000}) take_and_give(60'000, nbytes);
  EXPECT_LE(pool_cached_nbytes(), kPoolNbytes);
  EXPECT_GT(pool_cached_nbytes(), kPoolNbytes / 2);
  EXPECT_EQ(host_memory_figures().cached_nbytes, before + pool_cached_nbytes());
  // Of another thread, which is gone or idle, as well.
  empty_pool();
  std::thread([] { take_and_give(2000, 200); }).join();
  EXPECT_GT(pool_cached_nbytes(), 0u);
  empty_pool();
  EXPECT_EQ(pool_cached_nbytes(), 0u);
}

// What was put away is used again, and no more is: a round of takes asks the heap for nothing.
TEST(BlockPool, BlocksAreUsedAgain) {
  if (pool_is_heap()) GTEST_SKIP() << "this build keeps no blocks";
  std::vector<void*> blocks(3000);
  const auto round = [&] {
    for (void*& block : blocks) block = pool_take(300);
    for (void* block : blocks) pool_give(block, 300);
  };
  round();
  const std::uint64_t before = optest::allocations();
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(optest::allocations(), before);
}

// A thread that keeps a few dozen blocks gives them up when it next puts some away.
TEST(BlockPool, OtherThreadsFollow) {
  if (pool_is_heap()) GTEST_SKIP() << "this build keeps no blocks";
  empty_pool();
  std::atomic<int> stage = 0;
  std::uint64_t from_heap = 0;
  std::thread other([&] {
    std::vector<void*> own;
    for (int i = 0; i < 96; ++i) own.push_back(pool_take(500));
    const auto give = [&](int count) {
      for (; count > 0; --count, own.pop_back()) pool_give(own.back(), 500);
    };
    give(40);
    stage = 1;
    while (stage != 2) std::this_thread::yield();
    give(24);  // with the 8 beyond the first batch: another one
    const std::uint64_t before = optest::allocations();
    own.push_back(pool_take(500));
    from_heap = optest::allocations() - before;
    give(static_cast<int>(own.size()));
  });
  while (stage != 1) std::this_thread::yield();
  empty_pool();
  stage = 2;
  other.join();
  EXPECT_EQ(from_heap, 1u);
}

#ifdef INGOT_ADDRESS_SANITIZER
TEST(BlockPool, TheSanitizerSeesUseAfterFree) {
  EXPECT_DEATH(
      {
        auto* block = static_cast<volatile char*>(pool_take(200));
        pool_give(const_cast<char*>(block), 200);
        block[64] = 1;
      },
      "heap-use-after-free");
}
#endif

}  // namespace
}  // namespace ingot
