#include "backend/device_allocator.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include <ingot/core/error.h>

#include "core/block_cache.h"

namespace ingot {

namespace {
thread_local int inside_take = 0;
}

std::unique_ptr<DeviceAllocator> DeviceAllocator::of_pinned(DeviceMemory& memory) {
  auto allocator = std::make_unique<DeviceAllocator>(Device{}, MemorySpace::Host, memory);
  allocator->is_pinned_ = true;
  return allocator;
}

void* DeviceAllocator::take_from_memory(std::size_t capacity) {
  ++inside_take;
  void* handle = memory_.take(capacity);
  --inside_take;
  return handle;
}

DeviceAllocator::Block DeviceAllocator::take(std::size_t capacity, bool is_arena) {
  const std::lock_guard lock(mutex_);
  if (is_arena && !arenas_.empty()) {
    const auto largest = std::prev(arenas_.end());
    if (largest->first >= capacity) return take_cached(arenas_, largest);
    give_back(arenas_, largest);  // it makes place for its successor
  }
  if (!is_arena)
    if (const auto found = blocks_.lower_bound({capacity, nullptr});
        found != blocks_.end() && found->first == capacity)
      return take_cached(blocks_, found);
  const auto fits = [&] {
    return allocated_nbytes_ + cached_nbytes_ <= memory_limit_ &&
           capacity <= memory_limit_ - allocated_nbytes_ - cached_nbytes_;
  };
  if (!fits() && allocated_nbytes_ <= memory_limit_)
    trim(memory_limit_ - allocated_nbytes_ < capacity
             ? 0
             : memory_limit_ - allocated_nbytes_ - capacity);
  if (!fits()) return {};
  void* handle = take_from_memory(capacity);
  if (!handle && cached_nbytes_ > 0) {
    trim(0);
    handle = take_from_memory(capacity);
  }
  if (!handle) return {};
  ++fresh_blocks_;
  count(capacity);
  return {handle, capacity};
}

DeviceAllocator::Block DeviceAllocator::take_cached(Blocks& from, Blocks::iterator at) {
  const Block block{at->second, at->first};
  memory_.reused(block.handle, block.capacity);
  cached_nbytes_ -= block.capacity;
  from.erase(at);
  count(block.capacity);
  return block;
}

void DeviceAllocator::count(std::size_t capacity) {
  allocated_nbytes_ += capacity;
  peak_nbytes_ = std::max(peak_nbytes_, allocated_nbytes_);
  high_water_ = std::max(high_water_, allocated_nbytes_);
  reserved_peak_nbytes_ = std::max(reserved_peak_nbytes_, allocated_nbytes_ + cached_nbytes_);
}

void DeviceAllocator::give_back(Blocks& from, Blocks::iterator at) {
  memory_.give(at->second, at->first);
  cached_nbytes_ -= at->first;
  from.erase(at);
}

// The largest go first: they are the least likely to fit what comes. An arena fits any run.
void DeviceAllocator::trim(std::size_t cached_nbytes) {
  while (cached_nbytes_ > cached_nbytes) {
    Blocks& from = blocks_.empty() ? arenas_ : blocks_;
    give_back(from, std::prev(from.end()));
  }
}

Ref<Buffer> DeviceAllocator::allocate(std::size_t nbytes) { return make(nbytes, false); }
Ref<Buffer> DeviceAllocator::allocate_arena(std::size_t nbytes) { return make(nbytes, true); }

Ref<Buffer> DeviceAllocator::allocate_again(std::size_t nbytes, void* handle) {
  if (nbytes > BlockCache::kLargest) return nullptr;
  Block block;
  {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find({BlockCache::capacity_for(nbytes), handle});
    if (found == blocks_.end()) return nullptr;
    block = take_cached(blocks_, found);
  }
  return wrap(block, nbytes, false);
}

Ref<Buffer> DeviceAllocator::make(std::size_t nbytes, bool is_arena) {
  const auto refuse = [&] {
    const std::lock_guard lock(mutex_);
    const std::string why =
        memory_limit_ == static_cast<std::size_t>(-1)
            ? ""
            : fmt::format("; the limit is {} bytes, see set_memory_limit", memory_limit_);
    throw OutOfMemoryError(fmt::format(
        "{}: cannot allocate {} bytes{} ({} bytes are in use by tensors{})", device_.str(), nbytes,
        is_pinned_ ? " of pinned memory" : "", allocated_nbytes_, why));
  };
  if (nbytes > BlockCache::kLargest) refuse();
  const std::size_t capacity = BlockCache::capacity_for(nbytes);
  Block block = take(capacity, is_arena);
  if (!block.handle) {
    if (auto* reclaim = reclaimer_.load(std::memory_order_acquire)) reclaim();
    block = take(capacity, is_arena);
  }
  if (!block.handle) refuse();
  return wrap(block, nbytes, is_arena);
}

Ref<Buffer> DeviceAllocator::wrap(Block block, std::size_t nbytes, bool is_arena) {
  try {
    return Ref<Buffer>(new Buffer(this, block.handle, nbytes, block.capacity, device_, space_,
                                  is_arena, is_pinned_));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    memory_.give(block.handle, block.capacity);
    allocated_nbytes_ -= block.capacity;
    throw OutOfMemoryError(fmt::format("{}: no memory left on the cpu", device_.str()));
  }
}

void DeviceAllocator::recycle(Buffer* buffer) noexcept {
  const std::size_t capacity = buffer->capacity();
  void* handle = buffer->handle();
  Blocks& to = buffer->is_arena() ? arenas_ : blocks_;
  const MemorySpace space = buffer->space();
  delete buffer;
  const std::lock_guard lock(mutex_);
  allocated_nbytes_ -= capacity;
  if (space != space_) return memory_.give(handle, capacity);
  try {
    to.emplace(capacity, handle);
    memory_.cached(handle, capacity);
    cached_nbytes_ += capacity;
  } catch (const std::bad_alloc&) {
    memory_.give(handle, capacity);
  }
  // What a program that repeats itself needs, as on the cpu: sizes that change leave blocks that
  // fit nothing that comes.
  constexpr std::size_t kSlackNbytes = std::size_t{8} << 20;
  const std::size_t kept = high_water_ / 2 * 3 + kSlackNbytes;
  const std::size_t most = kept > allocated_nbytes_ ? kept - allocated_nbytes_ : 0;
  if (cached_nbytes_ > std::min(cache_limit_, most)) trim(std::min(cache_limit_, most));
  if (is_pinned_ && allocated_nbytes_ + cached_nbytes_ > peak_nbytes_)
    trim(peak_nbytes_ - allocated_nbytes_);
}

MemoryFigures DeviceAllocator::figures() const {
  const std::lock_guard lock(mutex_);
  return {allocated_nbytes_, peak_nbytes_, cached_nbytes_, reserved_peak_nbytes_, fresh_blocks_};
}

void DeviceAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  peak_nbytes_ = allocated_nbytes_;
  reserved_peak_nbytes_ = allocated_nbytes_ + cached_nbytes_;
}

void DeviceAllocator::set_space(MemorySpace space) {
  const std::lock_guard lock(mutex_);
  trim(0);
  space_ = space;
}

void DeviceAllocator::empty_cache() {
  if (inside_take > 0) return;
  const std::lock_guard lock(mutex_);
  trim(0);
  high_water_ = allocated_nbytes_;
}

std::size_t DeviceAllocator::set_memory_limit(std::size_t nbytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t before = std::exchange(memory_limit_, nbytes);
  if (allocated_nbytes_ + cached_nbytes_ > nbytes)
    trim(nbytes > allocated_nbytes_ ? nbytes - allocated_nbytes_ : 0);
  return before;
}

std::size_t DeviceAllocator::set_cache_limit(std::size_t nbytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t before = std::exchange(cache_limit_, nbytes);
  if (cached_nbytes_ > nbytes) trim(nbytes);
  return before;
}

}  // namespace ingot
