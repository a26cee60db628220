// Memory figures of a device, as torch.cuda.memory_allocated and friends.
#pragma once

#include <cstddef>

#include <ingot/core/device.h>

namespace ingot {

/// Bytes held by tensors and plans on the device now. Throws DeviceError when it is not available.
std::size_t memory_allocated(Device device = {});
/// The largest memory_allocated() since the start or the last reset.
std::size_t max_memory_allocated(Device device = {});
void reset_peak_memory_stats(Device device = {});
/// Bytes that are free but kept for reuse.
std::size_t memory_cached(Device device = {});
/// Gives cached memory back to the system, this thread's scratch memory included.
void empty_cache(Device device = {});

}  // namespace ingot
