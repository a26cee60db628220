// Rule 8, to the bottom: whichever allocation of an evaluation fails, every node is given back, the
// error is one of Ingot's, and the next evaluation gives the same bits.
#include <gtest/gtest.h>

#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "backend/backend.h"
#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"
#include "support/ever_more_allocations.h"

namespace ingot {
namespace {

struct Step {
  Tensor w = (arange(0, 8, 1, float32) * 0.25 - 1).eval();
  Tensor loss, watched;

  void record() {
    w.requires_grad_();
    watched = tanh(w * w);
    loss = (watched * 3).mean();
    loss.backward();
    const NoGradGuard off;
    w.sub_(w.grad() * 0.5);
  }
  std::vector<float> bits() const {
    std::vector<float> all = w.to_vector<float>();
    all.push_back(loss.item<float>());
    return all;
  }
};

enum class Ask { Everything, Loss, Parameter };

void evaluate(Ask ask, const Step& s) {
  if (ask == Ask::Everything) eval();
  if (ask == Ask::Loss) s.loss.eval();
  if (ask == Ask::Parameter) s.w.eval();
}

TEST(Rule8, AnyAllocationMayFail) {
  std::vector<float> expected;
  {
    Step s;
    s.record();
    expected = s.bits();
  }
  for (const Ask ask : {Ask::Everything, Ask::Loss, Ask::Parameter})
    for (const bool known : {false, true}) {
      const int failures = optest::with_ever_more_allocations([&](std::int64_t left) {
        if (!known) plan::clear_plan_cache();
        Step s;
        s.record();
        const bool more = optest::runs_out(left, [&] { evaluate(ask, s); });
        for (const NodeRef& n : record_state().pending) {
          EXPECT_NE(n->state(), NodeState::Running);
          EXPECT_EQ(n->claimed_by(), 0u);
        }
        EXPECT_EQ(s.bits(), expected) << "after " << left << " allocations";
        return more;
      });
      if (HasFailure()) return;
      EXPECT_GT(failures, 3);
    }
}

}  // namespace
}  // namespace ingot
