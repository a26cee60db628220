#include <ingot/core/memory.h>

#include "backend/backend.h"
#include "core/buffer.h"
#include "plan/plan.h"

namespace ingot {

// Only host memory so far; backend_for refuses the others with the reason.
std::size_t memory_allocated(Device device) {
  backend_for(device);
  return host_memory_figures().allocated_nbytes;
}
std::size_t max_memory_allocated(Device device) {
  backend_for(device);
  return host_memory_figures().peak_nbytes;
}
void reset_peak_memory_stats(Device device) {
  backend_for(device);
  reset_host_memory_peak();
}
std::size_t memory_cached(Device device) {
  backend_for(device);
  return host_memory_figures().cached_nbytes + plan::cache_figures().instances_nbytes;
}
void empty_cache(Device device) {
  backend_for(device);
  plan::drop_instances();
  empty_host_cache();
}
std::size_t set_memory_limit(std::size_t nbytes, Device device) {
  backend_for(device);
  return set_host_memory_limit(nbytes);
}
std::size_t set_cache_limit(std::size_t nbytes, Device device) {
  backend_for(device);
  return set_host_cache_limit(nbytes);
}

}  // namespace ingot
