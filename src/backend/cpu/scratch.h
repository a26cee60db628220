// Per-thread scratch memory for kernels whose need is known only per thread. It stays with the
// thread for the next kernel, is counted as cached, and goes back when memory runs short or the
// cache is emptied. Kernels that say cannot_fail must not use it: it may have to be taken.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ingot::cpu {

/// Who uses a thread's scratch: callers that may be on the stack at once have different ones.
enum class ScratchUser { Tiles, Gemm, Columns };

/// At least `nbytes` bytes aligned to 64 while it lives. Throws OutOfMemoryError.
class ThreadScratch {
 public:
  ThreadScratch(ScratchUser user, std::size_t nbytes);
  ~ThreadScratch();
  ThreadScratch(const ThreadScratch&) = delete;
  ThreadScratch& operator=(const ThreadScratch&) = delete;

  std::byte* data() const { return data_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  ScratchUser user_;
  std::byte* data_;
};

constexpr std::size_t align64(std::size_t nbytes) {
  return (nbytes + 63) & ~static_cast<std::size_t>(63);
}

}  // namespace ingot::cpu
