#include "support/allocation_hook.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace ingot::optest {
namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
std::atomic<std::size_t> g_largest{kAny};
std::atomic<bool> g_refuse{false};
std::atomic<std::uint64_t> g_count{0};
thread_local std::int64_t left = -1;

}  // namespace

LargestAllocation::LargestAllocation(std::size_t nbytes) : previous_(g_largest.exchange(nbytes)) {}
LargestAllocation::~LargestAllocation() { g_largest = previous_; }
std::uint64_t allocations() { return g_count; }
void refuse_allocations(bool on) { g_refuse = on; }
void limit_allocations(std::int64_t count) { left = count; }

namespace {

void* take(std::size_t nbytes) {
  g_count.fetch_add(1, std::memory_order_relaxed);
  if (nbytes > g_largest.load(std::memory_order_relaxed) ||
      g_refuse.load(std::memory_order_relaxed) || left == 0)
    throw std::bad_alloc();
  if (left > 0) --left;
  if (void* block = std::malloc(nbytes > 0 ? nbytes : 1)) return block;
  throw std::bad_alloc();
}

void* take_or_null(std::size_t nbytes) noexcept {
  try {
    return take(nbytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace
}  // namespace ingot::optest

// All forms but the overaligned ones: a sanitizer brings its own of what is missing here, and would
// see blocks of one heap given to another.
void* operator new(std::size_t nbytes, const std::nothrow_t&) noexcept {
  return ingot::optest::take_or_null(nbytes);
}
void* operator new[](std::size_t nbytes, const std::nothrow_t&) noexcept {
  return ingot::optest::take_or_null(nbytes);
}
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }
void* operator new(std::size_t nbytes) { return ingot::optest::take(nbytes); }
void* operator new[](std::size_t nbytes) { return ingot::optest::take(nbytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
