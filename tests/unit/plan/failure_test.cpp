// Rule 8: a failed evaluation loses nothing.
#include <gtest/gtest.h>

#include <cstring>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/update.h>

#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"

namespace ingot {
namespace {

using plan::FaultInjection;

// A two-layer classifier with Adam, small enough to fail at every step in turn.
struct Training {
  Tensor x = (arange(0, 24, 1, float32).reshape({4, 6}) * 0.05);
  Tensor labels = tensor({0, 2, 1, 2});
  std::vector<Tensor> params{ones({5, 6}) * 0.1, zeros({5}), ones({3, 5}) * 0.2, zeros({3})};
  std::vector<Tensor> exp_avg, exp_avg_sq;
  std::int64_t steps = 0;

  Training() {
    for (Tensor& p : params) {
      exp_avg.push_back(zeros_like(p));
      exp_avg_sq.push_back(zeros_like(p));
    }
    eval();
    for (Tensor& p : params) p.requires_grad_();
  }

  // Records forward, backward and update; evaluates nothing.
  Tensor record() {
    const Tensor loss =
        cross_entropy(linear(relu(linear(x, params[0], params[1])), params[2], params[3]), labels);
    for (Tensor& p : params) p.set_grad({});
    loss.backward();
    std::vector<Tensor> grads;
    for (Tensor& p : params) grads.push_back(p.grad());
    const NoGradGuard off;
    const AdamResult next =
        adam_update(params, grads, exp_avg, exp_avg_sq, {}, {.step = ++steps, .lr = 0.01});
    for (std::size_t i = 0; i < params.size(); ++i) {
      rebind(params[i], next.params[i]);
      rebind(exp_avg[i], next.exp_avg[i]);
      rebind(exp_avg_sq[i], next.exp_avg_sq[i]);
    }
    return loss;
  }

  std::vector<float> bits() const {
    std::vector<float> all;
    for (const auto* list : {&params, &exp_avg, &exp_avg_sq})
      for (const Tensor& t : *list)
        for (const float v : t.to_vector<float>()) all.push_back(v);
    return all;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct FaultScope {
  explicit FaultScope(std::int64_t step) { FaultInjection::fail_at_step() = step; }
  ~FaultScope() { FaultInjection::fail_at_step() = FaultInjection::kOff; }
};

TEST(Rule8, AFailureAtAnyStepLosesNothingAndTheNextTryWorks) {
  Training untouched;
  for (int i = 0; i < 4; ++i) {
    untouched.record();
    eval();
  }
  const std::vector<float> expected = untouched.bits();

  int failures = 0;
  for (std::int64_t at = 0; at < 60; ++at) {
    Training t;
    for (int i = 0; i < 4; ++i) {
      const Tensor loss = t.record();
      {
        const FaultScope fault(at);
        try {
          eval();
          continue;  // the plan has fewer steps
        } catch (const InternalError& e) {
          ASSERT_NE(std::string(e.what()).find("injected"), std::string::npos) << e.what();
          ++failures;
        }
      }
      EXPECT_FALSE(loss.is_evaluated());
      eval();  // what was recorded is still there
    }
    ASSERT_TRUE(same_bits(t.bits(), expected)) << "failing at step " << at;
  }
  EXPECT_GT(failures, 20);
}

TEST(Rule8, AWrongLabelFailsBeforeTheUpdateAndNamesTheLine) {
  Training t;
  t.record();
  eval();
  const std::vector<float> before = t.bits();
  std::vector<Tensor> held = t.params;
  const Tensor good = t.labels;
  t.labels = tensor({0, 2, 7, 1});
  Tensor loss;
  {
    // Recorded, then thrown away: the failing loss must not poison what is left.
    Training copy = t;
    EXPECT_THROW(
        {
          const Tensor bad = cross_entropy(
              linear(relu(linear(t.x, t.params[0], t.params[1])), t.params[2], t.params[3]),
              t.labels);
          bad.item<float>();
        },
        IndexError);
  }
  EXPECT_TRUE(same_bits(t.bits(), before));
  t.labels = good;
  t.record();
  eval();
  EXPECT_FALSE(same_bits(t.bits(), before));
  try {
    cross_entropy(zeros({2, 3}), tensor({0, 3})).item<float>();
    FAIL();
  } catch (const IndexError& e) {
    EXPECT_NE(std::string(e.what()).find("failure_test.cpp:"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("3"), std::string::npos) << e.what();
  }
}

TEST(Rule4, AnUpdateIsOneNodeForAllParameters) {
  Training t;
  t.record();
  const Node* node = t.params[0].cell()->value().node.get();
  EXPECT_EQ(node->op().name, "adam_update");
  for (const auto* list : {&t.params, &t.exp_avg, &t.exp_avg_sq})
    for (const Tensor& x : *list) EXPECT_EQ(x.cell()->value().node.get(), node);
}

TEST(Rule14, AnOptimizerStepReusesTheParametersMemory) {
  Training t;
  t.record();
  eval();
  const void* before = t.exp_avg[0].to_host().data();
  for (Tensor& p : t.params) p.set_grad({});
  t.record();
  eval();
  const void* after = t.exp_avg[0].to_host().data();
  EXPECT_EQ(before, after);
}

TEST(Rule6, ATrainingStepIsOnePlanAndIsFoundAgain) {
  Training t;
  t.record();
  eval();
  for (Tensor& p : t.params) p.set_grad({});
  t.record();
  eval();
  for (Tensor& p : t.params) p.set_grad({});
  const auto before = plan::cache_figures();
  for (int i = 0; i < 3; ++i) {
    t.record();
    eval();
  }
  const auto after = plan::cache_figures();
  EXPECT_EQ(after.misses, before.misses);
  EXPECT_EQ(after.hits, before.hits + 3);
}

}  // namespace
}  // namespace ingot
