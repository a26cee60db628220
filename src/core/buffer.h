// Buffer: a block of device memory with one owner count. Value: one tensor's data inside a buffer,
// with its physical order as plain strides. Both are immutable as seen from recorded nodes; only a
// plan that proved itself the sole owner writes into an existing buffer (donation).
#pragma once

#include <cstddef>
#include <cstdint>

#include <ingot/core/device.h>
#include <ingot/core/shape.h>

#include "core/ref_counted.h"

namespace ingot {

class Buffer;

/// Gives and takes back memory of one device. Thread-safe.
class Allocator {
 public:
  virtual ~Allocator() = default;
  /// At least `nbytes` bytes aligned to 64; throws OutOfMemoryError.
  virtual Ref<Buffer> allocate(std::size_t nbytes) = 0;
  virtual void recycle(Buffer* buffer) noexcept = 0;
};

class Buffer : public RefCounted<Buffer> {
 public:
  Buffer(Allocator* owner, void* data, std::size_t nbytes, std::size_t capacity, Device device)
      : owner_(owner), data_(data), nbytes_(nbytes), capacity_(capacity), device_(device) {}

  static void destroy(Buffer* b) noexcept { b->owner_->recycle(b); }

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::size_t nbytes() const { return nbytes_; }
  std::size_t capacity() const { return capacity_; }
  Device device() const { return device_; }

 private:
  Allocator* owner_;
  void* data_;
  std::size_t nbytes_;
  std::size_t capacity_;
  Device device_;
};

struct Value : RefCounted<Value> {
  Ref<Buffer> buffer;
  std::int64_t offset = 0;  ///< of element [0, 0, …], in elements
  Dims strides;             ///< in elements

  Value(Ref<Buffer> b, std::int64_t o, const Dims& s)
      : buffer(std::move(b)), offset(o), strides(s) {}
};

/// Host memory from a caching arena; see buffer.cpp. Never destroyed.
Allocator& host_allocator();

/// Bytes handed out now, the largest they were, and bytes cached for reuse.
struct MemoryFigures {
  std::size_t allocated_nbytes = 0;
  std::size_t peak_nbytes = 0;
  std::size_t cached_nbytes = 0;
};
MemoryFigures host_memory_figures();
void reset_host_memory_peak();
/// Returns cached blocks to the system.
void empty_host_cache();

}  // namespace ingot
