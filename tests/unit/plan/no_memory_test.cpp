// Rule 8, to the bottom: whichever allocation of an evaluation fails, every node is given back, the
// error is one of Ingot's, and the next evaluation gives the same bits.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "backend/backend.h"
#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"
#include "support/allocation_hook.h"

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

// Evaluates with `left` allocations; true when that was too few.
bool runs_out(std::int64_t left, Ask ask, const Step& s) {
  bool failed = false;
  optest::limit_allocations(left);
  try {
    if (ask == Ask::Everything) eval();
    if (ask == Ask::Loss) s.loss.eval();
    if (ask == Ask::Parameter) s.w.eval();
  } catch (const OutOfMemoryError&) {
    failed = true;
  } catch (const std::exception& e) {
    failed = true;
    optest::limit_allocations(-1);
    ADD_FAILURE() << "with " << left << " allocations: " << e.what();
  }
  optest::limit_allocations(-1);
  return failed;
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
      int failures = 0;
      bool more = true;
      // Every one of the first 64, then ever fewer: making a plan takes thousands.
      for (std::int64_t left = 0; more; left += 1 + left / 64) {
        ASSERT_LT(left, 100'000);
        // A thread of its own, whose lists have not grown yet.
        std::thread([&] {
          if (!known) plan::clear_plan_cache();
          Step s;
          s.record();
          more = runs_out(left, ask, s);
          failures += more;
          for (const NodeRef& n : record_state().pending) {
            EXPECT_NE(n->state(), NodeState::Running);
            EXPECT_EQ(n->claimed_by(), 0u);
          }
          EXPECT_EQ(s.bits(), expected) << "after " << left << " allocations";
        }).join();
        if (HasFatalFailure() || HasNonfatalFailure()) return;
      }
      EXPECT_GT(failures, 3);
    }
}

}  // namespace
}  // namespace ingot
