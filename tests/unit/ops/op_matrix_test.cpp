// Every op × dtype × layout on the cpu backend against the reference backend, forward and backward;
// lazy, eager and with extra live tensors, which must not change a bit (rule 11, docs/rules.md).
#include <gtest/gtest.h>

#include <cctype>
#include <string>

#include "core/op_def.h"
#include "core/sanitizers.h"
#include "support/guarded_backend.h"
#include "support/nightly.h"
#include "support/op_run.h"
#include "support/twin_scope.h"

namespace ingot::optest {
namespace {

class OpMatrix : public testing::TestWithParam<std::size_t> {
 protected:
  const OpCase& op() const { return all_op_cases()[GetParam()]; }
};

TEST_P(OpMatrix, CpuAgreesWithReference) {
  GuardedBackend cpu(cpu_backend());
  const std::size_t damaged_before = GuardedBackend::damaged_blocks();
  for (const DType dtype : dtypes_of(op()))
    for (const Layout layout : layouts_of(op())) {
      SCOPED_TRACE(label(op(), dtype, layout));
      // The truth sees the same values without gaps, one op at a time.
      const std::vector<HostValues> inputs = case_inputs(op(), dtype, layout);
      const CaseResult expected = run_case_on(op(), inputs, Layout::Contiguous,
                                              {.backend = &reference_backend(), .eager = true});
      const CaseResult got = run_case_on(op(), inputs, layout, {.backend = &cpu});
      EXPECT_PRED1(agrees, compare(op(), dtype, got, expected));
    }
  EXPECT_EQ(GuardedBackend::damaged_blocks(), damaged_before)
      << "a kernel wrote outside its buffer";
}

TEST_P(OpMatrix, ReferenceTakesEveryLayout) {
  const RunOptions reference{.backend = &reference_backend()};
  for (const DType dtype : dtypes_of(op()))
    for (const Layout layout : layouts_of(op())) {
      if (layout == Layout::Contiguous) continue;
      SCOPED_TRACE(label(op(), dtype, layout));
      const std::vector<HostValues> inputs = case_inputs(op(), dtype, layout);
      const CaseResult expected = run_case_on(op(), inputs, Layout::Contiguous, reference);
      const CaseResult got = run_case_on(op(), inputs, layout, reference);
      EXPECT_PRED1(agrees, compare(op(), dtype, got, expected));
    }
}

// What differs, or nothing; a NaN is a NaN.
std::string told(const HostValues& a, const HostValues& b) {
  return a.equal(b) ? std::string() : difference(a, b).text;
}

// Rule 11, without its exception: no plan fuses anything into a contraction that eager mode would
// not, so even contractions give the same bits.
std::string different_bits(const CaseResult& a, const CaseResult& b) {
  std::string text;
  for (std::size_t i = 0; i < a.outputs.size(); ++i)
    if (const std::string what = told(a.outputs[i], b.outputs[i]); !what.empty())
      text += "output " + std::to_string(i) + ": " + what;
  for (std::size_t i = 0; i < a.grads.size(); ++i)
    if (const std::string what = told(a.grads[i], b.grads[i]); !what.empty())
      text += "gradient " + std::to_string(i) + ": " + what;
  return text;
}

TEST_P(OpMatrix, EagerAndObservedRunsGiveTheSameBits) {
  for (const DType dtype : dtypes_of(op())) {
    if (!is_floating(dtype) && dtype != DType::Int32) continue;
    SCOPED_TRACE(label(op(), dtype, Layout::Contiguous));
    const CaseResult lazy = run_case(op(), dtype, Layout::Contiguous);
    const CaseResult eager = run_case(op(), dtype, Layout::Contiguous, {.eager = true});
    EXPECT_PRED1(agrees, different_bits(eager, lazy)) << "eager";
    for (const std::uint64_t seed : {1, 2, 3}) {
      const CaseResult observed = run_case(op(), dtype, Layout::Contiguous, {.live_seed = seed});
      EXPECT_PRED1(agrees, different_bits(observed, lazy)) << "extra live tensors " << seed;
    }
  }
}

// The twin has the cpu's kernels behind another memory and a queue: the same bits, forward and
// backward, also where some ops fall back to the cpu.
class TwinMatrix : public OpMatrix {};
TEST_P(TwinMatrix, GivesTheCpusBits) {
  struct Way {
    bool falls_back, unified;
  };
  for (const Way way : {Way{false, false}, Way{true, false}, Way{true, true}}) {
    TwinOptions options;
    options.unified = way.unified;
    if (way.falls_back) {
      options.refuse = {"mul", "reshape", "sum"};
      // A kernel may round less often than the expansion that would take its place.
      const OpDef* own = find_op(op().function());
      if (own && !own->expand) options.refuse.push_back(op().function());
    }
    const test::TwinScope twin(options);
    plan::set_fallback("silent");
    for (const DType dtype : dtypes_of(op()))
      for (const Layout layout : layouts_of(op())) {
        const bool in_sample = dtype == dtypes_of(op()).back() || layout == Layout::Contiguous;
        if (!in_sample && !test::nightly()) continue;
        SCOPED_TRACE(label(op(), dtype, layout));
        const CaseResult here = run_case(op(), dtype, layout);
        const CaseResult there = run_case(op(), dtype, layout, {.device = test::kTwin});
        EXPECT_PRED1(agrees, different_bits(there, here));
      }
  }
}

// With the reference's kernels it gives the reference's bits. A sample of the cases.
class ReferenceTwinMatrix : public OpMatrix {};
TEST_P(ReferenceTwinMatrix, GivesTheReferencesBits) {
  TwinOptions options;
  options.reference = true;
  const test::TwinScope twin(options);
  const DType dtype = dtypes_of(op()).front();
  const CaseResult here =
      run_case(op(), dtype, Layout::Contiguous, {.backend = &reference_backend()});
  const CaseResult there = run_case(op(), dtype, Layout::Contiguous, {.device = test::kTwin});
  EXPECT_PRED1(agrees, different_bits(there, here));
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

// The threads behind the twin are the same for every op: ThreadSanitizer sees a sample.
#ifdef INGOT_THREAD_SANITIZER
const std::size_t kEvery = test::nightly() ? 1 : 8;
#else
const std::size_t kEvery = 1;
#endif
INSTANTIATE_TEST_SUITE_P(Cases, TwinMatrix,
                         testing::Range<std::size_t>(0, all_op_cases().size(), kEvery), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, ReferenceTwinMatrix,
                         testing::Range<std::size_t>(0, all_op_cases().size(), 7), test_name);
INSTANTIATE_TEST_SUITE_P(Cases, OpMatrix, testing::Range<std::size_t>(0, all_op_cases().size()),
                         test_name);

}  // namespace
}  // namespace ingot::optest
