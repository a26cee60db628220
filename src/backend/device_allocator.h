// Memory of a device: blocks in size classes, kept for reuse when they are given back. There is one
// stream a device, so that a block may be used again as soon as the host lets it go: what reads it
// then comes after what read it before.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "core/buffer.h"

namespace ingot {

/// Where a device's allocator gets its blocks.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// Null when there is not so much.
  virtual void* take(std::size_t nbytes) noexcept = 0;
  virtual void give(void* handle, std::size_t nbytes) noexcept = 0;
  /// A block is kept for reuse: until reused() nobody may touch it. Where a sanitizer can be told.
  virtual void cached(void* /*handle*/, std::size_t /*nbytes*/) noexcept {}
  virtual void reused(void* /*handle*/, std::size_t /*nbytes*/) noexcept {}
  /// All there is; 0 when unknown.
  virtual std::size_t total_nbytes() const noexcept { return 0; }
};

class DeviceAllocator final : public Allocator {
 public:
  DeviceAllocator(Device device, MemorySpace space, DeviceMemory& memory)
      : device_(device), space_(space), memory_(memory) {}
  /// Of a device's pinned host memory. It keeps what was in use at once, for reuse, and no more:
  /// the staging of batches goes round in it.
  static std::unique_ptr<DeviceAllocator> of_pinned(DeviceMemory& memory);

  /// Throws OutOfMemoryError, after it has given back what is cached and tried again.
  Ref<Buffer> allocate(std::size_t nbytes) override;
  /// The largest one there is, or a new one in its place.
  Ref<Buffer> allocate_arena(std::size_t nbytes) override;
  void recycle(Buffer* buffer) noexcept override;
  /// The very block again, if it is cached and of the right size; else null.
  Ref<Buffer> allocate_again(std::size_t nbytes, void* handle);

  MemoryFigures figures() const;
  void reset_peak();
  /// Gives what is cached back to the device. Nothing happens inside take() of its memory, which
  /// may ask for that when the host runs short.
  void empty_cache();
  /// From now on buffers are of that space; what is cached goes. While nobody allocates.
  void set_space(MemorySpace space);
  /// Allocated and cached bytes together stay within it. Returns the limit before.
  std::size_t set_memory_limit(std::size_t nbytes);
  /// Cached bytes stay within it. Returns the limit before.
  std::size_t set_cache_limit(std::size_t nbytes);
  /// `f` is called, with no lock held, when memory has run short although nothing is cached any
  /// more: it may let go of what others keep.
  void set_reclaimer(void (*f)() noexcept) { reclaimer_.store(f, std::memory_order_release); }

 private:
  struct Block {
    void* handle = nullptr;
    std::size_t capacity = 0;
  };
  using Blocks = std::set<std::pair<std::size_t, void*>>;  // by capacity, then by handle

  Ref<Buffer> make(std::size_t nbytes, bool is_arena);
  Ref<Buffer> wrap(Block block, std::size_t nbytes, bool is_arena);
  Block take(std::size_t capacity, bool is_arena);
  Block take_cached(Blocks& from, Blocks::iterator at);
  void* take_from_memory(std::size_t capacity);
  void count(std::size_t capacity);
  void give_back(Blocks& from, Blocks::iterator at);
  void trim(std::size_t cached_nbytes);

  Device device_;
  MemorySpace space_;
  DeviceMemory& memory_;
  bool is_pinned_ = false;
  std::atomic<void (*)() noexcept> reclaimer_{nullptr};
  mutable std::mutex mutex_;
  Blocks blocks_, arenas_;  // cached
  std::size_t cached_nbytes_ = 0;
  std::size_t allocated_nbytes_ = 0;
  std::size_t peak_nbytes_ = 0;
  std::size_t reserved_peak_nbytes_ = 0;
  std::size_t high_water_ = 0;  // the most allocated since the cache was last emptied
  std::uint64_t fresh_blocks_ = 0;
  std::size_t memory_limit_ = static_cast<std::size_t>(-1);
  std::size_t cache_limit_ = static_cast<std::size_t>(-1);
};

}  // namespace ingot
