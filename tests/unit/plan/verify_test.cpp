// INGOT_VERIFY: a kernel that computes something else is named, with the step it is in.
#include "plan/verify.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/fallback.h"
#include "plan/plan.h"
#include "support/lazy_scope.h"
#include "support/twin_scope.h"

namespace ingot::plan {
namespace {

// The cpu backend, but sums are 1 too large.
class WrongSums final : public Backend {
 public:
  std::string_view name() const override { return "wrong sums"; }
  Allocator& allocator() override { return cpu_backend().allocator(); }
  bool fuses() const override { return cpu_backend().fuses(); }
  bool supports(const StepDesc& step) const override { return cpu_backend().supports(step); }
  void choose_layouts(StepDesc& step) const override { cpu_backend().choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    std::unique_ptr<Kernel> kernel = cpu_backend().lower(step);
    if (step.op != find_op("sum")) return kernel;
    const std::size_t nbytes = kernel->workspace_nbytes();
    return make_kernel(
        [right = std::shared_ptr<Kernel>(std::move(kernel))](const KernelArgs& args) {
          right->run(args);
          *args.out<float>(0) += 1;
        },
        nbytes);
  }
};

template <class Record>
std::string verified(Record record, Backend& backend) {
  const testing_support::LazyScope lazy;
  eval();
  std::string said;
  {
    const Tensor kept = record();
    Batch batch;
    collect(batch, record_state().pending, {});
    try {
      execute_verified(batch, backend);
    } catch (const InternalError& e) {
      said = e.what();
    }
    unclaim(batch);
  }
  record_state().pending.clear();
  return said;
}

Tensor sum_of_program() {
  const Tensor x = arange(0, 12, 1, float32).reshape({3, 4});
  eval();
  return exp(relu(x * 0.1) + 1).sum({1});
}

TEST(Verify, NamesTheOpThatDiffersAndItsStep) {
  WrongSums wrong;
  const std::string text = verified(sum_of_program, wrong);
  EXPECT_NE(
      text.find("verify: sum on wrong sums differs from the reference: output 0 of float32[3]"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("largest difference 1 at element 0"), std::string::npos) << text;
  EXPECT_NE(text.find("verify_test.cpp:"), std::string::npos) << text;
  EXPECT_NE(text.find("computed by step "), std::string::npos) << text;
  EXPECT_NE(text.find(" = sum("), std::string::npos) << text;
}

TEST(Verify, FindsNothingWhereNothingIsWrong) {
  EXPECT_EQ(verified(sum_of_program, cpu_backend()), "");
}

// Plans of several devices: segments there and here, results on both.
Tensor across_devices() {
  const Tensor x = arange(0, 12, 1, float32).reshape({3, 4}).to(test::kTwin);
  eval();
  return (exp(x * 0.1).sum({1}).cpu() + 1).sum();
}

std::size_t segments_of(Tensor (*record)()) {
  const testing_support::LazyScope lazy;
  const Tensor kept = record();
  Batch batch;
  collect(batch, record_state().pending, {});
  const std::size_t segments = build_plan(batch, cpu_backend(), 1)->segments.size();
  unclaim(batch);
  record_state().pending.clear();
  return segments;
}

TEST(Verify, SeesPlansOfSeveralDevices) {
  for (const bool unified : {false, true}) {
    TwinOptions options;
    options.unified = unified;
    options.max_delay_us = 20;
    const test::TwinScope twin(options);
    EXPECT_EQ(segments_of(across_devices), 2u);
    EXPECT_EQ(verified(across_devices, cpu_backend()), "");
    // The last sum is the host's.
    WrongSums wrong;
    const std::string text = verified(across_devices, wrong);
    EXPECT_NE(
        text.find("verify: sum on wrong sums differs from the reference: output 0 of float32[]"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("verify_test.cpp:"), std::string::npos) << text;
    // And the first one where the twin has none.
    options.refuse = {"sum"};
    twin->configure(options);
    set_fallback("silent");
    const std::string fallen = verified(across_devices, wrong);
    EXPECT_NE(fallen.find("output 0 of float32[3]"), std::string::npos) << fallen;
    EXPECT_NE(fallen.find("computed by step "), std::string::npos) << fallen;
  }
}

// A device's own kernel that computes something else is found there.
TEST(Verify, NamesTheDeviceThatDiffers) {
  TwinOptions options;
  options.corrupt = "sum";
  const test::TwinScope twin(options);
  const std::string text = verified(across_devices, cpu_backend());
  EXPECT_NE(text.find("verify: sum on twin differs from the reference"), std::string::npos) << text;
  EXPECT_NE(text.find("computed by step "), std::string::npos) << text;
}

}  // namespace
}  // namespace ingot::plan
