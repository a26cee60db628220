// Whichever allocation fails while a step is recorded, in backward() or in the optimizer's step():
// the error is one of Ingot's, and the parameters hold what they held, or the whole step.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/optim/optim.h>

#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"
#include "support/ever_more_allocations.h"

namespace ingot {
namespace {

using Bits = std::vector<std::vector<float>>;

struct Training {
  std::vector<Tensor> params{(arange(0, 12, 1, float32).reshape({3, 4}) * 0.1 - 0.5).eval(),
                             zeros({3}).eval()};
  Tensor x = (arange(0, 8, 1, float32).reshape({2, 4}) * 0.25).eval();
  std::optional<optim::Adam> adam;

  Training() {
    for (Tensor& p : params) p.requires_grad_();
    adam.emplace(params, optim::AdamOptions{.lr = 0.1});
  }
  void step() {
    adam->zero_grad();
    const Tensor y = tanh(matmul(x, params[0].t()) + params[1]);
    (y * y).mean().backward();
    adam->step();
  }
  Bits bits() const {
    Bits all;
    for (const Tensor& p : params) all.push_back(p.detach().to_vector<float>());
    return all;
  }
};

TEST(Rule8, AnyAllocationOfATrainingStepMayFail) {
  std::vector<Bits> after;  // after so many steps
  {
    Training t;
    for (int i = 0; i < 4; ++i) {
      after.push_back(t.bits());
      t.step();
    }
  }
  for (const bool known : {false, true}) {
    const int failures = optest::with_ever_more_allocations([&](std::int64_t left) {
      if (!known) plan::clear_plan_cache();
      Training t;
      t.step();
      const bool more = optest::runs_out(left, [&] { t.step(); });
      for (const NodeRef& n : record_state().pending) EXPECT_NE(n->state(), NodeState::Running);
      const std::size_t steps = t.bits() == after[1] ? 1 : 2;
      EXPECT_EQ(t.bits(), after[steps]) << "after " << left << " allocations";
      EXPECT_TRUE(more || steps == 2);
      t.step();  // goes on from there
      EXPECT_EQ(t.bits(), after[steps + 1]) << "the next step after " << left << " allocations";
      return more;
    });
    if (HasFailure()) return;
    EXPECT_GT(failures, 10);
  }
}

}  // namespace
}  // namespace ingot
