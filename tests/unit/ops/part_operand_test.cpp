// A part `x[i]` of a named tensor is recorded when it is first read. Here every operand of every
// public function is such a part, alone and with all others: results and gradients are those of
// plain tensors. The cases cover every public function (OpCases.CoverEveryPublicFunction), so a new
// function is here as soon as it has a case.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include <ingot/core/indexing.h>
#include <ingot/ops/shape.h>

#include "core/cell.h"
#include "core/record.h"
#include "support/op_run.h"

namespace ingot::optest {
namespace {

constexpr std::size_t kAll = ~std::size_t{0};

struct Outcome {
  std::vector<HostValues> outputs;
  std::vector<std::optional<HostValues>> grads;
  std::string refusal;
};

bool same(const std::optional<HostValues>& a, const std::optional<HostValues>& b) {
  return a.has_value() == b.has_value() && (!a || a->equal(*b));
}

// Runs the case. Of each input a base is made that holds it twice; the operands are base[1]: parts
// that nobody has read yet for input `part` (or all), else parts that are tensors already.
Outcome run(const OpCase& c, DType dtype, std::size_t part) {
  Outcome outcome;
  std::vector<Tensor> bases, operands;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Tensor plain = make_leaf(draw_values(c.name, i, c.inputs[i], dtype), Layout::Contiguous);
    Tensor base = stack({plain, plain}).detach();
    base.eval();
    if (c.inputs[i].differentiable && is_floating(plain.dtype())) base.requires_grad_();
    bases.push_back(base);
  }
  try {
    for (std::size_t i = 0; i < bases.size(); ++i) {
      const IndexProxy proxy = bases[i][1];
      // A copy of the handle as a function takes it: nothing is read yet.
      if (part == i || part == kAll)
        operands.push_back(static_cast<const Tensor&>(proxy));
      else
        operands.push_back(Tensor(proxy));
    }
    const std::vector<Tensor> outputs = c.call(operands);
    for (std::size_t o = 0; o < outputs.size(); ++o)
      if (is_floating(outputs[o].dtype()) && outputs[o].requires_grad())
        outputs[o].backward(
            make_leaf(draw_weight(c.name, o, outputs[o].shape(), outputs[o].dtype()),
                      Layout::Contiguous),
            /*retain_graph=*/true);
    for (const Tensor& t : outputs) outcome.outputs.push_back(to_values(t));
    for (const Tensor& base : bases)
      outcome.grads.push_back(base.grad().defined() ? std::optional(to_values(base.grad()))
                                                    : std::nullopt);
  } catch (const Error& e) {
    outcome.refusal = e.what();
  }
  return outcome;
}

class PartOperands : public testing::TestWithParam<std::size_t> {};

TEST_P(PartOperands, GiveWhatTensorsGive) {
  const OpCase& c = all_op_cases()[GetParam()];
  const DType dtype = dtypes_of(c).front();
  for (const bool eager : {false, true}) {
    SCOPED_TRACE(eager ? "eager" : "lazy");
    const EagerScope scope(eager);
    const Outcome expected = run(c, dtype, c.inputs.size());
    std::vector<std::size_t> parts{kAll};
    for (std::size_t i = 0; i < c.inputs.size() && i < 12; ++i) parts.push_back(i);
    for (const std::size_t part : parts) {
      SCOPED_TRACE(part == kAll ? "all operands" : "operand " + std::to_string(part));
      const Outcome got = run(c, dtype, part);
      EXPECT_EQ(got.refusal, expected.refusal);
      ASSERT_EQ(got.outputs.size(), expected.outputs.size());
      for (std::size_t o = 0; o < got.outputs.size(); ++o)
        EXPECT_TRUE(got.outputs[o].equal(expected.outputs[o])) << "output " << o;
      ASSERT_EQ(got.grads.size(), expected.grads.size());
      for (std::size_t i = 0; i < got.grads.size(); ++i)
        EXPECT_TRUE(same(got.grads[i], expected.grads[i])) << "gradient of input " << i;
    }
  }
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

INSTANTIATE_TEST_SUITE_P(Cases, PartOperands, testing::Range<std::size_t>(0, all_op_cases().size()),
                         test_name);

// Parts of parts, and a part whose index is wrong: the error is the part's own, once.
TEST(PartOperandsTable, ChainsAndErrors) {
  Tensor x =
      make_leaf(make_values({2, 2, 3}, DType::Float32, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
                Layout::Contiguous);
  EXPECT_EQ((x[0][1] + x[1][0]).to_vector<float>(), (std::vector<float>{11, 13, 15}));
  try {
    x[0] + x[7];
    FAIL();
  } catch (const IndexError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("part_operand_test.cpp:"), std::string::npos) << text;
    EXPECT_EQ(text.find("recorded at"), text.rfind("recorded at")) << text;
  }
}

}  // namespace
}  // namespace ingot::optest
