// Memory figures and limits, of the host's memory or a device's.
#include <ingot/core/memory.h>

#include "backend/backend.h"
#include "backend/device_allocator.h"
#include "core/buffer.h"
#include "plan/in_flight.h"
#include "plan/plan.h"

namespace ingot {
namespace {

// What is in flight holds memory that nobody has any more.
DeviceAllocator* memory_of(Device device) {
  Backend& backend = backend_for(device);
  if (backend.stream()) plan::finish_runs();
  return backend.memory();
}

MemoryFigures figures(Device device) {
  const DeviceAllocator* memory = memory_of(device);
  return memory ? memory->figures() : host_memory_figures();
}

MemoryFigures pinned_figures(Device device) {
  memory_of(device);
  const DeviceAllocator* pinned = backend_for(device).pinned_memory();
  return pinned ? pinned->figures() : MemoryFigures{};
}

}  // namespace

std::size_t pinned_memory_allocated(Device device) {
  return pinned_figures(device).allocated_nbytes;
}
std::size_t pinned_memory_cached(Device device) { return pinned_figures(device).cached_nbytes; }

std::size_t memory_allocated(Device device) { return figures(device).allocated_nbytes; }
std::size_t max_memory_allocated(Device device) { return figures(device).peak_nbytes; }

void reset_peak_memory_stats(Device device) {
  if (DeviceAllocator* memory = memory_of(device))
    memory->reset_peak();
  else
    reset_host_memory_peak();
}

std::size_t memory_cached(Device device) {
  const std::size_t blocks = figures(device).cached_nbytes;
  return device == Device{} ? blocks + plan::cache_figures().instances_nbytes : blocks;
}

std::size_t memory_reserved(Device device) {
  return memory_allocated(device) + memory_cached(device);
}
std::size_t max_memory_reserved(Device device) { return figures(device).reserved_peak_nbytes; }

void empty_cache(Device device) {
  DeviceAllocator* memory = memory_of(device);
  if (!memory) {
    plan::drop_instances();
    empty_host_cache();
    return;
  }
  if (const Stream* stream = backend_for(device).stream()) plan::drop_stream_arena(*stream);
  memory->empty_cache();
  if (DeviceAllocator* pinned = backend_for(device).pinned_memory()) pinned->empty_cache();
}

std::size_t set_memory_limit(std::size_t nbytes, Device device) {
  DeviceAllocator* memory = memory_of(device);
  return memory ? memory->set_memory_limit(nbytes) : set_host_memory_limit(nbytes);
}

std::size_t set_cache_limit(std::size_t nbytes, Device device) {
  DeviceAllocator* memory = memory_of(device);
  return memory ? memory->set_cache_limit(nbytes) : set_host_cache_limit(nbytes);
}

}  // namespace ingot
