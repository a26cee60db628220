// RMSprop and Adagrad against PyTorch (tests/fixtures/optim/rules.json), groups, and plans.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "plan/plan.h"
#include "support/json_tensor.h"

namespace ingot {
namespace {

using nlohmann::json;
using testing_support::is_near;
using testing_support::read_json;
using testing_support::tensor_of;

std::unique_ptr<optim::Optimizer> make_optimizer(const json& c, std::vector<Tensor> params) {
  const json& o = c.at("options");
  if (c.at("optimizer") == "rmsprop")
    return std::make_unique<optim::RMSprop>(
        std::move(params), optim::RMSpropOptions{.lr = o.at("lr"),
                                                 .alpha = o.value("alpha", 0.99),
                                                 .eps = o.value("eps", 1e-8),
                                                 .weight_decay = o.value("weight_decay", 0.0),
                                                 .momentum = o.value("momentum", 0.0),
                                                 .centered = o.value("centered", false),
                                                 .maximize = o.value("maximize", false)});
  return std::make_unique<optim::Adagrad>(
      std::move(params),
      optim::AdagradOptions{.lr = o.at("lr"),
                            .lr_decay = o.value("lr_decay", 0.0),
                            .weight_decay = o.value("weight_decay", 0.0),
                            .initial_accumulator_value = o.value("initial_accumulator_value", 0.0),
                            .eps = o.value("eps", 1e-10),
                            .maximize = o.value("maximize", false)});
}

std::vector<Tensor> initial_params(const json& c, DType dtype) {
  std::vector<Tensor> params;
  for (const json& p : c.at("initial")) {
    params.push_back(tensor_of(p, dtype));
    params.back().requires_grad_();
  }
  return params;
}

void give_grads(std::vector<Tensor>& params, const json& step, DType dtype) {
  for (std::size_t i = 0; i < params.size(); ++i) {
    const json& grad = step.at("grads").at(i);
    params[i].set_grad(grad.is_null() ? Tensor() : tensor_of(grad, dtype));
  }
}

TEST(Rules, MatchPyTorch) {
  const json fixture = read_json("optim/rules.json");
  ASSERT_EQ(fixture.at("cases").size(), 10u);
  for (const json& c : fixture.at("cases"))
    for (const auto& [dtype, tolerance] : {std::pair(float64, 1e-13), std::pair(float32, 1e-4)}) {
      SCOPED_TRACE(c.at("optimizer").get<std::string>() + " " + c.at("options").dump() + " in " +
                   std::string(name(dtype)));
      std::vector<Tensor> params = initial_params(c, dtype);
      const auto optimizer = make_optimizer(c, params);
      ASSERT_EQ(c.at("steps").size(), 12u);
      for (const json& step : c.at("steps")) {
        optimizer->set_lr(step.at("lr"));
        give_grads(params, step, dtype);
        optimizer->step();
        for (std::size_t i = 0; i < params.size(); ++i)
          EXPECT_TRUE(is_near(params[i], step.at("params").at(i), tolerance)) << "parameter " << i;
      }
    }
}

// The parameters after all steps; optionally with another optimizer from the sixth step on, which
// takes over the state of the first.
std::vector<std::vector<float>> run(const json& c, bool interrupted) {
  std::vector<Tensor> params = initial_params(c, float32);
  auto optimizer = make_optimizer(c, params);
  for (std::size_t s = 0; s < 12; ++s) {
    if (interrupted && s == 5) {
      const StateDict saved = optimizer->state_dict();
      for (Tensor& p : params) {
        p = from_vector(p.to_vector<float>(), p.shape());
        p.requires_grad_();
      }
      json fresh = c;
      fresh["options"]["lr"] = 123;  // the state brings the options along
      optimizer = make_optimizer(fresh, params);
      optimizer->load_state_dict(saved);
    }
    give_grads(params, c.at("steps").at(s), float32);
    optimizer->step();
  }
  std::vector<std::vector<float>> values;
  for (const Tensor& p : params) values.push_back(p.to_vector<float>());
  return values;
}

TEST(Rules, StateGoesOnBitForBit) {
  const json fixture = read_json("optim/rules.json");
  ASSERT_EQ(fixture.at("cases").size(), 10u);
  for (const json& c : fixture.at("cases")) {
    SCOPED_TRACE(c.at("optimizer").get<std::string>() + " " + c.at("options").dump());
    EXPECT_EQ(run(c, true), run(c, false));
  }
}

TEST(Rules, RefuseOptionsOutOfRange) {
  Tensor p = ones({1});
  p.requires_grad_();
  EXPECT_THROW(optim::RMSprop({p}, {.lr = -1}), ValueError);
  EXPECT_THROW(optim::RMSprop({p}, {.alpha = -1}), ValueError);
  EXPECT_THROW(optim::RMSprop({p}, {.momentum = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad({p}, {.lr_decay = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad({p}, {.initial_accumulator_value = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad(std::vector<Tensor>{}), ValueError);
}

TEST(Rules, OptionsByName) {
  Tensor p = ones({1}), q = ones({1});
  p.requires_grad_();
  q.requires_grad_();
  optim::RMSprop rmsprop({p}, {.momentum = 0.5});
  rmsprop.add_param_group({q}, {.alpha = 0.75});
  EXPECT_EQ(rmsprop.option(0, "momentum"), 0.5);
  EXPECT_EQ(rmsprop.option(1, "alpha"), 0.75);
  EXPECT_FALSE(rmsprop.option(0, "beta1").has_value());
  rmsprop.set_option(1, "momentum", 0.25);
  EXPECT_EQ(rmsprop.groups()[1].momentum, 0.25);
  EXPECT_EQ(rmsprop.groups()[0].momentum, 0.5);
  EXPECT_THROW(rmsprop.set_option(0, "beta1", 0), ValueError);
  EXPECT_THROW(rmsprop.option(2, "lr"), IndexError);
}

// Rule 13: numbers that change from step to step are slots. Rule 4: one update node per group.
TEST(Rules, NewNumbersNeedNoNewPlan) {
  manual_seed(1);
  const Tensor x = randn({4, 3}), y = randn({4, 2});
  const auto plans_of = [&](const auto& make) {
    nn::Linear model(3, 2);
    auto optimizer = make(model.parameters());
    const auto step = [&] {
      optimizer.zero_grad();
      mse_loss(model(x), y).backward();
      nn::utils::clip_grad_norm_(model.parameters(), 0.5 + optimizer.lr());
      optimizer.step();
    };
    for (int i = 0; i < 3; ++i) step();
    const auto before = plan::cache_figures();
    optim::CosineAnnealingLR schedule(optimizer, {.t_max = 20});
    for (int i = 0; i < 10; ++i) {
      schedule.step();
      step();
    }
    const auto after = plan::cache_figures();
    EXPECT_GE(after.hits, before.hits + 10);
    return after.misses - before.misses;
  };
  using Params = std::vector<Tensor>;
  EXPECT_EQ(plans_of([](Params p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.9}); }), 0u);
  EXPECT_EQ(plans_of([](Params p) { return optim::Adam(p); }), 0u);
  EXPECT_EQ(plans_of([](Params p) { return optim::AdamW(p); }), 0u);
  EXPECT_EQ(
      plans_of([](Params p) { return optim::RMSprop(p, {.momentum = 0.5, .centered = true}); }),
      0u);
  EXPECT_EQ(plans_of([](Params p) { return optim::Adagrad(p, {.lr_decay = 0.1}); }), 0u);
}

}  // namespace
}  // namespace ingot
