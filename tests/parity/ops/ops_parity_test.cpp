// Every op case against PyTorch's results, on the cpu backend, in every dtype and layout.
//
// With INGOT_PARITY_REPORT=FILE the largest errors are written there as a Markdown table.
#include <gtest/gtest.h>

#include <string>

#include "parity/ops/report.h"
#include "support/op_fixture.h"
#include "support/op_run.h"

namespace ingot::optest {
namespace {

class OpsParity : public testing::TestWithParam<std::size_t> {};

TEST_P(OpsParity, AgreesWithPyTorch) {
  const OpCase& c = all_op_cases()[GetParam()];
  if (!fixture_names().count(c.name)) {
    ADD_FAILURE() << c.name << ": no PyTorch result";
    return;
  }
  Report& report = Report::instance();
  for (const DType dtype : dtypes_of(c))
    for (const Layout layout : layouts_of(c)) {
      SCOPED_TRACE(label(c, dtype, layout));
      const std::vector<HostValues> inputs = case_inputs(c, dtype, layout);
      const CaseResult got = run_case_on(c, inputs, layout);
      Worst reference, torch;
      const CaseResult expected = run_case_on(c, inputs, Layout::Contiguous,
                                              {.backend = &reference_backend(), .eager = true});
      EXPECT_PRED1(agrees, compare(c, dtype, got, expected, &reference)) << "against the reference";
      // Stride 0 changes the values: only the reference can tell.
      if (layout != Layout::Expanded) {
        EXPECT_PRED1(agrees, compare_with_fixture(c, dtype, got, &torch)) << "against PyTorch";
      }
      report.add(c, dtype, layout, reference, torch);
    }
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpsParity, testing::Range<std::size_t>(0, all_op_cases().size()),
                         test_name);

}  // namespace
}  // namespace ingot::optest
