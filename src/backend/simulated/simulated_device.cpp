#include "backend/simulated/simulated_device.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/error.h>

#include "core/observe.h"

namespace ingot {

SimulatedDevice::SimulatedDevice(Device device, std::function<void(const StepCall&)> step)
    : allocator(device, MemorySpace::Device, memory), stream(device, std::move(step)) {}

void* SimulatedDevice::address(const Bound& bound) const {
  if (!bound.buffer) return nullptr;
  std::byte* start = bound.buffer->space() == MemorySpace::Device
                         ? memory.bytes(bound.buffer->handle())
                         : bound.buffer->host();
  return start + bound.offset;
}

void SimulatedDevice::run(const StepCall& call) {
  operands_.clear();
  for (std::uint32_t i = 0; i < call.num_operands; ++i)
    operands_.push_back(address(call.operands[i]));
  const KernelArgs args{operands_.data(), operands_.data() + call.num_inputs, call.slots,
                        address(*call.workspace)};
  const std::int64_t begin = call.timer ? observer_clock() : 0;
  call.kernel->run(args);
  if (call.timer) call.timer->ran(begin, observer_clock());
}

void SimulatedDevice::describe(DeviceInfo& info) const {
  info.memory_total_nbytes = memory.total_nbytes();
  const std::size_t used = allocator.figures().allocated_nbytes;
  info.memory_free_nbytes = info.memory_total_nbytes - std::min(used, info.memory_total_nbytes);
}

namespace {

struct Streams {
  std::mutex mutex;
  std::vector<SimulatedStream*> list;
};
Streams& streams() {
  static auto* const instance = new Streams;  // never destroyed
  return *instance;
}

// Only the thread that forked lives on. The list is whole: who was adding to it held the lock.
void abandon_all() {
  for (SimulatedStream* s : streams().list) {
    const std::string device = s->device().str();
    s->abandon(std::make_exception_ptr(DeviceLostError(fmt::format(
        "{} cannot be used in a forked process: its queue is the parent's; fork before the device "
        "is used for the first time, or start a program of its own",
        device))));
  }
  streams().mutex.unlock();
}

}  // namespace

void SimulatedDevice::watch_process() {
  {
    const std::lock_guard lock(streams().mutex);
    streams().list.push_back(&stream);
  }
  static const bool watched = [] {
    std::atexit([] {
      for (Stream* s : streams().list) s->wait(s->submitted());
    });
    pthread_atfork([] { streams().mutex.lock(); }, [] { streams().mutex.unlock(); }, abandon_all);
    return true;
  }();
  (void)watched;
}

std::unique_ptr<Kernel> lower_simulated_transfer(std::size_t nbytes) {
  return make_kernel([nbytes](const KernelArgs& args) {
    if (nbytes > 0) std::memcpy(args.out<std::byte>(0), args.in<std::byte>(0), nbytes);
  });
}

std::vector<SimulationOption> split_simulation_options(std::string_view text) {
  std::vector<SimulationOption> options;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view word = item.substr(0, equals);
    if (word.empty() || word == "1") continue;
    options.push_back({item, word, item.substr(std::min(equals + 1, item.size()))});
  }
  return options;
}

}  // namespace ingot
