// Device host:0: the GPU backend on the host driver, with a memory that the host cannot read and a
// queue with a thread behind it.
#pragma once

#include <string_view>

#include "backend/gpu/drivers/host/host_driver.h"
#include "backend/gpu/gpu_backend.h"

namespace ingot::gpu {

struct HostDeviceOptions {
  HostDriverOptions driver;
  bool async = true;  ///< a thread runs the steps; else submit() does
};

/// Made when it is first asked for; from then on it is available. Throws DeviceError when there is
/// no compiler.
class HostDevice : public GpuBackend {
 public:
  using GpuBackend::GpuBackend;
  /// Waits for what is submitted, then changes the options. Plans made before keep the old kernels.
  virtual void configure(const HostDeviceOptions& options) = 0;
  virtual HostDriver& driver() = 0;
};
HostDevice& host_device();

/// INGOT_HOST_DRIVER=1, or options: "sync,checked,order=greedy,seed=3"; orders are forward,
/// reverse, random, greedy and greedy-reverse. Throws ValueError for another word.
HostDeviceOptions parse_host_options(std::string_view text);

}  // namespace ingot::gpu
