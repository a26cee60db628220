// Functions of the user that run during a backward pass or a call: as PyTorch's, they may register
// and remove hooks of the very list that runs, and switch things on and off.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "core/cell.h"
#include "core/hook_list.h"
#include "core/record.h"

namespace ingot {
namespace {

using V = std::vector<float>;

Tensor leaf(const V& values) { return from_vector(values).requires_grad_(); }

// -- Lists that change while they run -----------------------------------------------------------

// Values of PyTorch 2.13: a run calls what was registered when it began.
template <class Register, class Run>
void expect_runs_over_a_snapshot(Register add, Run run) {
  std::string log;
  HookHandle a, b, c, d;
  a = add([&] {
    log += 'a';
    a.remove();
    c.remove();
    if (log.find('d') == std::string::npos && log.size() == 1) d = add([&] { log += 'd'; });
  });
  b = add([&] { log += 'b'; });
  c = add([&] { log += 'c'; });
  run();
  EXPECT_EQ(log, "abc");
  log.clear();
  run();
  EXPECT_EQ(log, "bd");
  b.remove();
  d.remove();
  log.clear();
  run();
  EXPECT_EQ(log, "");
}

TEST(Hooks, ALeafsHooksMayChangeTheirList) {
  Tensor w = leaf({1, 2});
  expect_runs_over_a_snapshot(
      [&](auto f) {
        return w.register_hook([f](const Tensor&) {
          f();
          return Tensor();
        });
      },
      [&] { (w * 2).sum().backward(); });
}

TEST(Hooks, AnIntermediatesHooksMayChangeTheirList) {
  Tensor w = leaf({1, 2}), y = w * 2;
  const Tensor sum = y.sum();
  expect_runs_over_a_snapshot(
      [&](auto f) {
        return y.register_hook([f](const Tensor&) {
          f();
          return Tensor();
        });
      },
      [&] { sum.backward({}, true); });
}

TEST(Hooks, AHookMayRegisterAHookOnAnotherOutputOfItsNode) {
  Tensor w = leaf({3, 1, 2});
  auto [values, places] = w.sort();
  Tensor parts[2] = {values * 2, values * 3};
  int calls = 0;
  values.register_hook([&, v = WeakCell(values)](const Tensor&) {
    for (int i = 0; i < 20; ++i)
      v.lock().register_hook([&](const Tensor&) {
        ++calls;
        return Tensor();
      });
    return Tensor();
  });
  const Tensor sum = (parts[0] + parts[1]).sum();
  sum.backward({}, true);
  EXPECT_EQ(calls, 0);
  sum.backward();
  EXPECT_EQ(calls, 20);
}

// A hook's own state is one, whoever runs it.
TEST(Hooks, AHookKeepsItsState) {
  Tensor w = leaf({1});
  V seen;
  w.register_hook([&seen, n = 0](const Tensor& g) mutable {
    seen.push_back(static_cast<float>(++n));
    return g;
  });
  for (int i = 0; i < 3; ++i) (w * 1).sum().backward();
  EXPECT_EQ(seen, (V{1, 2, 3}));
}

TEST(Hooks, AHookThatThrowsLeavesTheListAsItIs) {
  Tensor w = leaf({1});
  int calls = 0;
  HookHandle bad;
  bad = w.register_hook([&](const Tensor&) -> Tensor {
    bad.remove();
    throw ValueError("no");
  });
  w.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();
  });
  EXPECT_THROW((w * 2).sum().backward(), ValueError);
  (w * 2).sum().backward();
  EXPECT_EQ(calls, 1);
}

// A hook may look at its gradient, run another backward, or let the last handle of its tensor go.
TEST(Hooks, AHookMayEvaluateAndDifferentiate) {
  Tensor w = leaf({1, 2}), other = leaf({5});
  Tensor y = w * w;
  float seen = 0;
  y.register_hook([&](const Tensor& g) {
    seen = g.sum().item<float>();
    const EnableGradGuard on;  // hooks run without recording gradients, as in PyTorch
    (other * 3).sum().backward();
    y = {};
    return g * 2;
  });
  (y * 4).sum().backward();
  EXPECT_EQ(seen, 8.f);
  EXPECT_EQ(other.grad().item<float>(), 3.f);
  EXPECT_EQ(w.grad().to_vector<float>(), (V{16, 32}));
}

