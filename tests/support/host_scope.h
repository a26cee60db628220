// The host driver with the given options while it lives; plans are made anew before and after.
#pragma once

#include <ingot/core/device.h>

#include "backend/gpu/drivers/host/host_device.h"
#include "plan/fallback.h"
#include "plan/plan.h"

namespace ingot::test {

inline const Device kHostDriver{DeviceType::Host, 0};

class HostScope {
 public:
  explicit HostScope(const gpu::HostDeviceOptions& options = {}) { change(options); }
  ~HostScope() {
    change({});
    plan::set_fallback("");
  }
  HostScope(const HostScope&) = delete;
  HostScope& operator=(const HostScope&) = delete;

  void change(const gpu::HostDeviceOptions& options) {
    gpu::host_device().configure(options);
    plan::clear_plan_cache();
  }
  gpu::HostDriver& driver() const { return gpu::host_device().driver(); }
};

}  // namespace ingot::test
