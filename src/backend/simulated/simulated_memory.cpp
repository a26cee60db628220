#include "backend/simulated/simulated_memory.h"

#include <sys/mman.h>

#include <exception>
#include <functional>
#include <iterator>
#include <new>

#include <ingot/core/error.h>

#include "core/buffer.h"
#include "core/sanitizers.h"

#if defined(INGOT_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace ingot {
namespace {

constexpr std::size_t kRange = std::size_t{16} << 30;
constexpr std::size_t kPage = std::size_t{1} << 16;  // no system's is larger

std::byte* map_range(int protection) {
  void* range =
      mmap(nullptr, kRange, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    throw OutOfMemoryError("no addresses left for the memory of a simulated device");
  return static_cast<std::byte*>(range);
}

std::size_t pages(std::size_t nbytes) { return (nbytes + kPage - 1) / kPage * kPage; }

}  // namespace

SimulatedMemory::SimulatedMemory()
    : handles_(map_range(PROT_NONE)), bytes_(map_range(PROT_READ | PROT_WRITE)) {
  free_.emplace(0, kRange);
}

void SimulatedMemory::set_total(std::size_t nbytes) {
  const std::lock_guard lock(mutex_);
  total_ = nbytes;
}

void SimulatedMemory::set_unified(bool on) {
  const std::lock_guard lock(mutex_);
  unified_ = on;
}

bool SimulatedMemory::is_address(const std::byte* handle) const {
  return !std::less<>()(handle, bytes_) && std::less<>()(handle, bytes_ + kRange);
}

std::size_t SimulatedMemory::total_nbytes() const noexcept {
  const std::lock_guard lock(mutex_);
  return total_;
}

void* SimulatedMemory::take(std::size_t nbytes) noexcept {
  const std::lock_guard lock(mutex_);
  if (nbytes > total_ || taken_ > total_ - nbytes) return nullptr;
  const std::size_t size = pages(nbytes);
  for (auto hole = free_.begin(); hole != free_.end(); ++hole) {
    const auto [offset, room] = *hole;
    if (room < size) continue;
    try {
      if (room > size) free_.emplace(offset + size, room - size);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    free_.erase(hole);
    taken_ += nbytes;
    // What lies between the block and its last page stays forbidden.
    ASAN_POISON_MEMORY_REGION(bytes_ + offset, size);
    ASAN_UNPOISON_MEMORY_REGION(bytes_ + offset, nbytes);
    return (unified_ ? bytes_ : handles_) + offset;
  }
  return nullptr;
}

void SimulatedMemory::give(void* handle, std::size_t nbytes) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t offset = this->offset(handle);
  const std::size_t size = pages(nbytes);
  ASAN_POISON_MEMORY_REGION(bytes_ + offset, size);
  madvise(bytes_ + offset, size, MADV_DONTNEED);
  taken_ -= nbytes;
  try {
    auto hole = free_.emplace(offset, size).first;
    if (const auto next = std::next(hole);
        next != free_.end() && hole->first + hole->second == next->first) {
      hole->second += next->second;
      free_.erase(next);
    }
    if (hole != free_.begin())
      if (const auto before = std::prev(hole); before->first + before->second == hole->first) {
        before->second += hole->second;
        free_.erase(hole);
      }
  } catch (const std::bad_alloc&) {  // the addresses are lost, the bytes are not
  }
}

void SimulatedMemory::cached(void* handle, std::size_t nbytes) noexcept {
  ASAN_POISON_MEMORY_REGION(bytes(handle), nbytes);
}

void SimulatedMemory::reused(void* handle, std::size_t nbytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(bytes(handle), nbytes);
}

void* HostBlocks::take(std::size_t nbytes) noexcept {
  try {
    return take_host_scratch(nbytes);
  } catch (const std::exception&) {
    return nullptr;
  }
}

void HostBlocks::give(void* handle, std::size_t nbytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(handle, nbytes);
  give_host_scratch(handle, nbytes);
}

void HostBlocks::cached(void* handle, std::size_t nbytes) noexcept {
  ASAN_POISON_MEMORY_REGION(handle, nbytes);
}

void HostBlocks::reused(void* handle, std::size_t nbytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(handle, nbytes);
}

}  // namespace ingot
