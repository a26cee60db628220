// What a gradient reads is kept by an evaluation before backward, however many operands there are.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/function.h>
#include <ingot/core/indexing.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "core/op_def.h"

namespace ingot {
namespace {

using V = std::vector<float>;

// y_o = Σ_i x_i · (o + 1), with a gradient that reads every input and every output.
std::vector<Tensor> many(const std::vector<Tensor>& inputs, std::size_t outputs) {
  return custom_function(
      inputs,
      [outputs](std::span<const Tensor> in) {
        Tensor sum = in[0];
        for (std::size_t i = 1; i < in.size(); ++i) sum = sum + in[i];
        std::vector<Tensor> results;
        for (std::size_t o = 0; o < outputs; ++o)
          results.push_back(sum * static_cast<double>(o + 1));
        return results;
      },
      [](const FunctionContext& c, std::span<const Tensor> grads) {
        Tensor g = grads[0] * c.outputs[0];
        for (std::size_t o = 1; o < grads.size(); ++o) g = g + grads[o] * c.outputs[o];
        std::vector<Tensor> results;
        for (const Tensor& in : c.inputs) results.push_back(g * in);
        return results;
      });
}

TEST(SavedValues, OfFunctionsWithAnyNumberOfOperands) {
  for (const std::size_t outputs : {1u, 31u, 33u})
    for (const std::size_t inputs : {1u, 31u, 32u, 33u, 70u})
      for (const bool evaluate : {false, true}) {
        SCOPED_TRACE(testing::Message() << inputs << " inputs, " << outputs << " outputs, "
                                        << (evaluate ? "evaluated" : "pending"));
        std::vector<Tensor> leaves, between;
        for (std::size_t i = 0; i < inputs; ++i) {
          leaves.push_back(tensor({static_cast<float>(i % 5 + 1)}).requires_grad_());
          between.push_back(leaves.back() * 1);  // nobody but the graph holds these values
        }
        std::vector<Tensor> y = many(between, outputs);
        between.clear();
        Tensor total = y[0];
        for (std::size_t o = 1; o < outputs; ++o) total = total + y[o];
        y.clear();
        if (evaluate) total.eval();
        total.sum().backward();
        float sum = 0, weights = 0;
        for (std::size_t i = 0; i < inputs; ++i) sum += static_cast<float>(i % 5 + 1);
        for (std::size_t o = 0; o < outputs; ++o) weights += static_cast<float>(o + 1);
        // Still exact in float32.
        for (const std::size_t i : {std::size_t{0}, inputs / 2, inputs - 1})
          EXPECT_EQ(leaves[i].grad().item<float>(), sum * weights * static_cast<float>(i % 5 + 1));
      }
}

// A rule in which the last bit stands for all that follow.
TEST(SavedValues, TheLastBitStandsForAllThatFollow) {
  const Saved none{}, all{Saved::kAll, Saved::kAll}, last{1u << 31, 0}, first{5, 2};
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_FALSE(none.input(i) || none.output(i));
    EXPECT_TRUE(all.input(i) && all.output(i));
    EXPECT_EQ(last.input(i), i >= 31);
    EXPECT_EQ(first.input(i), i == 0 || i == 2);
    EXPECT_EQ(first.output(i), i == 1);
  }
}

// Ops that take lists: joined, stacked and taken apart.
TEST(SavedValues, OfLists) {
  std::vector<Tensor> leaves, parts;
  for (int i = 0; i < 50; ++i) {
    leaves.push_back(full({2}, 1.0 * i).requires_grad_());
    parts.push_back(tanh(leaves.back() * 0.01));
  }
  const Tensor joined = stack(parts), loss = (square(joined) * joined).sum();
  parts.clear();
  const std::vector<Tensor> rows = unbind(joined, 0);
  const Tensor total = loss + square(rows[40]).sum() + (rows[49] * rows[3]).sum();
  total.eval();
  total.backward();
  const float y = std::tanh(0.4f), slope = 0.01f * (1 - y * y);
  EXPECT_NEAR(leaves[40].grad().to_vector<float>()[0], (3 * y * y + 2 * y) * slope, 1e-6f);
}

}  // namespace
}  // namespace ingot
