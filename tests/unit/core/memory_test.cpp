// Memory figures of the host.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>

#include "core/buffer.h"

namespace ingot {
namespace {

TEST(Memory, WhatWasRefusedIsNoPeak) {
  reset_peak_memory_stats();
  const std::size_t before = memory_allocated();
  EXPECT_THROW(host_allocator().allocate(std::size_t{1} << 62), OutOfMemoryError);
  EXPECT_EQ(memory_allocated(), before);
  EXPECT_EQ(max_memory_allocated(), before);
  const std::size_t size = 3'000'000;
  { const auto buffer = host_allocator().allocate(size); }
  EXPECT_GE(max_memory_allocated(), before + size);
  EXPECT_EQ(memory_allocated(), before);
}

}  // namespace
}  // namespace ingot
