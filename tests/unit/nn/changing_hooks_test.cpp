// Module hooks that change the list they are in while it runs: as PyTorch, a call runs those that
// were registered when it began.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include <ingot/autograd/autograd.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/reduction.h>

namespace ingot::nn {
namespace {

template <class Register>
void expect_calls_over_a_snapshot(Linear& layer, Register add) {
  std::string log;
  HookHandle a, b, c, d;
  const auto run = [&] {
    log.clear();
    Tensor x = ones({2, 3}).requires_grad_();
    layer(x).sum().backward();
    return log;
  };
  a = add([&] {
    log += 'a';
    a.remove();
    c.remove();
    d = add([&] { log += 'd'; });
  });
  b = add([&, calls = 0]() mutable {
    ++calls;
    log += calls == 1 ? "b" : "B";  // a hook's own state is one
  });
  c = add([&] { log += 'c'; });
  EXPECT_EQ(run(), "abc");
  EXPECT_EQ(run(), "Bd");
  b.remove();
  d.remove();
  EXPECT_EQ(run(), "");
}

TEST(ModuleHooks, MayChangeTheirLists) {
  Linear layer{3, 2};
  {
    SCOPED_TRACE("before forward");
    expect_calls_over_a_snapshot(layer, [&](std::function<void()> f) {
      return layer.register_forward_pre_hook([f](Module&, const Tensor&) {
        f();
        return Tensor();
      });
    });
  }
  {
    SCOPED_TRACE("after forward");
    expect_calls_over_a_snapshot(layer, [&](std::function<void()> f) {
      return layer.register_forward_hook([f](Module&, const Tensor&, const Tensor&) {
        f();
        return Tensor();
      });
    });
  }
  {
    SCOPED_TRACE("backward");
    expect_calls_over_a_snapshot(layer, [&](std::function<void()> f) {
      return layer.register_full_backward_hook([f](Module&, const Tensor&, const Tensor&) {
        f();
        return Tensor();
      });
    });
  }
}

}  // namespace
}  // namespace ingot::nn
