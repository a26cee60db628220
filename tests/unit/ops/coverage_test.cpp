// Every op is complete: a gradient or an explicit none, a reference kernel or a meaning in other
// ops.
#include <gtest/gtest.h>

#include <set>

#include "backend/kernel_table.h"
#include "core/op_def.h"

namespace ingot {
namespace reference {
void register_all(KernelTable& table);
}
namespace {

// Ops that plans carry out themselves.
const std::set<std::string_view> kByThePlan = {"copy_to"};

TEST(EveryOp, HasAGradientOrSaysNone) {
  for (const OpDef* op : all_ops()) {
    EXPECT_NE(op->infer, nullptr) << op->name;
    switch (op->gradient) {
      case Gradient::Rule:
        EXPECT_NE(op->vjp, nullptr) << op->name;
        break;
      case Gradient::None:
        EXPECT_EQ(op->vjp, nullptr) << op->name;
        break;
      case Gradient::Expand:
        EXPECT_NE(op->expand, nullptr) << op->name;
        break;
    }
  }
}

TEST(EveryOp, CanBeComputedByTheReferenceBackend) {
  KernelTable table;
  reference::register_all(table);
  for (const OpDef* op : all_ops()) {
    const bool planned = op->traits.view || op->traits.alias || kByThePlan.contains(op->name);
    const bool elementwise = op->traits.scalar != ScalarOp::None;
    EXPECT_TRUE(planned || elementwise || op->expand || table.find(op->name)) << op->name;
  }
}

TEST(EveryOp, IsFoundByItsName) {
  std::set<std::string_view> names;
  for (const OpDef* op : all_ops()) {
    EXPECT_TRUE(names.insert(op->name).second) << op->name << " is defined twice";
    EXPECT_EQ(find_op(op->name), op);
  }
  EXPECT_EQ(find_op("constant"), &kConstant);
  EXPECT_EQ(find_op("no_such_op"), nullptr);
}

TEST(EveryScalarPrimitive, BelongsToOneOp) {
  std::set<ScalarOp> found;
  for (const OpDef* op : all_ops()) {
    if (op->traits.scalar == ScalarOp::None) continue;
    EXPECT_TRUE(found.insert(op->traits.scalar).second) << op->name;
  }
  EXPECT_EQ(found.size(), static_cast<std::size_t>(ScalarOp::Where));
}

}  // namespace
}  // namespace ingot
