// A simulated device's memory: a range of addresses that nobody can read, handed out as handles,
// and behind it at a fixed distance the bytes, for its kernels. As one memory with the host it
// hands out the bytes themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "backend/device_allocator.h"

namespace ingot {

class SimulatedMemory final : public DeviceMemory {
 public:
  SimulatedMemory();
  void* take(std::size_t nbytes) noexcept override;
  void give(void* handle, std::size_t nbytes) noexcept override;
  void cached(void* handle, std::size_t nbytes) noexcept override;
  void reused(void* handle, std::size_t nbytes) noexcept override;
  std::size_t total_nbytes() const noexcept override;
  void set_total(std::size_t nbytes);

  /// Of what is handed out from now on.
  void set_unified(bool on);

  /// Where the bytes of a handle really are.
  std::byte* bytes(void* handle) const { return bytes_ + offset(handle); }

 private:
  std::size_t offset(void* handle) const {
    auto* at = static_cast<std::byte*>(handle);
    return static_cast<std::size_t>(at - (is_address(at) ? bytes_ : handles_));
  }
  bool is_address(const std::byte* handle) const;

  mutable std::mutex mutex_;
  std::byte* handles_ = nullptr;
  std::byte* bytes_ = nullptr;
  bool unified_ = false;
  std::size_t total_ = 0, taken_ = 0;
  std::map<std::size_t, std::size_t> free_;  // offset -> size
};

/// The host's memory, in blocks that are pinned: for a simulated device all of it is.
class HostBlocks final : public DeviceMemory {
 public:
  void* take(std::size_t nbytes) noexcept override;
  void give(void* handle, std::size_t nbytes) noexcept override;
  void cached(void* handle, std::size_t nbytes) noexcept override;
  void reused(void* handle, std::size_t nbytes) noexcept override;
};

}  // namespace ingot
