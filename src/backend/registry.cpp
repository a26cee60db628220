#include "backend/registry.h"

#include <fmt/format.h>

#include <array>
#include <atomic>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"

namespace ingot {
namespace {

constexpr std::size_t kTypes = 5, kIndices = 16;  // of DeviceType; devices of one type
std::array<std::array<std::atomic<Backend*>, kIndices>, kTypes> table;
std::atomic<bool> has_stream{false};

std::atomic<Backend*>* entry_of(Device device) noexcept {
  const auto type = static_cast<std::size_t>(device.type);
  if (type >= kTypes || device.index < 0 || device.index >= static_cast<int>(kIndices))
    return nullptr;
  return &table[type][static_cast<std::size_t>(device.index)];
}

// Called when the host runs short of memory.
void give_pinned_back() noexcept {
  for_each_backend([](Backend& b) {
    if (DeviceAllocator* pinned = b.pinned_memory()) pinned->empty_cache();
  });
}

}  // namespace

void add_backend(Backend& backend) {
  const Device device = backend.device();
  std::atomic<Backend*>* entry = entry_of(device);
  Backend* nobody = nullptr;
  if (device.type == DeviceType::CPU || !entry ||
      !entry->compare_exchange_strong(nobody, &backend, std::memory_order_acq_rel))
    throw InternalError(fmt::format("{} has a backend already", device.str()));
  if (backend.stream()) has_stream.store(true, std::memory_order_release);
  if (backend.pinned_memory()) {
    static const bool reclaims = (add_memory_reclaimer(give_pinned_back), true);
    (void)reclaims;
  }
}

Backend* find_backend(Device device) noexcept {
  if (device == Device{}) return &cpu_backend();
  std::atomic<Backend*>* entry = entry_of(device);
  return entry ? entry->load(std::memory_order_acquire) : nullptr;
}

Backend* pinning_backend() {
  is_available({DeviceType::Twin, 0});  // it may come into being by that
  for (auto& devices : table)
    for (auto& entry : devices)
      if (Backend* backend = entry.load(std::memory_order_acquire);
          backend && backend->pinned_memory())
        return backend;
  return nullptr;
}

bool any_stream() noexcept { return has_stream.load(std::memory_order_acquire); }

std::exception_ptr why_lost(Device device) {
  if (!Stream::any_lost() || device == Device{}) return nullptr;
  Backend* backend = find_backend(device);
  return backend && backend->stream() ? backend->stream()->why_lost() : nullptr;
}

void for_each_backend(void (*f)(Backend&, void*), void* context) {
  for (auto& devices : table)
    for (auto& entry : devices)
      if (Backend* backend = entry.load(std::memory_order_acquire)) f(*backend, context);
}

}  // namespace ingot
