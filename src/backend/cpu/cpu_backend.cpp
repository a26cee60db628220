// The CPU backend: its own kernels, and the reference's for primitive ops that have none here.
#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/backend.h"
#include "backend/cpu/program_kernel.h"
#include "backend/kernel_table.h"

namespace ingot {
namespace cpu {

void register_all(KernelTable& table);

namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend() { register_all(table_); }

  std::string_view name() const override { return "cpu"; }
  Allocator& allocator() override { return host_allocator(); }
  bool fuses() const override { return true; }

  bool supports(const StepDesc& step) const override {
    if (is_elementwise(step) || find(step)) return true;
    return step.op && !step.op->expand && reference_backend().supports(step);
  }

  void choose_layouts(StepDesc& step) const override {
    if (is_elementwise(step)) return choose_program_layouts(step);
    if (const KernelEntry* entry = find(step)) {
      if (entry->choose_layouts) return entry->choose_layouts(step);
      for (TensorDesc& in : step.inputs) in.strides = in.shape.contiguous_strides();
      return;
    }
    reference_backend().choose_layouts(step);
  }

  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    if (step.program) {
      if (auto kernel = lower_program(step)) return kernel;
      return reference_backend().lower(step);
    }
    if (const KernelEntry* entry = find(step)) {
      if (auto kernel = entry->lower(step)) return kernel;
      throw InternalError(
          fmt::format("{}: the cpu backend took this step but made no kernel", step.op->name));
    }
    return reference_backend().lower(step);
  }

 private:
  static bool is_elementwise(const StepDesc& step) {
    return step.program || (step.op && step.op->traits.scalar != ScalarOp::None);
  }

  /// The entry for the step if it takes it.
  const KernelEntry* find(const StepDesc& step) const {
    const KernelEntry* entry = step.op ? table_.find(step.op->name) : nullptr;
    return entry && (!entry->takes || entry->takes(step)) ? entry : nullptr;
  }

  KernelTable table_;
};

}  // namespace
}  // namespace cpu

Backend& cpu_backend() {
  static auto* const backend = new cpu::CpuBackend;  // outlives every thread
  return *backend;
}

}  // namespace ingot
