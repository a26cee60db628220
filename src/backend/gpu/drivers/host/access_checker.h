// Watches every access of memory that a kernel makes: whether it lies in one of its buffers, and
// whether two threads touch a byte, one of them writing, without a barrier between. The kernel is
// compiled with the compiler's instrumentation for ThreadSanitizer, whose calls come here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/gpu/drivers/host/executor.h"

namespace ingot::gpu {

class Fiber;

class AccessChecker {
 public:
  /// `readable`: what a kernel may read beside its buffers (its parameters); `is_constant` knows
  /// the kernel's own constants.
  AccessChecker(std::span<const Argument> buffers, std::span<const Argument> readable,
                std::function<bool(const void*)> is_constant);

  // -- Told by the executor -----------------------------------------------------------------------

  void begin_group(const std::byte* shared, std::size_t nbytes);
  void passed_barrier() { ++epoch_; }
  /// Accesses from now on are those of this thread, which runs on the fiber.
  void enter(const HostContext& thread, Fiber& fiber);
  void leave();

  // -- Told by the kernel -------------------------------------------------------------------------

  /// Of the thread that entered on the calling thread, if any.
  static void access(const void* address, std::uint32_t nbytes, std::uint32_t writes,
                     const void* pc);

  struct Fault {
    const void* pc = nullptr;  ///< where in the kernel's code
    std::string what;          ///< "thread 3 of group (0, 0, 0) writes 4 bytes behind buffer 1"
  };
  /// The first one, if there was one; the thread that made it went no further.
  const Fault* fault() const { return fault_.what.empty() ? nullptr : &fault_; }

 private:
  // Who touched a byte: since the last barrier, and in this launch.
  struct Seen {
    std::uint64_t epoch = 0;
    std::int64_t writer = -1, reader = -1;
    bool many_readers = false;
    std::uint64_t group = 0;
    bool group_wrote = false, many_groups = false;
  };

  void check(const std::byte* address, std::uint32_t nbytes, bool writes, const void* pc);
  bool races(const std::byte* address, bool writes, bool shared);
  bool is_context(const std::byte* address, std::size_t nbytes) const;
  std::string place_of(const std::byte* address) const;
  void report(const void* pc, const std::string& what);

  std::vector<Argument> buffers_, readable_;
  std::function<bool(const void*)> is_constant_;
  const std::byte* shared_ = nullptr;
  std::size_t shared_nbytes_ = 0;
  std::uint64_t epoch_ = 0, group_ = 0;
  const HostContext* thread_ = nullptr;
  Fiber* fiber_ = nullptr;
  std::unordered_map<const std::byte*, Seen> seen_;
  Fault fault_;
};

}  // namespace ingot::gpu
