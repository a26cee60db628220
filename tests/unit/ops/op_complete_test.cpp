// Nothing is forgotten: every op of the build says how it is differentiated, has a reference kernel
// or an expansion, is recorded by an op case, and every case has a result of PyTorch's.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "backend/step.h"
#include "core/op_def.h"
#include "support/op_fixture.h"
#include "support/op_run.h"
#include "support/public_functions.h"

namespace ingot::optest {
namespace {

// Ops without a gradient, and why. An op that says Gradient::None and is not here was forgotten.
const std::map<std::string, std::string>& not_differentiable() {
  static const std::map<std::string, std::string> reasons = [] {
    std::map<std::string, std::string> r;
    const auto add = [&](const char* reason, std::initializer_list<const char*> names) {
      for (const char* name : names) r[name] = reason;
    };
    add("bool or integer result", {"isnan",
                                   "isinf",
                                   "isfinite",
                                   "logical_not",
                                   "logical_and",
                                   "logical_or",
                                   "logical_xor",
                                   "bitwise_not",
                                   "bitwise_and",
                                   "bitwise_or",
                                   "bitwise_xor",
                                   "bitwise_left_shift",
                                   "bitwise_right_shift",
                                   "eq",
                                   "ne",
                                   "lt",
                                   "le",
                                   "gt",
                                   "ge",
                                   "any",
                                   "all",
                                   "argmax",
                                   "argmin",
                                   "cummax_index",
                                   "cummin_index"});
    add("piecewise constant; PyTorch has none either", {"floor_divide"});
    add("creates values from none", {"full", "arange", "linspace", "eye", "uniform", "normal",
                                     "bernoulli", "randint", "randperm"});
    add("looks at labels and gives none", {"check_labels"});
    add("looks at integers and gives none", {"check_divisor"});
    add("says where values are; PyTorch has none either", {"nonzero", "unique"});
    add("changes values that carry no history",
        {"sgd_update", "adam_update", "rmsprop_update", "adagrad_update"});
    return r;
  }();
  return reasons;
}

TEST(OpDefs, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const OpDef* op : all_ops()) {
    EXPECT_TRUE(names.insert(op->name).second) << op->name;
    EXPECT_EQ(op->name_hash, hash_text(op->name)) << op->name;
    EXPECT_EQ(find_op(op->name), op) << op->name;
  }
  EXPECT_GT(names.size(), 60u);
}

TEST(OpDefs, SayHowTheyAreDifferentiated) {
  for (const OpDef* op : all_ops()) {
    const std::string name(op->name);
    EXPECT_NE(op->infer, nullptr) << name;
    const bool listed = not_differentiable().count(name) > 0;
    switch (op->gradient) {
      case Gradient::Rule:
        EXPECT_NE(op->vjp, nullptr) << name << " has Gradient::Rule but no vjp";
        EXPECT_FALSE(listed) << name << " has a gradient and a reason to have none";
        break;
      case Gradient::Expand:
        EXPECT_NE(op->expand, nullptr) << name << " has Gradient::Expand but no expand";
        EXPECT_FALSE(listed) << name << " has a gradient and a reason to have none";
        break;
      case Gradient::None:
        EXPECT_EQ(op->vjp, nullptr) << name << " has a vjp but Gradient::None";
        EXPECT_TRUE(listed) << name << " has no gradient; write the rule or say why in this test";
        break;
    }
  }
}

// A step without a count shows as "?" in profiles.
TEST(OpDefs, SayHowMuchTheyCompute) {
  const std::set<std::string_view> not_counted{
      "sort",    "unique",                           // depends on the values
      "uniform", "normal", "bernoulli", "randint"};  // integers, and polynomials by magnitude
  for (const OpDef* op : all_ops()) {
    const Traits& t = op->traits;
    const bool is_a_step = !t.view && !t.alias && !op->expand && t.scalar == ScalarOp::None;
    const bool listed = not_counted.count(op->name) > 0;
    if (is_a_step)
      EXPECT_NE(op->flops != nullptr, listed) << op->name << ": state flops, or here why not";
    else
      EXPECT_FALSE(listed) << op->name << " is no step";
  }
}

StepDesc step_of(const Node& node) {
  StepDesc step;
  step.op = &node.op();
  step.attrs = node.attrs();
  for (const ValueId& v : node.inputs())
    step.inputs.push_back(TensorDesc::contiguous(v.spec().shape, v.spec().dtype));
  for (const NodeOutput& o : node.outputs())
    step.outputs.push_back(TensorDesc::contiguous(o.spec.shape, o.spec.dtype));
  for (const Scalar& s : node.slots()) step.slots.push_back(s.kind());
  return step;
}

// Records all cases in all their dtypes once. A `vjp` that reads a value its op does not save
// throws here, as does an expansion that disagrees with `infer`.
TEST(OpDefs, EveryOpIsInACaseAndHasAReferenceKernel) {
  std::set<std::string> seen, without_kernel;
  const auto look = [&](const Node& node) {
    const OpDef& op = node.op();
    seen.insert(std::string(op.name));
    const bool needs_kernel = !op.traits.view && !op.traits.alias && !op.expand;
    if (needs_kernel && find_op(op.name) && !reference_backend().supports(step_of(node))) {
      std::string text(op.name);
      for (const ValueId& v : node.inputs()) text += " " + v.spec().str();
      without_kernel.insert(text);
    }
  };
  for (const OpCase& c : all_op_cases())
    for (const DType dtype : dtypes_of(c))
      EXPECT_NO_THROW(run_case(c, dtype, Layout::Contiguous,
                               {.backend = &reference_backend(), .observe = look}))
          << label(c, dtype, Layout::Contiguous);
  EXPECT_TRUE(without_kernel.empty()) << ::testing::PrintToString(without_kernel);
  // A plan copies between devices itself, and the tests may have only one.
  seen.insert("copy_to");
  for (const OpDef* op : all_ops())
    EXPECT_TRUE(seen.count(std::string(op->name)))
        << op->name << " is recorded by no op case; add one to tests/support/op_cases_*.cpp";
}

TEST(OpCases, CoverEveryPublicFunction) {
  std::set<std::string> covered;
  for (const OpCase& c : all_op_cases()) covered.insert(c.function());
  const std::set<std::string> functions = public_functions();
  EXPECT_GT(functions.size(), 100u);
  for (const std::string& name : functions)
    EXPECT_TRUE(covered.count(name)) << name << " of include/ingot/ops has no op case";
}

TEST(OpCases, HaveResultsOfPyTorch) {
  std::set<std::string> names;
  EXPECT_GT(all_op_cases().size(), 100u);
  for (const OpCase& c : all_op_cases()) {
    EXPECT_FALSE(dtypes_of(c).empty()) << c.name;
    EXPECT_TRUE(names.insert(c.name).second) << c.name << " is there twice";
    if (!fixture_names().count(c.name)) {
      ADD_FAILURE() << c.name << ": no PyTorch result; add it to tests/fixtures/op_cases/ and run "
                    << "make_op_fixtures.py";
      continue;
    }
    std::vector<std::string> inputs;
    for (const InputSpec& i : c.inputs) inputs.push_back(i.str());
    EXPECT_EQ(inputs, fixture_inputs(c.name)) << c.name << ": the fixture has other inputs";
    for (const DType dtype : dtypes_of(c))
      EXPECT_TRUE(fixture_has(c.name, dtype)) << label(c, dtype, Layout::Contiguous);
  }
  for (const std::string& name : fixture_names())
    EXPECT_TRUE(names.count(name)) << name << " is in the fixtures but no op case";
}

}  // namespace
}  // namespace ingot::optest
