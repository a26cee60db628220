// Buffer: a block of device memory with one owner count. Value: one tensor's data inside a buffer,
// with its physical order as plain strides. Both are immutable as seen from recorded nodes; only a
// plan that proved itself the sole owner writes into an existing buffer (donation).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <ingot/core/device.h>
#include <ingot/core/shape.h>

#include "core/block_pool.h"
#include "core/ref_counted.h"
#include "core/stream.h"

namespace ingot {

class Buffer;

/// Gives and takes back memory of one device. Thread-safe.
class Allocator {
 public:
  virtual ~Allocator() = default;
  /// At least `nbytes` bytes aligned to 64; throws OutOfMemoryError.
  virtual Ref<Buffer> allocate(std::size_t nbytes) = 0;
  /// The same for the temporaries of one run, given back when it ends: any block that is large
  /// enough will do, so that all plans share the largest.
  virtual Ref<Buffer> allocate_arena(std::size_t nbytes) { return allocate(nbytes); }
  virtual void recycle(Buffer* buffer) noexcept = 0;
};

/// Who can follow a buffer's address: the host, the host and the device, or the device alone.
enum class MemorySpace : std::uint8_t { Host, Shared, Device };

class Buffer : public RefCounted<Buffer> {
 public:
  /// `handle`: the address where the space is Host or Shared, else what the device's driver calls
  /// the block.
  Buffer(Allocator* owner, void* handle, std::size_t nbytes, std::size_t capacity, Device device,
         MemorySpace space = MemorySpace::Host, bool is_arena = false, bool is_pinned = false)
      : owner_(owner),
        handle_(handle),
        nbytes_(nbytes),
        capacity_(capacity),
        device_(device),
        space_(space),
        is_arena_(is_arena),
        is_pinned_(is_pinned) {}

  static void destroy(Buffer* b) noexcept { b->owner_->recycle(b); }
  static void* operator new(std::size_t size) { return pool_take(size); }
  static void operator delete(void* block, std::size_t size) noexcept { pool_give(block, size); }

  /// The first byte. Throws InternalError for memory that only the device can read.
  std::byte* host() const {
    if (space_ == MemorySpace::Device) refuse_host();
    return static_cast<std::byte*>(handle_);
  }
  void* handle() const { return handle_; }
  std::size_t nbytes() const { return nbytes_; }
  std::size_t capacity() const { return capacity_; }
  Device device() const { return device_; }
  MemorySpace space() const { return space_; }
  bool is_arena() const { return is_arena_; }
  /// Host memory from which some device copies by itself (Backend::pinned_memory).
  bool is_pinned() const { return is_pinned_; }

  /// Values in this buffer that a run has written over and that are kept only until it is known
  /// whether the run succeeded: they own nothing. See plan/in_flight.h.
  void add_overwritten(int values) { overwritten_.fetch_add(values, std::memory_order_acq_rel); }
  std::uint32_t owners() const {
    return ref_count() - static_cast<std::uint32_t>(overwritten_.load(std::memory_order_acquire));
  }

 private:
  [[noreturn]] void refuse_host() const;

  Allocator* owner_;
  void* handle_;
  std::size_t nbytes_;
  std::size_t capacity_;
  Device device_;
  MemorySpace space_;
  bool is_arena_;
  bool is_pinned_;
  std::atomic<std::int32_t> overwritten_{0};
};

/// A place in a buffer: how a run's operands are named until a backend turns them into what its
/// kernels take. The host adds; a device's driver may need the pair.
struct Bound {
  Buffer* buffer = nullptr;
  std::int64_t offset = 0;  ///< bytes

  std::byte* host() const { return buffer ? buffer->host() + offset : nullptr; }
  Bound at(std::int64_t nbytes) const { return {buffer, offset + nbytes}; }
};

struct Value : RefCounted<Value> {
  Ref<Buffer> buffer;
  std::int64_t offset = 0;  ///< of element [0, 0, …], in elements
  Dims strides;             ///< in elements
  /// When its elements are there; set before anybody else sees the value.
  Ticket ready;
  /// A run in flight has written over it (Buffer::owners).
  bool overwritten = false;

  Value(Ref<Buffer> b, std::int64_t o, const Dims& s)
      : buffer(std::move(b)), offset(o), strides(s) {}
  ~Value() { set_overwritten(false); }
  void set_overwritten(bool on) {
    if (on == overwritten) return;
    buffer->add_overwritten(on ? 1 : -1);
    overwritten = on;
  }
  static void* operator new(std::size_t size) { return pool_take(size); }
  static void operator delete(void* block, std::size_t size) noexcept { pool_give(block, size); }

  /// Where element [0, 0, …] is.
  Bound bound(std::size_t element_nbytes) const {
    return {buffer.get(), offset * static_cast<std::int64_t>(element_nbytes)};
  }
  std::byte* host(std::size_t element_nbytes) const { return bound(element_nbytes).host(); }
};

/// Host memory; freed blocks are kept for reuse within limits, see host_memory.cpp. Never
/// destroyed.
Allocator& host_allocator();

/// What threads and run-time objects keep beside buffers (kernels' scratch, slot blocks of plans):
/// counted as cached and within the memory limit. Throws OutOfMemoryError.
void* take_host_scratch(std::size_t nbytes);
/// `nbytes` as it was asked for.
void give_host_scratch(void* block, std::size_t nbytes) noexcept;
/// `f` gives back what it can of such memory: called when memory runs short and by
/// empty_host_cache(), on any thread, with no lock held. At most eight, never removed.
void add_memory_reclaimer(void (*f)() noexcept);

/// Bytes handed out now, the largest they were, bytes cached for reuse, and the largest that both
/// were together.
struct MemoryFigures {
  std::size_t allocated_nbytes = 0;
  std::size_t peak_nbytes = 0;
  std::size_t cached_nbytes = 0;
  std::size_t reserved_peak_nbytes = 0;
  std::uint64_t fresh_blocks = 0;  ///< taken from the system so far
};
MemoryFigures host_memory_figures();
void reset_host_memory_peak();
/// Returns cached memory to the system.
void empty_host_cache();

/// See ingot/core/memory.h. Both return the limit before.
std::size_t set_host_memory_limit(std::size_t nbytes);
std::size_t set_host_cache_limit(std::size_t nbytes);

/// a · b and a + b for sizes of memory. Throw OutOfMemoryError where the result has no 63 bits: no
/// machine has that much.
std::size_t times_nbytes(std::size_t a, std::size_t b);
std::size_t plus_nbytes(std::size_t a, std::size_t b);
/// `nbytes` rounded up to whole cache lines; throws as the two above.
std::size_t aligned_nbytes(std::size_t nbytes);

}  // namespace ingot
