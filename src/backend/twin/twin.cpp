#include "backend/twin/twin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <limits>
#include <mutex>
#include <random>
#include <thread>

#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>

#include "backend/registry.h"
#include "backend/simulated/simulated_device.h"
#include "core/op_def.h"

namespace ingot {
namespace {

class TwinDevice final : public Twin {
 public:
  explicit TwinDevice(int index)
      : device_(DeviceType::Twin, index),
        simulated_(device_, [this](const StepCall& call) { run(call); }),
        pinned_(DeviceAllocator::of_pinned(host_blocks_)) {
    set(TwinOptions{});
  }

  std::string_view name() const override { return "twin"; }
  Device device() const override { return device_; }
  Stream* stream() override { return &simulated_.stream; }
  const Limits& limits() const override { return limits_; }
  Allocator& allocator() override { return simulated_.allocator; }
  DeviceAllocator* memory() override { return &simulated_.allocator; }
  DeviceAllocator* pinned_memory() override { return pinned_.get(); }
  bool unified() const override { return options_.unified; }
  std::uint64_t steps_run() const override { return steps_run_.load(std::memory_order_relaxed); }

  bool fuses() const override { return kernels().fuses(); }
  bool supports(const StepDesc& step) const override {
    return !refuses(step) && kernels().supports(step);
  }
  void choose_layouts(StepDesc& step) const override { kernels().choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    std::unique_ptr<Kernel> kernel = kernels().lower(step);
    if (options_.corrupt.empty() || !step.op || step.op->name != options_.corrupt) return kernel;
    const std::size_t nbytes = kernel->workspace_nbytes();
    return make_kernel(
        [right = std::shared_ptr<Kernel>(std::move(kernel))](const KernelArgs& args) {
          right->run(args);
          *args.out<float>(0) += 1;
        },
        nbytes);
  }
  std::unique_ptr<Kernel> lower_transfer(std::size_t nbytes) const override {
    return lower_simulated_transfer(nbytes);
  }

  DeviceInfo info() const override {
    DeviceInfo info = Backend::info();
    info.name = "twin of the cpu, for tests";
    simulated_.describe(info);
    return info;
  }

  void configure(const TwinOptions& options) override {
    Stream& stream = simulated_.stream;
    const std::lock_guard lock(stream.submitting());
    stream.wait(stream.submitted());
    if (stream.lost()) stream.reopen();
    set(options);
  }
  void hold(bool on) override {
    const std::lock_guard lock(simulated_.stream.submitting());
    simulated_.stream.hold(on);
  }
  void watch_process() { simulated_.watch_process(); }

 private:
  void set(const TwinOptions& options) {
    options_ = options;
    simulated_.memory.set_unified(options.unified);
    simulated_.allocator.set_space(options.unified ? MemorySpace::Shared : MemorySpace::Device);
    limits_.max_operands = options.max_operands;
    simulated_.memory.set_total(options.memory_nbytes);
    simulated_.stream.set_async(options.async);
    steps_until_failure_.store(options.fail_at, std::memory_order_relaxed);
    steps_until_loss_.store(options.lose_at, std::memory_order_relaxed);
  }

  Backend& kernels() const { return options_.reference ? reference_backend() : cpu_backend(); }

  bool refuses(const StepDesc& step) const {
    return std::any_of(options_.refuse.begin(), options_.refuse.end(), [&](const std::string& op) {
      return op == "*" || (step.op && step.op->name == op);
    });
  }

  // On the stream's thread.
  void run(const StepCall& call) {
    if (options_.max_delay_us > 0)
      std::this_thread::sleep_for(std::chrono::microseconds(
          std::uniform_int_distribution<int>(0, options_.max_delay_us)(random_)));
    if (steps_until_failure_.load(std::memory_order_relaxed) >= 0 &&
        steps_until_failure_.fetch_sub(1, std::memory_order_relaxed) == 0)
      throw InternalError("twin: this step was told to fail");
    if (steps_until_loss_.load(std::memory_order_relaxed) >= 0 &&
        steps_until_loss_.fetch_sub(1, std::memory_order_relaxed) == 0)
      throw DeviceLostError(fmt::format(
          "{} is lost: it was told to be; its tensors are gone, other devices and the cpu go on",
          device_.str()));
    simulated_.run(call);
    steps_run_.fetch_add(1, std::memory_order_relaxed);
  }

  Device device_;
  SimulatedDevice simulated_;
  HostBlocks host_blocks_;
  std::unique_ptr<DeviceAllocator> pinned_;
  TwinOptions options_;
  Limits limits_;
  std::atomic<std::int64_t> steps_until_failure_{-1}, steps_until_loss_{-1};
  std::atomic<std::uint64_t> steps_run_{0};
  std::minstd_rand random_;
};

}  // namespace

Twin& twin(int index) {
  static std::mutex mutex;
  static std::array<Twin*, kNumTwins> twins{};  // never destroyed
  if (index < 0 || index >= static_cast<int>(twins.size()))
    throw DeviceError(fmt::format("there is no twin:{}; the twins are twin:0 and twin:1", index));
  const std::lock_guard lock(mutex);
  Twin*& made = twins[static_cast<std::size_t>(index)];
  if (!made) {
    auto device = std::make_unique<TwinDevice>(index);
    add_backend(*device);
    device->watch_process();
    made = device.release();
  }
  return *made;
}

TwinOptions parse_twin_options(std::string_view text) {
  TwinOptions options;
  const auto number = [&](std::string_view word, std::string_view value,
                          std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
    std::int64_t n = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (error != std::errc{} || stop != value.data() + value.size() || n < 0 || n > most)
      throw ValueError(fmt::format("INGOT_TWIN: '{}' wants a number, not '{}'", word, value));
    return n;
  };
  const auto op = [](std::string_view name) {
    if (name == "*" || find_op(name)) return std::string(name);
    std::vector<std::string> names;
    for (const OpDef* known : all_ops()) names.emplace_back(known->name);
    const std::string nearest = nearest_name(name, names);
    throw ValueError(fmt::format("INGOT_TWIN: refuse: there is no op '{}'{}", name,
                                 nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  };
  for (const auto& [whole, word, value] : split_simulation_options(text)) {
    if (word == "sync") {
      options.async = false;
    } else if (word == "reference") {
      options.reference = true;
    } else if (word == "unified") {
      options.unified = true;
    } else if (word == "delay") {
      options.max_delay_us = static_cast<int>(number(word, value, std::numeric_limits<int>::max()));
    } else if (word == "memory") {
      options.memory_nbytes = static_cast<std::size_t>(number(word, value));
    } else if (word == "fail") {
      options.fail_at = number(word, value);
    } else if (word == "lost") {
      options.lose_at = number(word, value);
    } else if (word == "refuse") {
      std::string_view rest = value;
      while (!rest.empty()) {
        const std::size_t plus = std::min(rest.find('+'), rest.size());
        options.refuse.push_back(op(rest.substr(0, plus)));
        rest.remove_prefix(std::min(plus + 1, rest.size()));
      }
    } else {
      throw ValueError(fmt::format(
          "INGOT_TWIN: there is no '{}'; there are sync, reference, unified, delay, memory, fail, "
          "lost, refuse",
          word));
    }
  }
  return options;
}

}  // namespace ingot
