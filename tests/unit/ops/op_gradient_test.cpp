// First and second derivatives of every op case against central differences, in float64.
#include <gtest/gtest.h>

#include <string>

#include <ingot/autograd/gradcheck.h>

#include "support/op_run.h"

namespace ingot::optest {
namespace {

class OpGradient : public testing::TestWithParam<std::size_t> {
 protected:
  const OpCase& op() const { return all_op_cases()[GetParam()]; }

  void SetUp() override {
    const std::vector<HostValues> values = case_inputs(op(), DType::Float64, Layout::Contiguous);
    for (std::size_t i = 0; i < values.size(); ++i)
      leaves_.push_back(make_leaf(values[i], Layout::Contiguous,
                                  op().inputs[i].differentiable && !op().inputs[i].fixed));
    const std::vector<Tensor> outputs = op().call(leaves_);
    for (std::size_t o = 0; o < outputs.size(); ++o)
      if (is_floating(outputs[o].dtype()) && outputs[o].requires_grad()) wanted_.push_back(o);
    ASSERT_FALSE(wanted_.empty()) << "no output has a gradient";
  }

  // The outputs that have a gradient; also while gradients are off.
  std::vector<Tensor> call(const std::vector<Tensor>& inputs) const {
    const std::vector<Tensor> all = op().call(inputs);
    std::vector<Tensor> result;
    for (const std::size_t o : wanted_) result.push_back(all[o]);
    return result;
  }

  std::vector<Tensor> leaves_;
  std::vector<std::size_t> wanted_;
};

TEST_P(OpGradient, First) {
  const GradcheckResult result = gradcheck([&](const std::vector<Tensor>& x) { return call(x); },
                                           leaves_, {.eps = 1e-6, .atol = 1e-6, .rtol = 1e-5});
  EXPECT_TRUE(result.ok) << op().name << ": " << result.message;
}

TEST_P(OpGradient, Second) {
  if (!op().second) return;
  const GradcheckResult result =
      gradgradcheck([&](const std::vector<Tensor>& x) { return call(x); }, leaves_,
                    {.eps = 1e-6, .atol = 1e-6, .rtol = 1e-5});
  EXPECT_TRUE(result.ok) << op().name << ": " << result.message;
}

std::vector<std::size_t> numeric_cases() {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < all_op_cases().size(); ++i) {
    const OpCase& c = all_op_cases()[i];
    if (c.numeric && c.differentiable() && (c.dtypes & bit(DType::Float64))) result.push_back(i);
  }
  return result;
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

// A suite of no cases would pass.
TEST(OpGradientCases, AreThere) { EXPECT_GT(numeric_cases().size(), 50u); }

INSTANTIATE_TEST_SUITE_P(Cases, OpGradient, testing::ValuesIn(numeric_cases()), test_name);

}  // namespace
}  // namespace ingot::optest
