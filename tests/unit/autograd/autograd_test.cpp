// Rule 18 and what PyTorch users expect of autograd.
#include <gtest/gtest.h>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/function.h>
#include <ingot/autograd/gradcheck.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/order.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/softmax.h>

#include "core/op_def.h"
#include "core/record.h"

namespace ingot {
namespace {

using V = std::vector<float>;

Tensor leaf(const V& values) { return from_vector(values).requires_grad_(); }

TEST(Backward, AccumulatesOverSeveralBackwards) {
  Tensor w = leaf({1, 2, 3});
  (w * 2).sum().backward();
  (w * w).sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{4, 6, 8}));
  EXPECT_FALSE(w.grad().requires_grad());
}

TEST(Backward, SharedSubexpressionsAddUp) {
  Tensor w = leaf({2});
  const Tensor s = w * w;
  (s * s + s).sum().backward();  // w^4 + w^2
  EXPECT_EQ(w.grad().to_vector<float>(), (V{4 * 8 + 4}));
}

TEST(Backward, NeedsAWeightForMoreThanOneElement) {
  Tensor w = leaf({1, 2});
  try {
    (w * 2).backward();
    FAIL();
  } catch (const AutogradError& e) {
    EXPECT_NE(std::string(e.what()).find("autograd_test.cpp"), std::string::npos) << e.what();
  }
  (w * 2).backward(tensor({1.f, 10.f}));
  EXPECT_EQ(w.grad().to_vector<float>(), (V{2, 20}));
  EXPECT_THROW((w * 2).backward(tensor({1.f})), ShapeError);
  EXPECT_THROW(tensor({1.f}).backward(), AutogradError);
}

TEST(Rule18, GradientsThatNobodyNeedsAreNotRecorded) {
  const auto nodes_of_backward = [](bool both) {
    eval();
    Tensor w = leaf({1, 2});
    Tensor x = tensor({3.f, 4.f});
    if (both) x.requires_grad_();
    const Tensor y = (w * x).sum();
    const std::size_t before = record_state().pending.size();
    y.backward();
    std::size_t products = 0;
    const auto& pending = record_state().pending;
    for (std::size_t i = before; i < pending.size(); ++i)
      products += pending[i]->op().name == "mul";
    return products;
  };
  EXPECT_EQ(nodes_of_backward(false), 1u);
  EXPECT_EQ(nodes_of_backward(true), 2u);
}

TEST(Backward, NoGradRecordsNothing) {
  Tensor w = leaf({1, 2});
  {
    const NoGradGuard off;
    EXPECT_FALSE((w * 2).requires_grad());
    const EnableGradGuard on;
    EXPECT_TRUE((w * 2).requires_grad());
  }
  EXPECT_TRUE((w * 2).requires_grad());
}

TEST(Backward, IntegersNeverRequireGrad) {
  EXPECT_THROW(tensor({1, 2}).requires_grad_(), AutogradError);
  Tensor w = leaf({1, 2});
  EXPECT_FALSE((w > 1).requires_grad());
}

TEST(Backward, OutputIsALeaf) {
  Tensor w = leaf({5});
  w.backward(tensor({3.f}));
  EXPECT_EQ(w.grad().to_vector<float>(), (V{3}));
}

TEST(Backward, DetachCutsTheHistoryAndSharesTheValue) {
  Tensor w = leaf({3});
  const Tensor s = w * w;
  (s.detach() * w).sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{9}));
  EXPECT_FALSE(s.detach().requires_grad());
  Tensor cut = w.detach();
  EXPECT_THROW(cut.add_(1), ViewError);
}

TEST(Backward, InPlaceOnAnIntermediateIsDifferentiated) {
  Tensor w = leaf({3});
  Tensor y = w * 2;
  y.mul_(y);  // 4 w^2
  y.add_(w);
  y.sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{25}));
}

