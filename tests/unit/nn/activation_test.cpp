// Activation modules: what they compute is their function's, with the options of the constructor;
// clones keep the options.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/softmax.h>

namespace ingot {
namespace {

struct Row {
  std::unique_ptr<nn::Module> module;
  std::string text;
  std::function<Tensor(const Tensor&)> function;
};

std::vector<Row> rows() {
  std::vector<Row> r;
  const auto add = [&](auto module, const char* text, std::function<Tensor(const Tensor&)> f) {
    r.push_back({std::move(module), text, std::move(f)});
  };
  using T = const Tensor&;
  add(std::make_unique<nn::ReLU6>(), "", [](T x) { return relu6(x); });
  add(std::make_unique<nn::SiLU>(), "", [](T x) { return silu(x); });
  add(std::make_unique<nn::Mish>(), "", [](T x) { return mish(x); });
  add(std::make_unique<nn::Hardsigmoid>(), "", [](T x) { return hardsigmoid(x); });
  add(std::make_unique<nn::Hardswish>(), "", [](T x) { return hardswish(x); });
  add(std::make_unique<nn::SELU>(), "", [](T x) { return selu(x); });
  add(std::make_unique<nn::LogSigmoid>(), "", [](T x) { return logsigmoid(x); });
  add(std::make_unique<nn::LeakyReLU>(), "negative_slope=0.01", [](T x) { return leaky_relu(x); });
  add(std::make_unique<nn::LeakyReLU>(0.2), "negative_slope=0.2",
      [](T x) { return leaky_relu(x, 0.2); });
  add(std::make_unique<nn::ELU>(0.5), "alpha=0.5", [](T x) { return elu(x, 0.5); });
  add(std::make_unique<nn::CELU>(0.5), "alpha=0.5", [](T x) { return celu(x, 0.5); });
  add(std::make_unique<nn::Hardtanh>(-0.5, 0.25), "min_val=-0.5, max_val=0.25",
      [](T x) { return hardtanh(x, -0.5, 0.25); });
  add(std::make_unique<nn::Softplus>(2, 1), "beta=2, threshold=1",
      [](T x) { return softplus(x, 2, 1); });
  add(std::make_unique<nn::GELU>(), "approximate='none'", [](T x) { return gelu(x); });
  add(std::make_unique<nn::GELU>("tanh"), "approximate='tanh'",
      [](T x) { return gelu(x, "tanh"); });
  add(std::make_unique<nn::LogSoftmax>(0), "dim=0", [](T x) { return log_softmax(x, 0); });
  add(std::make_unique<nn::PReLU>(1, 0.125), "num_parameters=1",
      [](T x) { return leaky_relu(x, 0.125); });
  add(std::make_unique<nn::PReLU>(7), "num_parameters=7", [](T x) { return leaky_relu(x, 0.25); });
  return r;
}

TEST(ActivationModules, ComputeTheirFunctions) {
  const Tensor x = linspace(-4, 4.5, 21).reshape({3, 7});
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.module->description());
    EXPECT_EQ(row.module->description(), row.text);
    const auto expected = row.function(x).to_vector<float>();
    EXPECT_EQ((*row.module)(x).to_vector<float>(), expected);
    const auto copy = row.module->clone();
    EXPECT_EQ(copy->description(), row.text);
    EXPECT_EQ((*copy)(x).to_vector<float>(), expected);
  }
}

TEST(ActivationModules, HaveNamesInTheirOwner) {
  struct Net : nn::Module {
    nn::SiLU a{*this, "a"};
    nn::GELU b{*this, "b", "tanh"};
    nn::PReLU c{*this, "c", 3};
  } net;
  EXPECT_EQ(net.named_children().size(), 3u);
  ASSERT_EQ(net.named_parameters().size(), 1u);
  EXPECT_EQ(net.named_parameters()[0].first, "c.weight");
  EXPECT_EQ(net.c.weight.to_vector<float>(), std::vector<float>(3, 0.25f));
}

TEST(ActivationModules, RefuseImpossibleOptions) {
  EXPECT_THROW(nn::Hardtanh(1, 1), ValueError);
  EXPECT_THROW(nn::CELU(0), ValueError);
  EXPECT_THROW(nn::Softplus(0), ValueError);
  EXPECT_THROW(nn::GELU("erf"), ValueError);
  EXPECT_THROW(nn::PReLU(0), ValueError);
}

}  // namespace
}  // namespace ingot
