// Per-thread scratch memory for kernels whose need is small and known only per thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ingot::cpu {

/// Who uses a thread's scratch: callers that may be on the stack at once have different ones.
enum class ScratchUser { Tiles, Gemm, Columns };

/// At least `nbytes` bytes aligned to 64, valid until the thread's next call for the same user.
std::byte* thread_scratch(ScratchUser user, std::size_t nbytes);

constexpr std::size_t align64(std::size_t nbytes) {
  return (nbytes + 63) & ~static_cast<std::size_t>(63);
}

}  // namespace ingot::cpu
