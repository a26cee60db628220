// The GPU's kernels as they are above 2^31 elements, with 64-bit indices, on small tensors: a
// sample of the op matrix, in memory with guards around each block that is filled with NaN.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "backend/gpu/drivers/host/host_driver.h"
#include "backend/gpu/gpu_backend.h"
#include "support/guarded_backend.h"
#include "support/op_run.h"

namespace ingot::optest {
namespace {

// Texts say how they count.
class WideDriver final : public gpu::HostDriver {
 public:
  WideDriver() : HostDriver(gpu::kernel_cache_folder()) {}
  std::shared_ptr<const gpu::Pipeline> compile(const gpu::KernelSource& source) override {
    const std::string narrow = "typedef i32 Index;";
    gpu::KernelSource wide = source;
    const std::size_t at = wide.text.find(narrow);
    EXPECT_NE(at, std::string::npos);
    if (at != std::string::npos) wide.text.replace(at, narrow.size(), "typedef i64 Index;");
    return HostDriver::compile(wide);
  }
};

// In the host's memory. What has no kernel and no expansion the reference computes.
class WideBackend final : public gpu::GpuBackend {
 public:
  WideBackend() : GpuBackend(std::make_unique<WideDriver>()) {}
  std::string_view name() const override { return "wide"; }
  Allocator& allocator() override { return host_allocator(); }
  bool supports(const StepDesc& step) const override {
    return GpuBackend::supports(step) ||
           (step.op && !step.op->expand && reference_backend().supports(step));
  }
  void choose_layouts(StepDesc& step) const override {
    step.program || GpuBackend::supports(step) ? GpuBackend::choose_layouts(step)
                                               : reference_backend().choose_layouts(step);
  }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    return step.program || GpuBackend::supports(step) ? GpuBackend::lower(step)
                                                      : reference_backend().lower(step);
  }
};

class GpuWide : public testing::TestWithParam<std::size_t> {};

TEST_P(GpuWide, AgreesWithReference) {
  static WideBackend wide;
  GuardedBackend guarded(wide);
  const std::size_t damaged_before = GuardedBackend::damaged_blocks();
  const OpCase& op = all_op_cases()[GetParam()];
  const std::vector<Layout> layouts = layouts_of(op);
  const DType dtype = dtypes_of(op)[GetParam() % dtypes_of(op).size()];
  const Layout layout = layouts[GetParam() % layouts.size()];
  SCOPED_TRACE(label(op, dtype, layout));
  const std::vector<HostValues> inputs = case_inputs(op, dtype, layout);
  const CaseResult expected =
      run_case_on(op, inputs, Layout::Contiguous, {.backend = &reference_backend(), .eager = true});
  const CaseResult got = run_case_on(op, inputs, layout, {.backend = &guarded});
  EXPECT_PRED1(agrees, compare(op, dtype, got, expected));
  EXPECT_EQ(GuardedBackend::damaged_blocks(), damaged_before)
      << "a kernel wrote outside its buffer";
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}
INSTANTIATE_TEST_SUITE_P(Cases, GpuWide, testing::Range<std::size_t>(0, all_op_cases().size(), 19),
                         test_name);

}  // namespace
}  // namespace ingot::optest
