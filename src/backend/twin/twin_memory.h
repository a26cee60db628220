// The twin's memory: a range of addresses that nobody can read, handed out as handles, and behind
// it at a fixed distance the bytes, for the twin's kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "backend/device_allocator.h"

namespace ingot {

class TwinMemory final : public DeviceMemory {
 public:
  TwinMemory();
  void* take(std::size_t nbytes) noexcept override;
  void give(void* handle, std::size_t nbytes) noexcept override;
  std::size_t total_nbytes() const noexcept override;
  void set_total(std::size_t nbytes);

  /// Where the bytes of a handle really are.
  std::byte* bytes(void* handle) const {
    return bytes_ + (static_cast<std::byte*>(handle) - handles_);
  }

 private:
  mutable std::mutex mutex_;
  std::byte* handles_ = nullptr;
  std::byte* bytes_ = nullptr;
  std::size_t total_ = 0, taken_ = 0;
  std::map<std::size_t, std::size_t> free_;  // offset -> size
};

}  // namespace ingot