TEST(Grad, SecondAndThirdDerivatives) {
  Tensor x = leaf({2});
  const Tensor y = x * x * x * x;
  const Tensor g1 = grad({y}, {x}, {}, {.create_graph = true})[0];
  const Tensor g2 = grad({g1}, {x}, {}, {.create_graph = true})[0];
  const Tensor g3 = grad({g2}, {x})[0];
  EXPECT_EQ(g1.item<float>(), 32.f);
  EXPECT_EQ(g2.item<float>(), 48.f);
  EXPECT_EQ(g3.item<float>(), 48.f);
  EXPECT_FALSE(x.grad().defined());
}

TEST(Grad, IntermediateInputsAndUnusedOnes) {
  Tensor x = leaf({2}), unused = leaf({1});
  const Tensor h = x * x;
  const Tensor y = h * h;
  EXPECT_EQ(grad({y}, {h}, {}, {.retain_graph = true})[0].item<float>(), 8.f);
  EXPECT_THROW(grad({y}, {unused}, {}, {.retain_graph = true}), AutogradError);
  const auto both = grad({y}, {x, unused}, {}, {}, true);
  EXPECT_EQ(both[0].item<float>(), 32.f);
  EXPECT_FALSE(both[1].defined());
}

TEST(Grad, GradientPenaltyGoesThroughBackward) {
  Tensor w = leaf({1, 2});
  const Tensor y = (w * w * w).sum();
  const Tensor g = grad({y}, {w}, {}, {.create_graph = true})[0];
  (g * g).sum().backward();  // sum 9 w^4 -> 36 w^3
  EXPECT_EQ(w.grad().to_vector<float>(), (V{36, 288}));
}

TEST(Hooks, TensorHooksSeeAndReplaceGradientsWhilePending) {
  Tensor w = leaf({1, 2});
  Tensor h = w * 3;
  int calls = 0;
  HookHandle handle = h.register_hook([&](const Tensor& g) {
    ++calls;
    return g * 10;
  });
  w.register_hook([&](const Tensor& g) {
    ++calls;
    return g + 1;
  });
  h.sum().backward();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(w.grad().to_vector<float>(), (V{31, 31}));
  handle.remove();
  handle.remove();
  EXPECT_THROW(tensor({1.f}).register_hook([](const Tensor& g) { return g; }), AutogradError);
}

TEST(Hooks, RemovedHooksAreNotCalled) {
  Tensor w = leaf({1});
  HookHandle handle = w.register_hook([](const Tensor& g) { return g * 100; });
  handle.remove();
  (w * 2).sum().backward();
  EXPECT_EQ(w.grad().item<float>(), 2.f);
}

TEST(Hooks, RetainGradOnIntermediates) {
  Tensor w = leaf({1, 2});
  Tensor h = w * 3;
  h.retain_grad();
  Tensor plain = h * 2;
  plain.sum().backward();
  EXPECT_EQ(h.grad().to_vector<float>(), (V{2, 2}));
  EXPECT_FALSE(plain.grad().defined());
}

TEST(CustomFunction, OwnGradientIsUsedAndChecked) {
  const auto straight_through = [](const Tensor& x) {
    return custom_function(
        {x}, [](std::span<const Tensor> in) { return std::vector{round(in[0])}; },
        [](const FunctionContext& c, std::span<const Tensor> grads) {
          EXPECT_EQ(c.inputs.size(), 1u);
          return std::vector{grads[0] * 5};
        })[0];
  };
  Tensor w = leaf({1.4f, 2.6f});
  const Tensor y = straight_through(w);
  EXPECT_EQ(y.to_vector<float>(), (V{1, 3}));  // evaluated before backward
  y.sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{5, 5}));

  const Tensor bad = custom_function(
      {w}, [](std::span<const Tensor> in) { return std::vector{in[0] * 1}; },
      [](const FunctionContext&, std::span<const Tensor>) { return std::vector<Tensor>{}; },
      "halfway")[0];
  EXPECT_THROW(bad.sum().backward(), AutogradError);
}

