// The GPU backend over a driver that compiles nothing: which kernels a step becomes, and their
// texts in any dialect.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/gpu/gpu_backend.h"

namespace ingot::test {

class TextDriver final : public gpu::Driver {
 public:
  TextDriver(std::string dialect, bool has_float64)
      : dialect_(std::move(dialect)), has_float64_(has_float64) {}

  std::string_view dialect() const override { return dialect_; }
  bool has_float64() const override { return has_float64_; }
  std::shared_ptr<const gpu::Pipeline> compile(const gpu::KernelSource& source) override {
    asked_.push_back(source.name);
    sources_.emplace(source.text, source);
    return std::make_shared<Nothing>();
  }

  /// Each text once.
  const std::map<std::string, gpu::KernelSource>& sources() const { return sources_; }
  /// Names of the kernels asked for since the last call, in order.
  std::vector<std::string> take_asked() { return std::exchange(asked_, {}); }

 private:
  // Large numbers everywhere, in which no check finds anything, and which are bools as well.
  class Nothing final : public gpu::Pipeline {
    void launch(const gpu::Grid&, std::span<const gpu::Argument> arguments,
                std::span<const std::uint64_t>) const override {
      for (const gpu::Argument& a : arguments)
        if (a.nbytes > 0) std::memset(a.data, 0x01, a.nbytes);
    }
  };

  std::string dialect_;
  bool has_float64_;
  std::map<std::string, gpu::KernelSource> sources_;
  std::vector<std::string> asked_;
};

/// In the host's memory.
class TextBackend final : public gpu::GpuBackend {
 public:
  TextBackend(const std::string& dialect, bool has_float64)
      : GpuBackend(std::make_unique<TextDriver>(dialect, has_float64)) {}
  std::string_view name() const override { return "texts of kernels"; }
  Allocator& allocator() override { return host_allocator(); }
  TextDriver& driver() const { return static_cast<TextDriver&>(*driver_); }
};

}  // namespace ingot::test
