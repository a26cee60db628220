// Every op case again on zero-dim and empty inputs: the cpu backend agrees with the reference,
// forward and backward, or both refuse with the same error of the user's kind.
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include <ingot/core/error.h>

#include "support/guarded_backend.h"
#include "support/op_run.h"

namespace ingot::optest {
namespace {

enum class Edge { ZeroDim, EmptyFirst, EmptyLast };

const char* edge_name(Edge e) {
  return e == Edge::ZeroDim      ? "zero-dim"
         : e == Edge::EmptyFirst ? "first dimension empty"
                                 : "last dimension empty";
}

// The case with its inputs' shapes replaced; nothing when that changes none of them.
std::optional<OpCase> at_edge(const OpCase& c, Edge edge) {
  OpCase variant = c;
  bool changed = false;
  for (InputSpec& i : variant.inputs) {
    if (i.shape.rank() == 0) continue;
    changed = true;
    if (edge == Edge::ZeroDim)
      i.shape = Shape{};
    else
      i.shape[edge == Edge::EmptyFirst ? 0 : i.shape.rank() - 1] = 0;
  }
  if (!changed) return std::nullopt;
  return variant;
}

// What running it gives: results, or the text of an error that a user may cause.
struct Outcome {
  std::optional<CaseResult> result;
  std::string refusal;
};

Outcome outcome(const OpCase& c, DType dtype, const RunOptions& options) {
  try {
    return {run_case(c, dtype, Layout::Contiguous, options), {}};
  } catch (const InternalError&) {
    throw;  // a defect, never an answer
  } catch (const Error& e) {
    return {std::nullopt, e.what()};
  }
}

class OpEdges : public testing::TestWithParam<std::size_t> {};

TEST_P(OpEdges, CpuAgreesWithReference) {
  const OpCase& c = all_op_cases()[GetParam()];
  GuardedBackend cpu(cpu_backend());
  const std::size_t damaged_before = GuardedBackend::damaged_blocks();
  for (const Edge edge : {Edge::ZeroDim, Edge::EmptyFirst, Edge::EmptyLast}) {
    const std::optional<OpCase> variant = at_edge(c, edge);
    if (!variant) continue;
    const DType dtype = dtypes_of(c).back();
    SCOPED_TRACE(edge_name(edge));
    const Outcome expected =
        outcome(*variant, dtype, {.backend = &reference_backend(), .eager = true});
    const Outcome got = outcome(*variant, dtype, {.backend = &cpu});
    EXPECT_EQ(got.refusal, expected.refusal);
    if (got.result && expected.result) {
      EXPECT_PRED1(agrees, compare(*variant, dtype, *got.result, *expected.result));
    }
  }
  EXPECT_EQ(GuardedBackend::damaged_blocks(), damaged_before)
      << "a kernel wrote outside its buffer";
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpEdges, testing::Range<std::size_t>(0, all_op_cases().size()),
                         test_name);

// The functions all of whose cases refuse every one of these edges.
std::set<std::string> refusing(std::initializer_list<Edge> edges) {
  std::set<std::string> refused, taken;
  for (const OpCase& c : all_op_cases())
    for (const Edge edge : edges) {
      const std::optional<OpCase> variant = at_edge(c, edge);
      if (!variant) continue;
      const Outcome o = outcome(*variant, dtypes_of(c).back(), {.backend = &reference_backend()});
      (o.result ? taken : refused).insert(c.function());
    }
  for (const std::string& f : taken) refused.erase(f);
  return refused;
}

TEST(OpEdgesTable, OnlyTheseRefuseZeroDimInputs) {
  // They need dimensions by their meaning, or the case names a dimension, size or index.
  const std::set<std::string> expected{"adaptive_avg_pool2d",
                                       "adaptive_max_pool2d",
                                       "adaptive_max_pool2d_with_indices",
                                       "addmm",
                                       "avg_pool2d",
                                       "baddbmm",
                                       "batch_norm",
                                       "bmm",
                                       "cat",
                                       "chunk",
                                       "contiguous",
                                       "conv1d",
                                       "conv2d",
                                       "conv_transpose1d",
                                       "conv_transpose2d",
                                       "copy_",
                                       "cross_entropy",
                                       "dot",
                                       "einsum",
                                       "embedding",
                                       "expand",
                                       "feature_dropout",
                                       "flip",
                                       "gather",
                                       "group_norm",
                                       "index_select",
                                       "instance_norm",
                                       "kthvalue",
                                       "interpolate",
                                       "layer_norm",
                                       "linear",
                                       "matmul",
                                       "max_pool2d",
                                       "max_pool2d_with_indices",
                                       "mm",
                                       "narrow",
                                       "nll_loss",
                                       "outer",
                                       "permute",
                                       "scaled_dot_product_attention",
                                       "scatter_add",
                                       "select",
                                       "slice",
                                       "slice_scatter",
                                       "split",
                                       "stochastic_depth",
                                       "tril",
                                       "triu",
                                       "unbind",
                                       "view",
                                       "views"};
  EXPECT_EQ(refusing({Edge::ZeroDim}), expected);
}

TEST(OpEdgesTable, OnlyTheseRefuseEmptyInputs) {
  // The case names an index or a size that an empty tensor does not have, or its operands no longer
  // fit each other.
  const std::set<std::string> expected{
      "addmm", "conv_transpose1d", "conv_transpose2d", "copy_", "instance_norm", "mm", "view",
      "views"};
  EXPECT_EQ(refusing({Edge::EmptyFirst, Edge::EmptyLast}), expected);
}

}  // namespace
}  // namespace ingot::optest
