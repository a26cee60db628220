#include "backend/gpu/drivers/host/host_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"
#include "backend/gpu/drivers/host/compiler.h"
#include "backend/registry.h"
#include "backend/twin/twin_memory.h"
#include "backend/twin/twin_stream.h"
#include "core/observe.h"

namespace ingot::gpu {
namespace {

constexpr std::size_t kMemoryNbytes = std::size_t{4} << 30;

// The twin's memory and queue do what a device's do.
class Device0 final : public HostDevice {
 public:
  Device0()
      : HostDevice(std::make_unique<HostDriver>(kernel_cache_folder())),
        allocator_(device(), MemorySpace::Device, memory_),
        stream_(device(), [this](const StepCall& call) { run(call); }) {
    memory_.set_total(kMemoryNbytes);
  }

  std::string_view name() const override { return "host driver"; }
  Device device() const override { return {DeviceType::Host, 0}; }
  Stream* stream() override { return &stream_; }
  Allocator& allocator() override { return allocator_; }
  DeviceAllocator* memory() override { return &allocator_; }
  HostDriver& driver() override { return static_cast<HostDriver&>(*driver_); }

  std::unique_ptr<Kernel> lower_transfer(std::size_t nbytes) const override {
    return make_kernel([nbytes](const KernelArgs& args) {
      if (nbytes > 0) std::memcpy(args.out<std::byte>(0), args.in<std::byte>(0), nbytes);
    });
  }

  DeviceInfo info() const override {
    DeviceInfo info = Backend::info();
    info.name = "the GPU's kernels on the cpu, for tests";
    info.memory_total_nbytes = memory_.total_nbytes();
    const std::size_t used = allocator_.figures().allocated_nbytes;
    info.memory_free_nbytes = info.memory_total_nbytes - std::min(used, info.memory_total_nbytes);
    return info;
  }

  void configure(const HostDeviceOptions& options) override {
    const std::lock_guard lock(stream_.submitting());
    stream_.wait(stream_.submitted());
    stream_.set_async(options.async);
    driver().set(options.driver);
  }

 private:
  void* address(const Bound& b) const {
    if (!b.buffer) return nullptr;
    std::byte* start = b.buffer->space() == MemorySpace::Device ? memory_.bytes(b.buffer->handle())
                                                                : b.buffer->host();
    return start + b.offset;
  }

  // On the stream's thread.
  void run(const StepCall& call) {
    operands_.clear();
    for (std::uint32_t i = 0; i < call.num_operands; ++i)
      operands_.push_back(address(call.operands[i]));
    const KernelArgs args{operands_.data(), operands_.data() + call.num_inputs, call.slots,
                          address(*call.workspace)};
    const std::int64_t begin = call.timer ? observer_clock() : 0;
    call.kernel->run(args);
    if (call.timer) call.timer->ran(begin, observer_clock());
  }

  TwinMemory memory_;
  DeviceAllocator allocator_;
  TwinStream stream_;
  std::vector<void*> operands_;
};

}  // namespace

HostDevice& host_device() {
  static std::mutex mutex;
  static Device0* made = nullptr;  // never destroyed
  const std::lock_guard lock(mutex);
  if (!made) {
    if (!host_compiler().why_not.empty())
      throw DeviceError(fmt::format("host:0: {}", host_compiler().why_not));
    auto device = std::make_unique<Device0>();
    add_backend(*device);
    made = device.release();
    // What is still queued when the program ends runs before what it reads goes away.
    static const bool waits_at_exit =
        std::atexit([] { made->stream()->wait(made->stream()->submitted()); }) == 0;
    (void)waits_at_exit;
  }
  return *made;
}

HostDeviceOptions parse_host_options(std::string_view text) {
  using Order = Schedule::Order;
  HostDeviceOptions options;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (word == "1" || word.empty()) continue;
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string_view value = word.substr(std::min(equals + 1, word.size()));
    Schedule& schedule = options.driver.schedule;
    bool known = true;
    if (word == "sync") {
      options.async = false;
    } else if (word == "checked") {
      options.driver.checked = true;
    } else if (word.starts_with("order=")) {
      if (value == "forward") {
        schedule.order = Order::Forward;
      } else if (value == "reverse") {
        schedule.order = Order::Reverse;
      } else if (value == "random") {
        schedule.order = Order::Random;
      } else if (value == "greedy") {
        schedule.order = Order::Greedy;
      } else if (value == "greedy-reverse") {
        schedule.order = Order::GreedyReverse;
      } else {
        known = false;
      }
    } else if (word.starts_with("seed=")) {
      const auto [stop, error] =
          std::from_chars(value.data(), value.data() + value.size(), schedule.seed);
      known = error == std::errc{} && stop == value.data() + value.size();
    } else {
      known = false;
    }
    if (!known)
      throw ValueError(
          fmt::format("INGOT_HOST_DRIVER: there is no '{}'; there are sync, checked, "
                      "order=forward|reverse|random|greedy|greedy-reverse, seed=N",
                      word));
  }
  return options;
}

}  // namespace ingot::gpu
