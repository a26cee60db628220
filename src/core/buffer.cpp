#include "core/buffer.h"

#include <fmt/format.h>

#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include <ingot/core/error.h>

#if defined(__SANITIZE_ADDRESS__)
#define INGOT_ADDRESS_SANITIZER 1
#elif defined(__has_feature)  // Clang's way to tell
#if __has_feature(address_sanitizer)
#define INGOT_ADDRESS_SANITIZER 1
#endif
#endif

namespace ingot {
namespace {

// Fresh pages cost several times a copy on Linux, so freed blocks are kept by size class and handed
// out again. Classes are powers of two split in eight: at most 12.5 % is wasted.
std::size_t size_class(std::size_t nbytes) {
  if (nbytes <= 64) return 64;
  const std::size_t power = std::bit_floor(nbytes - 1);
  const std::size_t step = std::max<std::size_t>(64, power / 8);
  return (nbytes + step - 1) / step * step;
}

class HostAllocator final : public Allocator {
 public:
  Ref<Buffer> allocate(std::size_t nbytes) override {
    const std::size_t capacity = size_class(nbytes);
    void* data = nullptr;
    {
      const std::lock_guard lock(mutex_);
      auto& blocks = free_[capacity];
      if (!blocks.empty()) {
        data = blocks.back();
        blocks.pop_back();
        figures_.cached_nbytes -= capacity;
      }
      figures_.allocated_nbytes += capacity;
      // A recycled block cannot be refused; for a new one the peak waits until it is there.
      if (data) note_peak();
    }
    const bool fresh = !data;
    if (!data) data = std::aligned_alloc(64, capacity);
    if (!data) {
      empty_cache();
      data = std::aligned_alloc(64, capacity);
    }
    if (!data) {
      const std::lock_guard lock(mutex_);
      figures_.allocated_nbytes -= capacity;
      throw OutOfMemoryError(
          fmt::format("cpu: cannot allocate {} bytes ({} bytes are in use by tensors)", nbytes,
                      figures_.allocated_nbytes));
    }
    if (fresh) {
      const std::lock_guard lock(mutex_);
      note_peak();
    }
    return Ref<Buffer>(new Buffer(this, data, nbytes, capacity, Device{}));
  }

  void recycle(Buffer* buffer) noexcept override {
    const std::size_t capacity = buffer->capacity();
    void* data = buffer->data();
    delete buffer;
    const std::lock_guard lock(mutex_);
    figures_.allocated_nbytes -= capacity;
    if constexpr (kCaching) {
      try {
        free_[capacity].push_back(data);
        figures_.cached_nbytes += capacity;
        return;
      } catch (...) {  // no room to remember the block: give it back below
      }
    }
    std::free(data);
  }

  void empty_cache() {
    const std::lock_guard lock(mutex_);
    for (auto& [capacity, blocks] : free_)
      for (void* block : blocks) std::free(block);
    free_.clear();
    figures_.cached_nbytes = 0;
  }

  MemoryFigures figures() {
    const std::lock_guard lock(mutex_);
    return figures_;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    figures_.peak_nbytes = figures_.allocated_nbytes;
  }

 private:
  void note_peak() {
    figures_.peak_nbytes = std::max(figures_.peak_nbytes, figures_.allocated_nbytes);
  }

#if defined(INGOT_ADDRESS_SANITIZER)
  static constexpr bool kCaching = false;  // let ASan see every use after free
#else
  static constexpr bool kCaching = true;
#endif
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  MemoryFigures figures_;
};

HostAllocator& host() {
  // Leaked on purpose: tensors with static storage may die after any destructor here would run.
  static auto* allocator = new HostAllocator;
  return *allocator;
}

}  // namespace

Allocator& host_allocator() { return host(); }
MemoryFigures host_memory_figures() { return host().figures(); }
void reset_host_memory_peak() { host().reset_peak(); }
void empty_host_cache() { host().empty_cache(); }

}  // namespace ingot
