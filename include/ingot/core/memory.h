// Memory figures and limits of a device, as torch.cuda.memory_allocated and friends.
#pragma once

#include <cstddef>
#include <limits>

#include <ingot/core/device.h>

namespace ingot {

/// For the set_…_limit functions: no limit.
inline constexpr std::size_t kNoMemoryLimit = std::numeric_limits<std::size_t>::max();

/// Bytes held by tensors and running plans on the device now. Throws DeviceError when it is not
/// available, as all functions here.
std::size_t memory_allocated(Device device = {});
/// The largest memory_allocated() since the start or the last reset.
std::size_t max_memory_allocated(Device device = {});
void reset_peak_memory_stats(Device device = {});
/// Bytes that no tensor holds but that are kept for reuse: freed blocks, arenas of plans, scratch
/// of kernels' threads.
std::size_t memory_cached(Device device = {});
/// memory_allocated() and memory_cached() together, and the most that was taken from the system at
/// a time since the start or the last reset.
std::size_t memory_reserved(Device device = {});
std::size_t max_memory_reserved(Device device = {});
/// Bytes that tensors hold in pinned host memory of the device (Tensor::pin_memory, batches on
/// their way there), and bytes that are kept there for reuse: at most as many as were held at once.
/// In the figures of the cpu both count as cached. 0 where nothing is pinned.
std::size_t pinned_memory_allocated(Device device);
std::size_t pinned_memory_cached(Device device);
/// Gives cached memory back to the system, that of all threads; what a plan that runs just now
/// uses stays. Plans stay, so nothing is planned again. For a device also its pinned host memory.
void empty_cache(Device device = {});

/// memory_allocated() and memory_cached() together stay within `nbytes`: memory that would go
/// beyond is taken from what is cached, else OutOfMemoryError is thrown. The default is what the
/// machine has. Returns the limit before; the tensors there are stay.
std::size_t set_memory_limit(std::size_t nbytes, Device device = {});
/// memory_cached() stays within `nbytes` when memory is given back; 0 keeps nothing. The default is
/// kNoMemoryLimit. Whatever it is, not more is kept than a program that repeats itself needs: with
/// memory_allocated() at most one and a half times the largest that this was, and 4 MiB. Returns
/// the limit before.
std::size_t set_cache_limit(std::size_t nbytes, Device device = {});

}  // namespace ingot
