#include "backend/device_allocator.h"

#include <fmt/format.h>

#include <algorithm>
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

void* DeviceAllocator::take(std::size_t capacity) {
  const std::lock_guard lock(mutex_);
  if (const auto found = cached_.find(capacity); found != cached_.end()) {
    void* handle = found->second;
    cached_nbytes_ -= found->first;
    cached_.erase(found);
    allocated_nbytes_ += capacity;
    peak_nbytes_ = std::max(peak_nbytes_, allocated_nbytes_);
    return handle;
  }
  const auto fits = [&] {
    return allocated_nbytes_ + cached_nbytes_ <= memory_limit_ &&
           capacity <= memory_limit_ - allocated_nbytes_ - cached_nbytes_;
  };
  if (!fits() && allocated_nbytes_ <= memory_limit_)
    trim(memory_limit_ - allocated_nbytes_ < capacity
             ? 0
             : memory_limit_ - allocated_nbytes_ - capacity);
  if (!fits()) return nullptr;
  void* handle = take_from_memory(capacity);
  if (!handle && cached_nbytes_ > 0) {
    trim(0);
    handle = take_from_memory(capacity);
  }
  if (!handle) return nullptr;
  ++fresh_blocks_;
  allocated_nbytes_ += capacity;
  peak_nbytes_ = std::max(peak_nbytes_, allocated_nbytes_);
  reserved_peak_nbytes_ = std::max(reserved_peak_nbytes_, allocated_nbytes_ + cached_nbytes_);
  return handle;
}

// The largest go first: they are the least likely to fit what comes.
void DeviceAllocator::trim(std::size_t cached_nbytes) {
  while (cached_nbytes_ > cached_nbytes) {
    const auto last = std::prev(cached_.end());
    memory_.give(last->second, last->first);
    cached_nbytes_ -= last->first;
    cached_.erase(last);
  }
}

Ref<Buffer> DeviceAllocator::allocate(std::size_t nbytes) {
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
  void* handle = take(capacity);
  if (!handle) {
    if (auto* reclaim = reclaimer_.load(std::memory_order_acquire)) reclaim();
    handle = take(capacity);
  }
  if (!handle) refuse();
  try {
    return Ref<Buffer>(
        new Buffer(this, handle, nbytes, capacity, device_, space_, false, is_pinned_));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    memory_.give(handle, capacity);
    allocated_nbytes_ -= capacity;
    throw OutOfMemoryError("cpu: no memory left");
  }
}

void DeviceAllocator::recycle(Buffer* buffer) noexcept {
  const std::size_t capacity = buffer->capacity();
  void* handle = buffer->handle();
  const MemorySpace space = buffer->space();
  delete buffer;
  const std::lock_guard lock(mutex_);
  allocated_nbytes_ -= capacity;
  if (space != space_) return memory_.give(handle, capacity);
  try {
    cached_.emplace(capacity, handle);
    cached_nbytes_ += capacity;
  } catch (const std::bad_alloc&) {
    memory_.give(handle, capacity);
  }
  if (cached_nbytes_ > cache_limit_) trim(cache_limit_);
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
