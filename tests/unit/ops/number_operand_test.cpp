// Rule 27: a 0-dim tensor of the cpu may stand beside tensors of any device. Every operand of every
// public function that can be 0-dim is one here, the others being on the twin: results and
// gradients are those of the cpu, each gradient where its tensor is. (The cases cover every public
// function.)
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/indexing.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "core/cell.h"
#include "support/expect.h"
#include "support/op_run.h"
#include "support/twin_scope.h"

namespace ingot::optest {
namespace {

using test::kTwin;
using test::TwinScope;

struct Outcome {
  std::vector<HostValues> outputs;
  std::vector<std::optional<HostValues>> grads;
  std::vector<Device> output_devices;
};

bool same(const std::optional<HostValues>& a, const std::optional<HostValues>& b) {
  return a.has_value() == b.has_value() && (!a || a->equal(*b));
}

// The case with the first element of input `number` in that place, on `its_device`, the other
// inputs on `device`. Throws what the function throws.
Outcome run(const OpCase& c, DType dtype, std::size_t number, Device its_device, Device device) {
  std::vector<Tensor> operands;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    Tensor t = make_leaf(draw_values(c.name, i, c.inputs[i], dtype), Layout::Contiguous);
    t = i == number ? t.reshape({t.numel()}).narrow(0, 0, 1).reshape({}).to(its_device).detach()
                    : t.to(device).detach();
    t.eval();
    if (c.inputs[i].differentiable && is_floating(t.dtype())) t.requires_grad_();
    operands.push_back(t);
  }
  Outcome outcome;
  const std::vector<Tensor> outputs = c.call(operands);
  for (std::size_t o = 0; o < outputs.size(); ++o)
    if (is_floating(outputs[o].dtype()) && outputs[o].requires_grad())
      outputs[o].backward(make_leaf(draw_weight(c.name, o, outputs[o].shape(), outputs[o].dtype()),
                                    Layout::Contiguous)
                              .to(outputs[o].device()),
                          /*retain_graph=*/true);
  for (const Tensor& t : outputs) {
    outcome.outputs.push_back(to_values(t.cpu()));
    outcome.output_devices.push_back(t.device());
  }
  for (const Tensor& t : operands) {
    const Tensor grad = t.grad();
    if (grad.defined()) {
      EXPECT_EQ(grad.device(), t.device());
    }
    outcome.grads.push_back(grad.defined() ? std::optional(to_values(grad.cpu())) : std::nullopt);
  }
  return outcome;
}

// As in PyTorch: what is joined or looked up must be where the rest is, and so must what changes in
// place.
bool refuses(const OpCase& c, std::size_t number) {
  static const std::set<std::string> functions{
      "stack",          "scatter_reduce", "nll_loss", "methods",   "index_select", "masked_select",
      "masked_scatter", "masked_fill",    "equal",    "embedding", "einsum",       "cross_entropy"};
  const std::string name = c.function();
  return functions.contains(name) || (name.ends_with("_") && number == 0);
}

// What comes of the number alone is where that is: cases that call several functions, answers about
// two tensors (where the first is), and what changes in place.
bool has_results_of_one_operand(const OpCase& c, std::size_t number) {
  static const std::set<std::string> functions{"allclose", "equal", "methods", "operators"};
  const std::string name = c.function();
  return functions.contains(name) || (name.ends_with("_") && number == 0);
}

class NumberOperands : public testing::TestWithParam<std::size_t> {};

TEST_P(NumberOperands, MixWithAnyDevice) {
  const OpCase& c = all_op_cases()[GetParam()];
  const TwinScope twin;
  const DType dtype = dtypes_of(c).front();
  for (std::size_t number = 0; c.inputs.size() > 1 && number < c.inputs.size(); ++number) {
    if (c.inputs[number].shape.numel() == 0) continue;
    SCOPED_TRACE("operand " + std::to_string(number));
    Outcome expected;
    std::vector<Device> devices;
    try {
      expected = run(c, dtype, number, Device{}, Device{});
      devices = run(c, dtype, number, kTwin, kTwin).output_devices;
    } catch (const Error&) {
      continue;  // it takes no number there
    }
    try {
      const Outcome got = run(c, dtype, number, Device{}, kTwin);
      ASSERT_EQ(got.outputs.size(), expected.outputs.size());
      for (std::size_t o = 0; o < got.outputs.size(); ++o) {
        EXPECT_TRUE(got.outputs[o].equal(expected.outputs[o])) << "output " << o;
        if (got.output_devices[o] != devices[o]) {
          EXPECT_TRUE(has_results_of_one_operand(c, number)) << "output " << o;
          EXPECT_EQ(got.output_devices[o], Device{}) << "output " << o;
        }
      }
      for (std::size_t i = 0; i < got.grads.size(); ++i)
        EXPECT_TRUE(same(got.grads[i], expected.grads[i])) << "gradient of input " << i;
    } catch (const DeviceError& e) {
      EXPECT_TRUE(refuses(c, number)) << c.name << ": " << e.what();
      EXPECT_NE(std::string(e.what()).find("recorded at"), std::string::npos) << e.what();
    } catch (const Error& e) {
      ADD_FAILURE() << c.name << ": " << e.what();
    }
  }
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}
INSTANTIATE_TEST_SUITE_P(Cases, NumberOperands,
                         testing::Range<std::size_t>(0, all_op_cases().size()), test_name);

// What is put into a part: a number of the cpu anywhere; into what ranges name, any tensor, since
// that is a copy; indices and masks may stay on the cpu.
TEST(NumberOperandsTable, PartsTakeThem) {
  const TwinScope twin;
  using V = std::vector<float>;
  const Tensor number = tensor(7.f);
  const auto start = [] { return ones({2, 2}).to(kTwin); };
  Tensor a = start();
  a[0] = number;
  EXPECT_EQ(a.to_vector<float>(), (V{7, 7, 1, 1}));
  a = start();
  a[1][0] = number;
  EXPECT_EQ(a.to_vector<float>(), (V{1, 1, 7, 1}));
  a = start();
  a[0] = tensor({3.f, 4.f});
  EXPECT_EQ(a.to_vector<float>(), (V{3, 4, 1, 1}));
  a = start();
  a[0] += number;
  EXPECT_EQ(a.to_vector<float>(), (V{8, 8, 1, 1}));
  const Tensor rows = tensor({1}), mask = tensor({{true, false}, {false, true}});
  a = start();
  a.index_put_({rows}, number);
  EXPECT_EQ(a.to_vector<float>(), (V{1, 1, 7, 7}));
  a = start();
  a.index_put_({rows.to(kTwin)}, number, /*accumulate=*/true);
  EXPECT_EQ(a.to_vector<float>(), (V{1, 1, 8, 8}));
  a = start();
  a[mask] = number;
  EXPECT_EQ(a.to_vector<float>(), (V{7, 1, 1, 7}));
  EXPECT_EQ(a[mask].to_vector<float>(), (V{7, 7}));
  EXPECT_EQ(a[mask.to(kTwin)].to_vector<float>(), (V{7, 7}));
  EXPECT_EQ(a[rows].to_vector<float>(), (V{1, 7}));
  EXPECT_EQ(a[tensor(1)].device(), kTwin);
  EXPECT_EQ(where(mask.to(kTwin), number, a).to_vector<float>(), (V{7, 1, 1, 7}));
  EXPECT_EQ(where(mask.to(kTwin), a, number).to_vector<float>(), (V{7, 7, 7, 7}));
  EXPECT_EQ(a.masked_fill(mask.to(kTwin), tensor(2.f)).to_vector<float>(), (V{2, 1, 1, 2}));
  // A number on the cpu is not moved by what is added to it.
  Tensor here = tensor(2.f);
  EXPECT_THROW(here += tensor(1.f).to(kTwin), DeviceError);
  EXPECT_EQ(here.device(), Device{});
  // Values with dimensions, and what is joined, must be where the rest is; as in PyTorch.
  EXPECT_THROW(a.index_put_({rows.to(kTwin)}, tensor({3.f, 4.f})), DeviceError);
  const std::string text = test::message_of<DeviceError>([&] { stack({start()[0][0], number}); });
  EXPECT_NE(text.find("move operand 1 with .to(\"twin:0\")"), std::string::npos) << text;
  EXPECT_NE(text.find("number_operand_test.cpp:"), std::string::npos) << text;
}

}  // namespace
}  // namespace ingot::optest
