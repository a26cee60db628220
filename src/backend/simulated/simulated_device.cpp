#include "backend/simulated/simulated_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

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

void SimulatedDevice::pass_all_at_exit() {
  static std::mutex mutex;
  static auto* const streams = new std::vector<Stream*>;  // never destroyed
  const std::lock_guard lock(mutex);
  streams->push_back(&stream);
  static const bool registered = std::atexit([] {
                                   for (Stream* s : *streams) s->wait(s->submitted());
                                 }) == 0;
  (void)registered;
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
