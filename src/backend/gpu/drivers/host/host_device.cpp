#include "backend/gpu/drivers/host/host_device.h"

#include <fmt/format.h>

#include <charconv>
#include <mutex>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"
#include "backend/gpu/drivers/host/compiler.h"
#include "backend/registry.h"
#include "backend/simulated/simulated_device.h"

namespace ingot::gpu {
namespace {

constexpr std::size_t kMemoryNbytes = std::size_t{4} << 30;

class Device0 final : public HostDevice {
 public:
  Device0()
      : HostDevice(std::make_unique<HostDriver>(kernel_cache_folder())),
        simulated_(device(), [this](const StepCall& call) { simulated_.run(call); }) {
    simulated_.memory.set_total(kMemoryNbytes);
  }

  std::string_view name() const override { return "host driver"; }
  Device device() const override { return {DeviceType::Host, 0}; }
  Stream* stream() override { return &simulated_.stream; }
  Allocator& allocator() override { return simulated_.allocator; }
  DeviceAllocator* memory() override { return &simulated_.allocator; }
  HostDriver& driver() override { return static_cast<HostDriver&>(*driver_); }

  std::unique_ptr<Kernel> lower_transfer(std::size_t nbytes) const override {
    return lower_simulated_transfer(nbytes);
  }

  DeviceInfo info() const override {
    DeviceInfo info = Backend::info();
    info.name = "the GPU's kernels on the cpu, for tests";
    simulated_.describe(info);
    return info;
  }

  void configure(const HostDeviceOptions& options) override {
    SimulatedStream& stream = simulated_.stream;
    const std::lock_guard lock(stream.submitting());
    stream.wait(stream.submitted());
    stream.set_async(options.async);
    driver().set(options.driver);
  }
  void watch_process() { simulated_.watch_process(); }

 private:
  SimulatedDevice simulated_;
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
    device->watch_process();
    made = device.release();
  }
  return *made;
}

HostDeviceOptions parse_host_options(std::string_view text) {
  using Order = Schedule::Order;
  HostDeviceOptions options;
  for (const auto& [whole, word, value] : split_simulation_options(text)) {
    Schedule& schedule = options.driver.schedule;
    bool known = true;
    if (whole == "sync") {
      options.async = false;
    } else if (whole == "checked") {
      options.driver.checked = true;
    } else if (word == "order") {
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
    } else if (word == "seed") {
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
                      whole));
  }
  return options;
}

}  // namespace ingot::gpu
