// GateBackend: the cpu backend, but the kernels of one op wait in the middle of a run until the
// test lets them go on. So a test can make another thread come by meanwhile.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "backend/backend.h"
#include "plan/plan.h"

namespace ingot::optest {

class GateBackend final : public Backend {
 public:
  /// Kernels of `op` wait; then they call `after` (which may throw), then they run.
  explicit GateBackend(std::string op, std::function<void()> after = {})
      : gate_{std::move(op), std::move(after)} {}
  // Plans hold the gate's kernels.
  ~GateBackend() override { plan::clear_plan_cache(); }

  /// Returns when a kernel has come to the gate.
  void wait_until_reached() {
    std::unique_lock lock(gate_.mutex);
    gate_.changed.wait(lock, [&] { return gate_.reached; });
  }
  void open() {
    const std::lock_guard lock(gate_.mutex);
    gate_.is_open = true;
    gate_.changed.notify_all();
  }

  std::string_view name() const override { return "gate"; }
  Allocator& allocator() override { return cpu_backend().allocator(); }
  bool fuses() const override { return cpu_backend().fuses(); }
  bool supports(const StepDesc& step) const override { return cpu_backend().supports(step); }
  void choose_layouts(StepDesc& step) const override { cpu_backend().choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    std::unique_ptr<Kernel> kernel = cpu_backend().lower(step);
    if (step.op->name != gate_.op) return kernel;
    return std::make_unique<Waiting>(gate_, std::move(kernel));
  }

 private:
  struct Gate {
    std::string op;
    std::function<void()> after;
    std::mutex mutex = {};
    std::condition_variable changed = {};
    bool reached = false;
    bool is_open = false;
  };

  class Waiting final : public Kernel {
   public:
    Waiting(Gate& gate, std::unique_ptr<Kernel> inner) : gate_(gate), inner_(std::move(inner)) {}
    void run(const KernelArgs& args) const override {
      {
        std::unique_lock lock(gate_.mutex);
        gate_.reached = true;
        gate_.changed.notify_all();
        gate_.changed.wait(lock, [&] { return gate_.is_open; });
      }
      if (gate_.after) gate_.after();
      inner_->run(args);
    }
    std::size_t workspace_nbytes() const override { return inner_->workspace_nbytes(); }

   private:
    Gate& gate_;
    std::unique_ptr<Kernel> inner_;
  };

  mutable Gate gate_;
};

}  // namespace ingot::optest
