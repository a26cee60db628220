// Runs a kernel's groups on the calling thread, one after the other. Threads of a group that wait
// for each other are fibers; in which order they run is the schedule's. What a kernel must not do
// is found and thrown: a barrier that not all threads reach, or not the same one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <ingot/core/error.h>

#include "backend/gpu/driver.h"

namespace ingot::gpu {

/// A kernel did what no kernel may. The text names the kernel, the line of its text, the thread.
class KernelFault : public InternalError {
 public:
  using InternalError::InternalError;
};

/// In which order the threads of a group run between two barriers.
struct Schedule {
  enum class Order : std::uint8_t {
    Forward,
    Reverse,
    Random,  ///< another order each time
    /// The first (last) thread that can run does, before all others: it runs ahead as far as the
    /// text lets it.
    Greedy,
    GreedyReverse,
  };
  Order order = Order::Forward;
  std::uint64_t seed = 1;
};

/// As in dialect/host.h.
struct HostCalls {
  void (*barrier)(void* executor, const char* file, std::uint32_t line);
  const std::uint64_t* (*exchange)(void* executor, std::uint64_t value, const char* file,
                                   std::uint32_t line);
};
struct HostContext {
  std::uint32_t tid, nthreads, gx, gy, gz, ngx, ngy, ngz, lane, warp;
  const HostCalls* calls;
  void* executor;
};
using HostEntry = void (*)(const HostContext*, void* const* buffers, const void* parameters,
                           void* shared);

class AccessChecker;

struct HostLaunch {
  HostEntry entry = nullptr;
  std::string_view name;
  Grid grid;
  std::uint32_t threads = 0;
  bool synchronises = false;
  std::size_t shared_nbytes = 0;
  void* const* buffers = nullptr;
  const void* parameters = nullptr;
  /// Told of every access of memory, when the kernel was compiled for it; else null.
  AccessChecker* checker = nullptr;
};

/// Throws KernelFault. When the checker finds a fault, the launch ends there.
void execute(const HostLaunch& launch, const Schedule& schedule);

}  // namespace ingot::gpu
