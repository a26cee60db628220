// Every op on the host driver against the reference backend, forward and backward. Nothing falls
// back to the cpu.
//
// A sample, so that a machine without compiled kernels is through in minutes: every third case;
// case i takes its dtype number i (modulo how many there are), row-major if i is even, else in its
// layout number i. The target `nightly` takes all cases, dtypes and layouts.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/host_scope.h"
#include "support/nightly.h"
#include "support/op_run.h"
#include "support/sanitized.h"

namespace ingot::optest {
namespace {

std::vector<std::pair<DType, Layout>> sample(std::size_t number) {
  const OpCase& op = all_op_cases()[number];
  const std::vector<DType> dtypes = dtypes_of(op);
  const std::vector<Layout> layouts = layouts_of(op);
  std::vector<std::pair<DType, Layout>> chosen;
  if (test::nightly()) {
    for (const DType t : dtypes)
      for (const Layout l : layouts) chosen.emplace_back(t, l);
    return chosen;
  }
  const bool other = number % 2 == 1 && layouts.size() > 1;
  chosen.emplace_back(dtypes[number % dtypes.size()],
                      other ? layouts[1 + number % (layouts.size() - 1)] : Layout::Contiguous);
  return chosen;
}

void expect_agreement(std::size_t number, const gpu::HostDeviceOptions& options) {
  const OpCase& op = all_op_cases()[number];
  const test::HostScope host(options);
  plan::set_fallback("error");
  for (const auto& [dtype, layout] : sample(number)) {
    SCOPED_TRACE(label(op, dtype, layout));
    const std::vector<HostValues> inputs = case_inputs(op, dtype, layout);
    const CaseResult expected = run_case_on(op, inputs, Layout::Contiguous,
                                            {.backend = &reference_backend(), .eager = true});
    const CaseResult got = run_case_on(op, inputs, layout, {.device = test::kHostDriver});
    EXPECT_PRED1(agrees, compare(op, dtype, got, expected));
  }
}

class GpuMatrix : public testing::TestWithParam<std::size_t> {};
TEST_P(GpuMatrix, AgreesWithReference) { expect_agreement(GetParam(), {}); }

// Every access watched; each case under the next schedule.
class GpuChecked : public testing::TestWithParam<std::size_t> {};
TEST_P(GpuChecked, DoesNothingForbidden) {
  gpu::HostDeviceOptions options;
  options.driver.checked = true;
  options.driver.schedule.order = static_cast<gpu::Schedule::Order>(GetParam() % 5);
  expect_agreement(GetParam(), options);
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}
// What sanitizers see of the executor is the same for every op.
const std::size_t kEvery = test::nightly() ? 1 : test::kSanitized ? 16 : 3;
const std::size_t kEveryChecked = test::nightly() ? 1 : test::kSanitized ? 96 : 17;
INSTANTIATE_TEST_SUITE_P(Cases, GpuMatrix,
                         testing::Range<std::size_t>(0, all_op_cases().size(), kEvery), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, GpuChecked,
                         testing::Range<std::size_t>(0, all_op_cases().size(), kEveryChecked),
                         test_name);

}  // namespace
}  // namespace ingot::optest