TEST(Gradcheck, AcceptsRightAndRefusesWrongGradients) {
  const Tensor x = tensor({0.3, -1.2, 2.0}, float64).requires_grad_();
  const auto good =
      gradcheck([](const std::vector<Tensor>& in) { return std::vector{exp(in[0]) * in[0]}; }, {x});
  EXPECT_TRUE(good.ok) << good.message;
  const auto wrong = gradcheck(
      [](const std::vector<Tensor>& in) {
        return custom_function(
            {in[0]}, [](std::span<const Tensor> t) { return std::vector{t[0] * t[0]}; },
            [](const FunctionContext& c, std::span<const Tensor> g) {
              return std::vector{g[0] * c.inputs[0]};
            });
      },
      {x});
  EXPECT_FALSE(wrong.ok);
  EXPECT_NE(wrong.message.find("element 0"), std::string::npos) << wrong.message;
  EXPECT_THROW(gradcheck([](const std::vector<Tensor>& in) { return in; }, {leaf({1})}),
               DTypeError);
  const auto second = gradgradcheck(
      [](const std::vector<Tensor>& in) { return std::vector{sin(in[0]) * in[0]}; }, {x});
  EXPECT_TRUE(second.ok) << second.message;
}

// Products have derivatives at zeros, however many zeros there are: none of them is divided by.
TEST(Gradcheck, ProductsAtZeros) {
  const Tensor x = tensor({{{0.0, 2.0, 0.0, -1.5, 3.0}, {1.0, 0.0, 2.0, 0.5, 1.0}},
                           {{0.0, 0.0, 0.0, 2.0, 1.0}, {1.5, -2.0, 1.0, 0.0, 0.0}}},
                          float64)
                       .requires_grad_();
  const auto check = [&](const char* what, auto f) {
    SCOPED_TRACE(what);
    const auto outputs = [&](const std::vector<Tensor>& in) { return std::vector{f(in[0])}; };
    const GradcheckOptions options{.eps = 1e-5, .atol = 1e-7, .rtol = 1e-6};
    const GradcheckResult first = gradcheck(outputs, {x}, options);
    EXPECT_TRUE(first.ok) << first.message;
    const GradcheckResult second = gradgradcheck(outputs, {x}, options);
    EXPECT_TRUE(second.ok) << second.message;
    // The third derivative: second ones of the gradient.
    const auto gradient = [&](const std::vector<Tensor>& in) {
      const Tensor y = f(in[0]);
      const Tensor weights =
          reshape(arange(1, static_cast<double>(y.numel()) + 1, 1, float64), y.shape());
      return grad({(y * weights).sum()}, {in[0]}, {}, {.create_graph = true});
    };
    const GradcheckResult third = gradgradcheck(gradient, {x}, options);
    EXPECT_TRUE(third.ok) << third.message;
  };
  check("prod of rows", [](const Tensor& t) { return prod(t, {2}); });
  check("prod of outer dimensions", [](const Tensor& t) { return prod(t, {0, 2}, true); });
  check("cumprod of rows", [](const Tensor& t) { return cumprod(t, 2); });
  check("cumprod of the middle", [](const Tensor& t) { return cumprod(t, 1); });
}

TEST(Rule11, ExtraLiveTensorsAndEvaluationsChangeNoBit) {
  const auto train = [](bool watch) {
    Tensor w = (arange(0, 64, 1, float32) * 0.11f - 3).detach();
    w.eval();
    w.requires_grad_();
    std::vector<Tensor> watched;
    const Tensor h = tanh(w * w + 0.3f);
    if (watch) watched.push_back(h);
    const Tensor z = h / (exp(w) + 1.5f);
    if (watch) z.eval();
    const Tensor loss = (z * z).mean();
    if (watch) loss.item<float>();
    loss.backward();
    return w.grad().to_vector<float>();
  };
  EXPECT_EQ(train(false), train(true));
}

TEST(Rule24, ErrorsNameTheUsersLine) {
  const Tensor a = zeros({32, 100}), b = zeros({64, 10});
  try {
    matmul(a, b);
    FAIL();
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("a[32, 100] · b[64, 10]"), std::string::npos) << text;
    EXPECT_NE(text.find("100 ≠ 64"), std::string::npos) << text;
    EXPECT_NE(text.find("autograd_test.cpp:"), std::string::npos) << text;
  }
  try {
    a + zeros({7});
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find("autograd_test.cpp:"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace ingot
