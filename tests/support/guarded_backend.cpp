#include "support/guarded_backend.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ingot::optest {
namespace {

constexpr std::size_t kGuardNbytes = 128;
constexpr unsigned char kGuard = 0xA5;
std::atomic<std::size_t> g_damaged{0};
std::atomic<std::size_t> g_checked{0};

// Lives as long as the process: buffers may outlive the backend that asked for them.
class GuardAllocator final : public Allocator {
 public:
  Ref<Buffer> allocate(std::size_t nbytes) override {
    const std::size_t capacity = (nbytes + 63) / 64 * 64;
    auto* block = static_cast<std::byte*>(std::aligned_alloc(64, capacity + 2 * kGuardNbytes));
    if (!block) throw std::bad_alloc();
    std::byte* data = block + kGuardNbytes;
    std::memset(block, kGuard, kGuardNbytes);
    std::memset(data, 0xff, nbytes);  // NaN in every floating dtype
    std::memset(data + nbytes, kGuard, capacity - nbytes + kGuardNbytes);
    return Ref<Buffer>(new Buffer(this, data, nbytes, capacity, Device{}));
  }

  void recycle(Buffer* buffer) noexcept override {
    const auto is_guard = [](std::byte b) { return b == std::byte{kGuard}; };
    std::byte* block = buffer->host() - kGuardNbytes;
    std::byte* after = buffer->host() + buffer->nbytes();
    std::byte* end = buffer->host() + buffer->capacity() + kGuardNbytes;
    ++g_checked;
    if (!std::all_of(block, buffer->host(), is_guard) || !std::all_of(after, end, is_guard))
      ++g_damaged;
    std::free(block);
    delete buffer;
  }
};

GuardAllocator& guard_allocator() {
  static auto* allocator = new GuardAllocator();
  return *allocator;
}

}  // namespace

GuardedBackend::GuardedBackend(Backend& inner) : inner_(inner) {}
GuardedBackend::~GuardedBackend() = default;
Allocator& GuardedBackend::allocator() { return guard_allocator(); }
std::size_t GuardedBackend::damaged_blocks() { return g_damaged; }
std::size_t GuardedBackend::checked_blocks() { return g_checked; }

}  // namespace ingot::optest
