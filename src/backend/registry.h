// The devices of this process beside the cpu, by name. A backend that finds its device adds it; it
// stays until the process ends, since tensors may hold its memory for as long.
#pragma once

#include <exception>

#include "backend/backend.h"

namespace ingot {

/// `backend` computes for its device() from now on. Throws InternalError when that name is taken or
/// the cpu's.
void add_backend(Backend& backend);
/// The backend of a device, or null. The cpu's is cpu_backend(), whatever overrides it.
Backend* find_backend(Device device) noexcept;
/// The first device that copies from pinned host memory, or null.
Backend* pinning_backend();
/// Some device has a stream: what is Done may still be on its way, and fail.
bool any_stream() noexcept;
/// If the device is lost, the DeviceLostError that says how; else null.
std::exception_ptr why_lost(Device device);
/// Calls `f(Backend&)` for each that was added.
void for_each_backend(void (*f)(Backend&, void*), void* context);
template <class F>
void for_each_backend(F f) {
  for_each_backend([](Backend& b, void* context) { (*static_cast<F*>(context))(b); }, &f);
}

}  // namespace ingot
