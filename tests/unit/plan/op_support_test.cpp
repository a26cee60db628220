// The table of ops and dtypes says what plans do: every op and dtype of it is planned here, with
// kernels and all, on devices that have everything, some things and nothing.
#include <ingot/core/op_support.h>

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include "core/op_samples.h"
#include "core/record.h"
#include "plan/dry_run.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kTwin;

std::map<std::string, OpSupport> table(Device device) {
  std::map<std::string, OpSupport> by_name;
  for (OpSupport& row : op_support(device)) by_name.emplace(row.op, row);
  return by_name;
}

Support at(const std::map<std::string, OpSupport>& table, const std::string& op, DType dtype) {
  return table.at(op).by_dtype[static_cast<std::size_t>(dtype)];
}

TEST(OpSupportTable, HasEveryOpAndTheCpuRefusesNone) {
  const auto rows = table(Device());
  EXPECT_EQ(rows.size(), all_ops().size());
  std::string refused, never;
  for (const auto& [op, row] : rows) {
    bool taken = false;
    for (int t = 0; t < kNumDTypes; ++t) {
      const Support s = row.by_dtype[static_cast<std::size_t>(t)];
      taken |= s != Support::NotTaken;
      EXPECT_NE(s, Support::Cpu) << op;
      EXPECT_NE(s, Support::Partly) << op;
      if (s == Support::Refused)
        refused += op + " on " + std::string(name(static_cast<DType>(t))) + "; ";
    }
    if (!taken) never += op + "; ";
  }
  EXPECT_EQ(refused, "");
  EXPECT_EQ(never, "") << "its sample in src/ops/op_samples.cpp is wrong";
}

TEST(OpSupportTable, KnowsKernelsExpansionsAndViews) {
  const auto cpu = table(Device());
  EXPECT_EQ(at(cpu, "matmul", float32), Support::Kernel);
  EXPECT_EQ(at(cpu, "add", float16), Support::Kernel);
  EXPECT_EQ(at(cpu, "gelu", float32), Support::Expanded);
  EXPECT_EQ(at(cpu, "gelu", int64), Support::NotTaken);
  EXPECT_EQ(at(cpu, "reshape", boolean), Support::View);
  EXPECT_EQ(at(cpu, "check_labels", int64), Support::Kernel);
  EXPECT_EQ(at(cpu, "check_labels", float32), Support::NotTaken);
  const test::TwinScope twin;
  for (const auto& [op, row] : table(kTwin)) EXPECT_EQ(row.by_dtype, cpu.at(op).by_dtype) << op;
  TwinOptions lacking;
  lacking.refuse = {"matmul", "exp", "softmax"};
  const test::TwinScope half(lacking);
  const auto some = table(kTwin);
  EXPECT_EQ(at(some, "matmul", float32), Support::Cpu);
  EXPECT_EQ(at(some, "exp", float32), Support::Cpu);
  EXPECT_EQ(at(some, "softmax", float32), Support::Partly);
  EXPECT_EQ(at(some, "add", float32), Support::Kernel);
  plan::set_fallback("error");
  const auto strict = table(kTwin);
  EXPECT_EQ(at(strict, "matmul", float32), Support::Refused);
  EXPECT_EQ(at(strict, "softmax", float32), Support::Refused);
  EXPECT_EQ(at(strict, "add", float32), Support::Kernel);
  plan::set_fallback("");
  EXPECT_THROW(op_support("twin:9"), DeviceError);
}

// Records the op on tensors that are there, and plans it.
std::vector<plan::LackingOp> planned(const OpDef& op, DType dtype) {
  plan::DryRun dry;
  const OpSample sample = sample_of(op, dtype, kTwin);
  std::vector<Tensor> operands;
  std::vector<const Tensor*> inputs;
  for (const TensorSpec& s : sample.inputs)
    operands.push_back(zeros(s.shape, {.dtype = s.dtype, .device = s.device}));
  eval();
  for (const Tensor& t : operands) inputs.push_back(&t);
  dry.take_evaluations();
  const std::vector<Tensor> results =
      record_multi(op, inputs, sample.attrs, Site::current(), sample.slots);
  eval(results);
  std::vector<plan::LackingOp> all;
  for (plan::DryEvaluation& e : dry.take_evaluations())
    for (plan::LackingOp& l : e.lacking) all.push_back(std::move(l));
  return all;
}

TEST(OpSupportTable, SaysWhatPlansDo) {
  for (const std::vector<std::string>& refuse :
       {std::vector<std::string>{}, {"exp", "sum", "mul", "conv2d", "cast"}, {"*"}}) {
    TwinOptions options;
    options.refuse = refuse;
    const test::TwinScope twin(options);
    plan::set_fallback("silent");
    std::set<Support> seen;
    for (const OpSupport& row : op_support(kTwin))
      for (int t = 0; t < kNumDTypes; ++t) {
        const Support says = row.by_dtype[static_cast<std::size_t>(t)];
        if (says == Support::NotTaken) continue;
        seen.insert(says);
        const auto dtype = static_cast<DType>(t);
        SCOPED_TRACE(row.op + " on " + std::string(name(dtype)) + ": " + std::string(name(says)));
        // A copy to where it is already is none.
        const auto lacking = planned(*find_op(row.op), dtype);
        EXPECT_EQ(says == Support::Cpu || says == Support::Partly, !lacking.empty());
        if (says == Support::Cpu && !lacking.empty()) {
          EXPECT_EQ(lacking[0].ops, std::vector<std::string>{row.op});
        }
      }
    EXPECT_GE(seen.size(), refuse.empty() ? 3u : 2u);
  }
}

}  // namespace
}  // namespace ingot
