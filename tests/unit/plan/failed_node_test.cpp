// Who gets the error of a check that fails, such as a label out of range (rules 8 and 20): whoever
// asks for what needs it, a thread that waited for the node included; nobody else.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/reduction.h>

#include "core/cell.h"
#include "core/record.h"
#include "support/gate_backend.h"

namespace ingot {
namespace {

using optest::GateBackend;

NodeState state_of(const Tensor& t) { return t.cell()->value().node->state(); }

// The text of the E that f() throws, or "none".
template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another: ") + e.what();
  }
  return "none";
}

// A loss whose second label is out of range.
Tensor bad_loss(const Tensor& logits) { return cross_entropy(logits, tensor({0, 3})); }

// Runs `first` on a thread with the gate's backend until it waits in there, then `second` on
// another thread, and lets both end.
template <class First, class Second>
void overlap(GateBackend& gate, First first, Second second) {
  std::thread runner([&] {
    const BackendOverride use(gate);
    first();
  });
  gate.wait_until_reached();
  std::atomic<bool> started = false;
  std::thread waiter([&] {
    started = true;
    second();
  });
  while (!started) std::this_thread::yield();
  // Time to come to the node. Were it too short, the second would find the node free or done, and
  // what is expected below would hold all the same.
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  gate.open();
  runner.join();
  waiter.join();
}

TEST(Rule20, AWaitingThreadGetsTheTypedError) {
  for (int round = 0; round < 3; ++round) {
    GateBackend gate("check_labels");
    const Tensor loss = bad_loss(zeros({2, 3}));
    const Tensor twice = loss * 2;
    std::string runner, waiter;
    overlap(
        gate, [&] { runner = thrown<IndexError>([&] { loss.eval(); }); },
        [&] { waiter = thrown<IndexError>([&] { twice.eval(); }); });
    EXPECT_NE(runner.find("label 3 at position 1"), std::string::npos) << runner;
    EXPECT_NE(runner.find("failed_node_test.cpp:"), std::string::npos) << runner;
    EXPECT_EQ(waiter, runner);
    EXPECT_EQ(state_of(loss), NodeState::Failed);
    EXPECT_EQ(state_of(twice), NodeState::Pending);
    EXPECT_EQ((ones({2}) + 1).sum().item<float>(), 4.f) << "a later evaluation works";
  }
}

TEST(Rule20, AWaitingThreadComputesWhatAnotherCouldNot) {
  GateBackend gate("sum", [] { throw std::runtime_error("no such luck"); });
  const Tensor x = ones({3}) * 2;
  const Tensor total = x.sum();
  std::string runner;
  float seen = 0;
  overlap(
      gate, [&] { runner = thrown<InternalError>([&] { total.eval(); }); },
      [&] { seen = (total + 1).item<float>(); });
  EXPECT_NE(runner.find("no such luck"), std::string::npos) << runner;
  EXPECT_EQ(seen, 7.f);
  EXPECT_EQ(total.item<float>(), 6.f);
}

TEST(Rule20, AFailureThatMayPassLeavesTheNodePending) {
  GateBackend gate("sum", [] { throw std::runtime_error("no such luck"); });
  gate.open();
  const Tensor total = ones({3}).sum();
  {
    const BackendOverride use(gate);
    EXPECT_THROW(total.eval(), InternalError);
  }
  EXPECT_EQ(state_of(total), NodeState::Pending);
  EXPECT_EQ(total.item<float>(), 3.f);
}

TEST(Rule8, AFailedCheckIsForThoseWhoAskForItsResult) {
  Tensor w = ones({2, 3});
  w.requires_grad_();
  const Tensor loss = bad_loss(w * 2);
  loss.backward();
  const Tensor grad = w.grad(), later = loss + 1;
  const Tensor unrelated = w.detach() * 5;
  // Other work goes on, both before and after somebody has met the error.
  EXPECT_EQ(unrelated.to_vector<float>(), std::vector<float>(6, 5.f));
  const std::string text = thrown<IndexError>([&] { loss.eval(); });
  EXPECT_NE(text.find("label 3 at position 1"), std::string::npos) << text;
  EXPECT_EQ((unrelated.sum() + 1).item<float>(), 31.f);
  for (const Tensor& t : {loss, later, grad, grad * 3}) {
    EXPECT_EQ(thrown<IndexError>([&] { t.to_host(); }), text);
    EXPECT_EQ(thrown<IndexError>([&] { eval({unrelated, t}); }), text);
    EXPECT_FALSE(t.is_evaluated());
  }
  // Work recorded beside it is not lost.
  const Tensor fresh = w.detach() + 1;
  EXPECT_EQ(fresh.to_vector<float>(), std::vector<float>(6, 2.f));
}

TEST(Rule8, TwoFailedChecksAreToldApart) {
  const Tensor first = cross_entropy(zeros({2, 3}), tensor({0, 3}));
  const Tensor second = cross_entropy(zeros({2, 3}), tensor({4, 0}));
  EXPECT_THROW(first.eval(), IndexError);
  EXPECT_THROW(second.eval(), IndexError);
  EXPECT_NE(thrown<IndexError>([&] { first.eval(); }).find("label 3"), std::string::npos);
  EXPECT_NE(thrown<IndexError>([&] { second.eval(); }).find("label 4"), std::string::npos);
  EXPECT_THROW((first + second).eval(), IndexError);
}

TEST(Rule8, EvaluatingEverythingTellsOfEachFailureOnce) {
  const Tensor loss = bad_loss(zeros({2, 3})), fine = ones({2}) + 1;
  EXPECT_THROW(eval(), IndexError);
  EXPECT_TRUE(fine.is_evaluated()) << "what does not need it is computed all the same";
  const Tensor more = fine * 2;
  EXPECT_NO_THROW(eval());
  EXPECT_TRUE(more.is_evaluated());
  EXPECT_FALSE(loss.is_evaluated());
  EXPECT_THROW(loss.eval(), IndexError);
}

TEST(Rule9, AFlushByItselfThrowsNothing) {
  const FlushLimits saved = flush_limits();
  flush_limits().nodes = 8;
  const Tensor loss = bad_loss(zeros({2, 3}));
  Tensor x = ones({2});
  for (int i = 0; i < 50; ++i) x.add_(1);
  flush_limits() = saved;
  EXPECT_EQ(x.to_vector<float>(), std::vector<float>(2, 51.f));
  EXPECT_THROW(loss.eval(), IndexError);
}

TEST(Rule8, AThreadMeetsWhatFailedOnAnother) {
  const Tensor loss = bad_loss(zeros({2, 3}));
  EXPECT_THROW(loss.eval(), IndexError);
  std::string text;
  float fine = 0;
  std::thread([&] {
    text = thrown<IndexError>([&] { (loss * 2).eval(); });
    fine = (ones({2}) * 3).sum().item<float>();
  }).join();
  EXPECT_NE(text.find("label 3"), std::string::npos) << text;
  EXPECT_EQ(fine, 6.f);
}

}  // namespace
}  // namespace ingot
