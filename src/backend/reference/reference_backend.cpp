#include <fmt/format.h>

#include "backend/backend.h"
#include "backend/kernel_table.h"
#include "backend/reference/elementwise.h"

namespace ingot {
namespace reference {

void register_all(KernelTable& table);

namespace {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() { register_all(table_); }

  std::string_view name() const override { return "reference"; }
  Allocator& allocator() override { return host_allocator(); }
  bool fuses() const override { return false; }

  bool supports(const StepDesc& step) const override {
    return (step.op && step.op->traits.scalar != ScalarOp::None) || try_lower(step) != nullptr;
  }

  // Inputs are read by any strides; outputs are row-major.
  void choose_layouts(StepDesc& step) const override {
    for (TensorDesc& out : step.outputs) out.strides = out.shape.contiguous_strides();
  }

  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    if (auto kernel = try_lower(step)) return kernel;
    throw DTypeError(fmt::format("{}: the reference backend has no kernel for it{}{}",
                                 step.op ? step.op->name : "step",
                                 step.inputs.empty() ? "" : " on ",
                                 step.inputs.empty() ? "" : ingot::name(step.inputs[0].dtype)));
  }

 private:
  std::unique_ptr<Kernel> try_lower(const StepDesc& step) const {
    if (step.program) return lower_program(step);
    const KernelEntry* entry = step.op ? table_.find(step.op->name) : nullptr;
    return entry ? entry->lower(step) : nullptr;
  }

  KernelTable table_;
};

}  // namespace
}  // namespace reference

Backend& reference_backend() {
  static auto* const backend = new reference::ReferenceBackend;  // outlives every thread
  return *backend;
}

}  // namespace ingot
