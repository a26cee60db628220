// The pool of small blocks, and that sanitizers see through it.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "core/block_pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define INGOT_TEST_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INGOT_TEST_HAS_ASAN 1
#endif
#endif

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

#ifdef INGOT_TEST_HAS_ASAN
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
