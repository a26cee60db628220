// What devices that are no hardware (the twin, the GPU's host driver) have in common: a memory that
// the host cannot read, and a queue whose thread calls kernels that take addresses.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <ingot/core/device.h>

#include "backend/device_allocator.h"
#include "backend/simulated/simulated_memory.h"
#include "backend/simulated/simulated_stream.h"
#include "backend/step.h"

namespace ingot {

/// Belongs to a backend that is never destroyed.
struct SimulatedDevice {
  /// `step` is called for each step on the stream's thread; it calls run(), and may throw.
  SimulatedDevice(Device device, std::function<void(const StepCall&)> step);

  /// On the stream's thread.
  void run(const StepCall& call);
  /// Enters how much memory there is.
  void describe(DeviceInfo& info) const;
  /// What is still queued when the program ends runs before what it reads goes away. In a process
  /// that is forked from this one the device is lost.
  void watch_process();

  SimulatedMemory memory;
  DeviceAllocator allocator;
  SimulatedStream stream;

 private:
  void* address(const Bound& bound) const;
  std::vector<void*> operands_;
};

/// A transfer between such a memory and the host's, or within it.
std::unique_ptr<Kernel> lower_simulated_transfer(std::size_t nbytes);

/// One of "word,word=value,…"; `text` is all of it.
struct SimulationOption {
  std::string_view text, word, value;
};
/// Options of an environment variable, without empty ones and "1".
std::vector<SimulationOption> split_simulation_options(std::string_view text);

}  // namespace ingot
