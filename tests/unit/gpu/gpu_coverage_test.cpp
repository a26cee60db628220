// docs/gpu-kernels.md: which kernels each op becomes, in which dtypes. The page is what the backend
// itself says, and nothing in it falls back.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/op_support.h>

#include "core/op_def.h"
#include "core/op_samples.h"
#include "core/record.h"
#include "support/host_scope.h"
#include "support/source_dir.h"
#include "support/text_driver.h"

namespace ingot {
namespace {

constexpr const char* kIntroduction = R"(# Ops and kernels of the GPU

What the GPU backend does with each op, as it says itself; this page is generated.

- **kernels**: what a step of the op launches, in order. `map` is one loop over the elements, into
  which neighbouring elementwise ops are joined. `expanded`: the op becomes other ops of this table.
  `nothing`: the result is a view.
- **dtypes**: those that the host driver has it for; `floats` are float16, bfloat16, float32 and
  float64, `integers` are uint8, int8, int16, int32 and int64.

Small tensors are asked about: larger ones may take another kernel of the same family, and sorting
merges in as many launches as the length needs. How right they are: [gpu.md](gpu.md).

To make this page again:

    INGOT_WRITE_PAGES=1 build/bin/tests/unit_gpu --gtest_filter='GpuCoverage.*'

| op | kernels | dtypes |
|---|---|---|
)";

std::string dtype_text(const std::array<Support, kNumDTypes>& by_dtype) {
  const auto taken = [&](DType t) {
    return by_dtype[static_cast<std::size_t>(t)] != Support::NotTaken;
  };
  const auto group = [&](std::vector<DType> all, const std::string& name_of_all) {
    std::string some;
    bool every = true;
    for (const DType t : all) {
      if (taken(t))
        some += (some.empty() ? "" : ", ") + std::string(name(t));
      else
        every = false;
    }
    return every ? name_of_all : some;
  };
  std::string text;
  for (const std::string& part :
       {group({DType::Float16, DType::BFloat16, DType::Float32, DType::Float64}, "floats"),
        group({DType::UInt8, DType::Int8, DType::Int16, DType::Int32, DType::Int64}, "integers"),
        group({DType::Bool}, "bool")})
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  return text;
}

StepDesc step_of(const Node& n) {
  StepDesc step;
  step.op = &n.op();
  step.attrs = n.attrs();
  for (const ValueId& in : n.inputs())
    step.inputs.push_back(TensorDesc::contiguous(in.spec().shape, in.spec().dtype));
  for (const NodeOutput& o : n.outputs())
    step.outputs.push_back(TensorDesc::contiguous(o.spec.shape, o.spec.dtype));
  for (const Scalar& s : n.slots()) step.slots.push_back(s.kind());
  return step;
}

std::string kernels_of(const OpDef& op, DType dtype) {
  CaptureScope capture;
  const OpSample sample = sample_of(op, dtype, {});
  std::vector<Tensor> operands;
  std::vector<const Tensor*> inputs;
  operands.reserve(sample.inputs.size());
  for (const TensorSpec& s : sample.inputs) {
    operands.push_back(CaptureScope::placeholder(s));
    inputs.push_back(&operands.back());
  }
  record_multi(op, inputs, sample.attrs, Site{}, sample.slots);
  test::TextBackend backend("host", true);
  const std::unique_ptr<Kernel> kernel = backend.lower(step_of(*capture.nodes().back()));
  std::string text;
  for (const std::string& name : backend.driver().take_asked())
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string row(const OpSupport& support) {
  const OpDef& op = *find_op(support.op);
  std::set<Support> ways;
  std::string kernels;
  for (int t = 0; t < kNumDTypes; ++t) {
    const Support s = support.by_dtype[static_cast<std::size_t>(t)];
    if (s == Support::NotTaken) continue;
    ways.insert(s);
    if (s == Support::Kernel && kernels.empty())
      kernels = op.traits.scalar != ScalarOp::None || op.name == "full"
                    ? "map"
                    : kernels_of(op, static_cast<DType>(t));
  }
  if (ways.contains(Support::View)) kernels = "nothing";
  if (ways.contains(Support::Expanded)) kernels += kernels.empty() ? "expanded" : ", or expanded";
  for (const Support s : {Support::Partly, Support::Cpu, Support::Refused})
    if (ways.contains(s)) kernels += (kernels.empty() ? "" : ", ") + std::string(name(s));
  return fmt::format("| {} | {} | {} |\n", support.op, kernels, dtype_text(support.by_dtype));
}

TEST(GpuCoverage, NothingFallsBack) {
  const test::HostScope host;
  for (const OpSupport& support : op_support(test::kHostDriver))
    for (int t = 0; t < kNumDTypes; ++t) {
      const Support s = support.by_dtype[static_cast<std::size_t>(t)];
      EXPECT_TRUE(s != Support::Cpu && s != Support::Partly && s != Support::Refused)
          << support.op << " on " << name(static_cast<DType>(t)) << ": " << name(s);
    }
}

TEST(GpuCoverage, ThePageSaysWhatThereIs) {
  const test::HostScope host;
  std::string page = kIntroduction;
  for (const OpSupport& support : op_support(test::kHostDriver)) page += row(support);
  const std::string path = testing::source_dir() + "/docs/gpu-kernels.md";
  if (std::getenv("INGOT_WRITE_PAGES"))  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(path) << page;
  std::ostringstream there;
  there << std::ifstream(path).rdbuf();
  EXPECT_EQ(there.str(), page) << path << " is out of date; it says how to make it again";
}

}  // namespace
}  // namespace ingot
