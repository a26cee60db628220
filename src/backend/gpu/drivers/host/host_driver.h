// The host driver: kernels compiled by the system's C++ compiler and run by the executor. For tests
// and `selftest`: it is slow, and it finds what a GPU would not tell.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "backend/gpu/driver.h"
#include "backend/gpu/drivers/host/executor.h"
#include "backend/gpu/kernel_cache.h"

namespace ingot::gpu {

struct HostDriverOptions {
  Schedule schedule;
  /// Each access of memory is watched, in copies of the buffers with room around them.
  bool checked = false;
};

class HostDriver : public Driver {
 public:
  explicit HostDriver(std::string cache_folder) : cache_(std::move(cache_folder)) {}

  std::string_view dialect() const override { return "host"; }
  bool has_float64() const override { return true; }
  std::shared_ptr<const Pipeline> compile(const KernelSource& source) override;

  /// For kernels that are compiled from now on.
  void set(const HostDriverOptions& options);
  struct Counts {
    std::uint64_t compiled = 0;   ///< by the compiler
    std::uint64_t from_disk = 0;  ///< found in the cache's folder
    std::uint64_t launched = 0;
  };
  Counts counts() const;

 protected:
  /// What stands before a kernel's text.
  virtual std::string prelude() const;

 private:
  /// Pipelines that nobody else holds go when there are more.
  static constexpr std::size_t kMaxPipelines = 2048;

  mutable std::mutex mutex_;
  HostDriverOptions options_;
  KernelCache cache_;
  std::unordered_map<std::string, std::shared_ptr<const Pipeline>> pipelines_;
  Counts counts_;
  /// Pipelines may outlive the driver.
  std::shared_ptr<std::atomic<std::uint64_t>> launched_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace ingot::gpu
