// The list of all ops.
#include <gtest/gtest.h>

#include <set>

#include "core/op_def.h"

namespace ingot {
namespace {

TEST(Registry, FindsOpsByName) {
  for (const OpDef* op : all_ops()) EXPECT_EQ(find_op(op->name), op) << op->name;
  EXPECT_EQ(find_op("constant"), &kConstant);
  EXPECT_EQ(find_op("variable"), &kVariable);
  EXPECT_EQ(find_op("no_such_op"), nullptr);
}

TEST(Registry, EveryScalarPrimitiveBelongsToOneOp) {
  std::set<ScalarOp> found;
  for (const OpDef* op : all_ops()) {
    if (op->traits.scalar == ScalarOp::None) continue;
    EXPECT_TRUE(found.insert(op->traits.scalar).second) << op->name;
  }
  EXPECT_EQ(found.size(), static_cast<std::size_t>(ScalarOp::Where));
}

}  // namespace
}  // namespace ingot
