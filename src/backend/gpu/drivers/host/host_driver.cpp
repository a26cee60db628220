#include "backend/gpu/drivers/host/host_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "backend/gpu/drivers/host/access_checker.h"
#include "backend/gpu/drivers/host/compiler.h"
#include "backend/gpu/drivers/host/library.h"
#include "backend/gpu/text.h"

namespace ingot::gpu {
namespace {

// Copies of a launch's buffers with nothing of the kernel's around them; the kernel's own buffers
// are written back.
class Copies {
 public:
  explicit Copies(std::span<const Argument> arguments)
      : originals_(arguments.begin(), arguments.end()) {
    for (const Argument& a : arguments) {
      std::vector<std::byte>& block = blocks_.emplace_back(a.nbytes + 2 * kRoom);
      if (a.nbytes > 0) std::memcpy(block.data() + kRoom, a.data, a.nbytes);
      copies_.push_back({block.data() + kRoom, a.nbytes});
    }
  }
  std::span<const Argument> arguments() const { return copies_; }
  void write_back() const {
    for (std::size_t i = 0; i < originals_.size(); ++i)
      if (originals_[i].nbytes > 0 &&
          std::memcmp(originals_[i].data, copies_[i].data, originals_[i].nbytes) != 0)
        std::memcpy(originals_[i].data, copies_[i].data, originals_[i].nbytes);
  }

 private:
  static constexpr std::size_t kRoom = 4096;

  std::vector<Argument> originals_, copies_;
  std::vector<std::vector<std::byte>> blocks_;
};

class HostPipeline final : public Pipeline {
 public:
  HostPipeline(const KernelSource& source, std::string_view object,
               const HostDriverOptions& options,
               std::shared_ptr<std::atomic<std::uint64_t>> launched)
      : name_(source.name),
        threads_(source.threads),
        synchronises_(source.synchronises),
        num_buffers_(source.num_buffers),
        parameters_nbytes_(source.parameters_nbytes),
        options_(options),
        launched_(std::move(launched)),
        library_(source.name, object, options.checked) {}

  void launch(const Grid& grid, std::span<const Argument> arguments,
              std::span<const std::uint64_t> parameters) const override {
    if (arguments.size() != num_buffers_ || parameters.size_bytes() != parameters_nbytes_)
      throw InternalError(
          fmt::format("kernel {}: {} buffers and {} bytes of parameters are not {} and {}", name_,
                      arguments.size(), parameters.size_bytes(), num_buffers_, parameters_nbytes_));
    launched_->fetch_add(1, std::memory_order_relaxed);
    if (options_.checked)
      run_checked(grid, arguments, parameters);
    else
      run(grid, arguments, parameters, nullptr);
  }

 private:
  void run(const Grid& grid, std::span<const Argument> arguments,
           std::span<const std::uint64_t> parameters, AccessChecker* checker) const {
    void* buffers[kMaxBuffers];
    for (std::size_t i = 0; i < arguments.size(); ++i) buffers[i] = arguments[i].data;
    run_with(buffers, grid, parameters, checker);
  }

  void run_with(void** buffers, const Grid& grid, std::span<const std::uint64_t> parameters,
                AccessChecker* checker) const {
    execute({library_.entry(), name_, grid, threads_, synchronises_, library_.shared_nbytes(),
             buffers, parameters.data(), checker},
            options_.schedule);
  }

  void run_checked(const Grid& grid, std::span<const Argument> arguments,
                   std::span<const std::uint64_t> parameters) const {
    const Copies copies(arguments);
    void* buffers[kMaxBuffers];
    for (std::size_t i = 0; i < arguments.size(); ++i) buffers[i] = copies.arguments()[i].data;
    const std::array<Argument, 2> readable = {
        Argument{const_cast<std::uint64_t*>(parameters.data()), parameters.size_bytes()},
        Argument{static_cast<void*>(buffers), sizeof(buffers)}};
    AccessChecker checker(copies.arguments(), readable,
                          [this](const void* address) { return library_.holds(address); });
    run_with(buffers, grid, parameters, &checker);
    if (const AccessChecker::Fault* fault = checker.fault()) {
      const std::string line = library_.line_of(fault->pc);
      throw KernelFault(
          fmt::format("kernel {}{}: {}", name_, line.empty() ? "" : ", " + line, fault->what));
    }
    copies.write_back();
  }

  static constexpr std::size_t kMaxBuffers = 64;

  std::string name_;
  std::uint32_t threads_;
  bool synchronises_;
  std::size_t num_buffers_, parameters_nbytes_;
  HostDriverOptions options_;
  std::shared_ptr<std::atomic<std::uint64_t>> launched_;
  HostLibrary library_;
};

}  // namespace

void HostDriver::set(const HostDriverOptions& options) {
  const std::lock_guard lock(mutex_);
  options_ = options;
  pipelines_.clear();
}

HostDriver::Counts HostDriver::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.launched = launched_->load(std::memory_order_relaxed);
  return counts;
}

std::string HostDriver::prelude() const {
  return fmt::format("#line 1 \"host.h\"\n{}", text_of("dialect/host"));
}

std::shared_ptr<const Pipeline> HostDriver::compile(const KernelSource& source) {
  const std::lock_guard lock(mutex_);
  if (const auto known = pipelines_.find(source.text); known != pipelines_.end())
    return known->second;
  std::string text = prelude();
  if (options_.checked) text += text_of("dialect/host_checked");
  text += source.text;
  std::string key = fmt::format("dialect {}\n{}\n", kDialectVersion, host_compiler().identity);
  for (const std::string& flag : compiler_flags(options_.checked)) key += flag + " ";
  key += "\n" + text;
  std::optional<std::string> object = cache_.find(key);
  std::shared_ptr<const Pipeline> pipeline;
  if (object) {
    try {
      pipeline = std::make_shared<HostPipeline>(source, *object, options_, launched_);
      ++counts_.from_disk;
    } catch (const InternalError&) {  // whole, and yet of no use here
    }
  }
  if (!pipeline) {
    object = compile_shared_object(source.name, text, options_.checked);
    pipeline = std::make_shared<HostPipeline>(source, *object, options_, launched_);
    ++counts_.compiled;
    cache_.store(key, *object);
  }
  if (pipelines_.size() >= kMaxPipelines)
    std::erase_if(pipelines_, [](const auto& entry) { return entry.second.use_count() == 1; });
  pipelines_.emplace(source.text, pipeline);
  return pipeline;
}

}  // namespace ingot::gpu
