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
#include "support/lazy_scope.h"

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

}  // namespace
}  // namespace ingot::plan
