// Loss modules: what they compute is their function's, with the options of the constructor.
#include <gtest/gtest.h>

#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/softmax.h>

namespace ingot {
namespace {

struct Data {
  Tensor x = linspace(-2, 2.5, 12).reshape({3, 4});
  Tensor y = linspace(0.1, 0.9, 12).reshape({3, 4});
  Tensor labels = tensor({2, 0, 3});
  Tensor factors = tensor({0.5, 2., 1., 4.});
};

void expect_same(nn::detail::Loss& loss, const Tensor& a, const Tensor& b, const Tensor& expected) {
  EXPECT_EQ(loss(a, b).to_vector<float>(), expected.to_vector<float>());
  const auto copy = loss.clone();
  EXPECT_EQ(dynamic_cast<nn::detail::Loss&>(*copy)(a, b).to_vector<float>(),
            expected.to_vector<float>());
}

TEST(LossModules, ComputeTheirFunctions) {
  const Data d;
  const auto none = Reduction::None, sum = Reduction::Sum;
  nn::MSELoss mse(sum);
  expect_same(mse, d.x, d.y, mse_loss(d.x, d.y, sum));
  nn::L1Loss l1(none);
  expect_same(l1, d.x, d.y, l1_loss(d.x, d.y, none));
  nn::SmoothL1Loss smooth(none, 0.5);
  expect_same(smooth, d.x, d.y, smooth_l1_loss(d.x, d.y, none, 0.5));
  nn::HuberLoss huber(none, 0.75);
  expect_same(huber, d.x, d.y, huber_loss(d.x, d.y, none, 0.75));
  nn::KLDivLoss kl(Reduction::BatchMean);
  expect_same(kl, d.x, d.y, kl_div(d.x, d.y, Reduction::BatchMean));
  nn::KLDivLoss kl_log(none, true);
  expect_same(kl_log, d.x, d.y, kl_div(d.x, d.y, none, true));
  nn::BCELoss bce(d.factors, none);
  expect_same(bce, d.y, d.y, binary_cross_entropy(d.y, d.y, none, d.factors));
  nn::BCEWithLogitsLoss logits({.weight = d.factors, .pos_weight = d.factors, .reduction = none});
  expect_same(
      logits, d.x, d.y,
      binary_cross_entropy_with_logits(
          d.x, d.y,
          BceWithLogitsOptions{.weight = d.factors, .pos_weight = d.factors, .reduction = none}));
  const Tensor log_p = log_softmax(d.x, 1);
  nn::NLLLoss nll({.weight = d.factors, .reduction = none, .ignore_index = 0});
  expect_same(
      nll, log_p, d.labels,
      nll_loss(log_p, d.labels, {.weight = d.factors, .reduction = none, .ignore_index = 0}));
}

TEST(LossModules, WeightsAreBuffers) {
  const Data d;
  nn::BCEWithLogitsLoss loss({.weight = d.factors, .pos_weight = d.factors * 2});
  ASSERT_EQ(loss.named_buffers().size(), 2u);
  EXPECT_EQ(loss.named_buffers()[1].first, "pos_weight");
  loss.to(float64);
  EXPECT_EQ(loss(d.x.to(float64), d.y.to(float64)).dtype(), float64);
  EXPECT_TRUE(nn::NLLLoss().named_buffers().empty());
}

TEST(LossModules, HooksAndReplaceWorkAsForOtherModules) {
  struct Net : nn::Module {
    nn::MSELoss loss{*this, "loss"};
  } net;
  const Data d;
  int calls = 0;
  Tensor grad_in;
  auto pre = net.loss.register_forward_pre_hook([&](nn::Module&, const Tensor& x) {
    ++calls;
    return x * 2;
  });
  auto post = net.loss.register_forward_hook([&](nn::Module&, const Tensor& x, const Tensor& y) {
    EXPECT_EQ(x.shape(), (Shape{3, 4}));
    return y + 1;
  });
  auto backward = net.loss.register_full_backward_hook(
      [&](nn::Module&, const Tensor& in, const Tensor&) { return grad_in = in; });
  EXPECT_NEAR(net.loss(d.x, d.y).item(), mse_loss(d.x * 2, d.y).item() + 1, 1e-5);
  Tensor x = d.x.clone();
  x.requires_grad_();
  net.loss(x, d.y).backward();
  EXPECT_EQ(calls, 2);
  ASSERT_TRUE(grad_in.defined());
  EXPECT_EQ((grad_in * 2).to_vector<float>(), x.grad().to_vector<float>());
  pre.remove();
  post.remove();
  backward.remove();
  net.replace("loss", std::make_unique<nn::L1Loss>());
  EXPECT_EQ(net.loss(d.x, d.y).item(), l1_loss(d.x, d.y).item());
  net.replace("loss", std::make_unique<nn::ReLU>());
  EXPECT_THROW(net.loss(d.x, d.y), ValueError);
}

}  // namespace
}  // namespace ingot