TEST(Hooks, AGradientOfAnotherShapeOrDtypeIsRefusedOnLeavesToo) {
  for (const bool of_leaf : {true, false}) {
    Tensor w = leaf({1, 2}), y = w * 2;
    Tensor& hooked = of_leaf ? w : y;
    HookHandle h = hooked.register_hook([](const Tensor&) { return ones({3}); });
    EXPECT_THROW(y.sum().backward({}, true), AutogradError);
    h.remove();
    hooked.register_hook([](const Tensor& g) { return g.to(float64); });
    EXPECT_THROW(y.sum().backward(), AutogradError);
  }
}

TEST(Hooks, GradRunsTheHooksOfLeavesAndAddsNothingUp) {
  Tensor w = leaf({1, 2});
  w.register_hook([](const Tensor& g) { return g * 10; });
  EXPECT_EQ(grad({(w * 2).sum()}, {w})[0].to_vector<float>(), (V{20, 20}));
  EXPECT_FALSE(w.grad().defined());
}

// -- retain_grad --------------------------------------------------------------------------------

TEST(RetainGrad, AskingTwiceCountsOnce) {
  Tensor w = leaf({1, 2}), y = w * 2;
  y.retain_grad();
  Tensor copy = y;
  copy.retain_grad();
  const Tensor sum = y.sum();
  sum.backward({}, true);
  EXPECT_EQ(y.grad().to_vector<float>(), (V{1, 1}));
  sum.backward();  // two passes add up
  EXPECT_EQ(y.grad().to_vector<float>(), (V{2, 2}));
}

TEST(RetainGrad, GivesWhatTheHooksLeave) {
  Tensor w = leaf({1, 2}), y = w * 2;
  y.retain_grad();
  y.register_hook([](const Tensor& g) { return g * 10; });
  y.sum().backward();
  EXPECT_EQ(y.grad().to_vector<float>(), (V{10, 10}));
}

// After an in-place operation it is about the new value; hooks stay with what they were put on.
TEST(RetainGrad, FollowsInPlaceOperations) {
  Tensor w = leaf({1, 2}), y = w * 2;
  V hooked;
  y.retain_grad();
  y.register_hook([&](const Tensor& g) {
    hooked = g.to_vector<float>();
    return Tensor();
  });
  y.mul_(5);
  (y * 3).sum().backward();
  EXPECT_EQ(y.grad().to_vector<float>(), (V{3, 3}));
  EXPECT_EQ(hooked, (V{15, 15}));
  EXPECT_EQ(w.grad().to_vector<float>(), (V{30, 30}));
}

TEST(RetainGrad, OnALeafChangesNothing) {
  Tensor w = leaf({1, 2});
  w.retain_grad();
  w.retain_grad();
  (w * 2).sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{2, 2}));
  EXPECT_THROW(tensor({1.f}).retain_grad(), AutogradError);
}

// -- requires_grad between forward and backward ---------------------------------------------------

TEST(RequiresGrad, SwitchedOffBeforeBackwardNothingIsAddedUp) {
  Tensor w = leaf({1, 2}), v = leaf({3, 4});
  int calls = 0;
  w.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();
  });
  const Tensor y = (w * v).sum();
  w.requires_grad_(false);
  y.backward();
  EXPECT_FALSE(w.grad().defined());
  EXPECT_EQ(calls, 1);  // the gradient is computed all the same
  EXPECT_EQ(v.grad().to_vector<float>(), (V{1, 2}));
}

TEST(RequiresGrad, SwitchedOffAndOnItIsTheSameLeaf) {
  Tensor w = leaf({1, 2});
  std::vector<V> seen;
  w.register_hook([&](const Tensor& g) {
    seen.push_back(g.to_vector<float>());
    return Tensor();
  });
  const Tensor y = w * 2;
  w.requires_grad_(false);
  EXPECT_FALSE((w * 7).requires_grad());
  w.requires_grad_(true);
  const Tensor z = w * 3;
  (y + z).sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{5, 5}));
  EXPECT_EQ(seen, (std::vector<V>{{5, 5}}));
}

TEST(RequiresGrad, SwitchedOffByItsOwnHook) {
  Tensor w = leaf({1, 2});
  w.register_hook([&](const Tensor&) {
    w.requires_grad_(false);
    return Tensor();
  });
  (w * 2).sum().backward();
  EXPECT_FALSE(w.grad().defined());
}

}  // namespace
}  // namespace ingot
