// Optimizers against PyTorch (tests/fixtures/nn/optimizers.json), and their state and groups.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

using nlohmann::json;
using testing_support::is_near;
using testing_support::read_json;
using testing_support::tensor_of;

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

template <class F>
std::string value_error(F&& f) {
  try {
    f();
  } catch (const ValueError& e) {
    return e.what();
  }
  ADD_FAILURE() << "no ValueError";
  return {};
}

std::unique_ptr<optim::Optimizer> make_optimizer(const json& c, std::vector<Tensor> params) {
  const std::string kind = c.at("optimizer");
  const json& o = c.at("options");
  if (kind == "sgd")
    return std::make_unique<optim::SGD>(
        std::move(params), optim::SGDOptions{.lr = o.at("lr"),
                                             .momentum = o.value("momentum", 0.0),
                                             .dampening = o.value("dampening", 0.0),
                                             .weight_decay = o.value("weight_decay", 0.0),
                                             .nesterov = o.value("nesterov", false),
                                             .maximize = o.value("maximize", false)});
  const auto betas = o.value("betas", std::vector<double>{0.9, 0.999});
  if (kind == "adam")
    return std::make_unique<optim::Adam>(
        std::move(params), optim::AdamOptions{.lr = o.at("lr"),
                                              .betas = {betas[0], betas[1]},
                                              .eps = o.value("eps", 1e-8),
                                              .weight_decay = o.value("weight_decay", 0.0),
                                              .amsgrad = o.value("amsgrad", false),
                                              .maximize = o.value("maximize", false)});
  optim::AdamWOptions options{.lr = o.at("lr"), .amsgrad = o.value("amsgrad", false)};
  if (o.contains("weight_decay")) options.weight_decay = o.at("weight_decay");
  return std::make_unique<optim::AdamW>(std::move(params), options);
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

TEST(Optimizers, MatchPyTorch) {
  const json fixture = read_json("nn/optimizers.json");
  ASSERT_EQ(fixture.at("cases").size(), 13u);
  for (const json& c : fixture.at("cases"))
    for (const auto& [dtype, tolerance] : {std::pair(float64, 1e-13), std::pair(float32, 1e-5)}) {
      SCOPED_TRACE(c.at("optimizer").get<std::string>() + " " + c.at("options").dump() + " in " +
                   std::string(name(dtype)));
      std::vector<Tensor> params = initial_params(c, dtype);
      const auto optimizer = make_optimizer(c, params);
      ASSERT_GE(c.at("steps").size(), 5u);
      for (const json& step : c.at("steps")) {
        optimizer->set_lr(step.at("lr"));
        give_grads(params, step, dtype);
        optimizer->step();
        for (std::size_t i = 0; i < params.size(); ++i) {
          EXPECT_TRUE(params[i].is_evaluated());
          EXPECT_TRUE(params[i].requires_grad() && params[i].is_leaf());
          EXPECT_TRUE(is_near(params[i], step.at("params").at(i), tolerance)) << "parameter " << i;
        }
      }
    }
}

std::vector<std::vector<double>> values_of(const StateDict& dict) {
  std::vector<std::vector<double>> values;
  for (const auto& [key, t] : dict) values.push_back(t.to(float64).to_vector<double>());
  return values;
}

// The parameters after five steps; optionally with another optimizer from the third step on, which
// takes over the state of the first.
std::vector<std::vector<float>> run(const json& c, bool interrupted) {
  std::vector<Tensor> params = initial_params(c, float32);
  auto optimizer = make_optimizer(c, params);
  for (std::size_t s = 0; s < 5; ++s) {
    StateDict saved;
    if (interrupted && s == 2) {
      saved = optimizer->state_dict();
      for (Tensor& p : params) {
        p = from_vector(p.to_vector<float>(), p.shape());
        p.requires_grad_();
      }
      json fresh = c;
      fresh["options"]["lr"] = 123;  // the state brings the options along
      optimizer = make_optimizer(fresh, params);
      optimizer->load_state_dict(saved);
      EXPECT_EQ(optimizer->lr(), c.at("options").at("lr").get<double>());
    }
    const auto before = values_of(saved);
    give_grads(params, c.at("steps").at(s), float32);
    optimizer->step();
    EXPECT_EQ(values_of(saved), before) << "later steps must not change a saved state";
  }
  std::vector<std::vector<float>> values;
  for (const Tensor& p : params) values.push_back(p.to_vector<float>());
  return values;
}

TEST(Optimizers, StateGoesOnBitForBit) {
  const json fixture = read_json("nn/optimizers.json");
  ASSERT_EQ(fixture.at("cases").size(), 13u);
  for (const json& c : fixture.at("cases")) {
    SCOPED_TRACE(c.at("optimizer").get<std::string>() + " " + c.at("options").dump());
    EXPECT_EQ(run(c, true), run(c, false));
  }
}

Tensor parameter(const std::vector<double>& values) {
  Tensor t = from_vector(values);
  t.requires_grad_();
  return t;
}

double train_regression(
    const std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>& make) {
  manual_seed(0);
  const Tensor x = randn({64, 3});
  const Tensor y = x.matmul(tensor({{1.0}, {-2.0}, {0.5}})) + 0.25;
  nn::Linear model(3, 1);
  const auto optimizer = make(model.parameters());
  double last = 0;
  for (int i = 0; i < 200; ++i) {
    const Tensor loss = mse_loss(model(x), y);
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
    last = loss.item();
  }
  return last;
}

TEST(Optimizers, TrainARegression) {
  EXPECT_LT(train_regression([](std::vector<Tensor> p) {
              return std::make_unique<optim::SGD>(p, optim::SGDOptions{.lr = 0.1, .momentum = 0.5});
            }),
            1e-8);
  EXPECT_LT(train_regression([](std::vector<Tensor> p) {
              return std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 0.1});
            }),
            1e-4);
}

TEST(Optimizers, GroupsHaveTheirOwnOptions) {
  Tensor a = parameter({1}), b = parameter({1}), untouched = parameter({1});
  optim::SGD sgd({a}, {.lr = 0.5});
  sgd.add_param_group({b, untouched}, {.lr = 0.25});
  for (Tensor* t : {&a, &b}) t->set_grad(ones({1}, {.dtype = float64}));
  sgd.step();
  EXPECT_EQ(a.item(), 0.5);
  EXPECT_EQ(b.item(), 0.75);
  EXPECT_EQ(untouched.item(), 1) << "no gradient, no update";
  sgd.groups()[1].lr = 1;
  sgd.step();
  EXPECT_EQ(a.item(), 0);
  EXPECT_EQ(b.item(), -0.25);
  sgd.set_lr(0);
  EXPECT_EQ(sgd.lr(0), 0);
  EXPECT_EQ(sgd.lr(1), 0);
  EXPECT_THROW(sgd.lr(2), IndexError);
  sgd.zero_grad();
  EXPECT_FALSE(a.grad().defined());
  EXPECT_FALSE(b.grad().defined());
}

TEST(Optimizers, SeeParametersMovedByTheModule) {
  nn::Linear layer(2, 1);
  optim::SGD sgd(layer.parameters(), {.lr = 1});
  layer.to(float64);
  layer(ones({1, 2}, {.dtype = float64})).sum().backward();
  const auto before = layer.weight.to_vector<double>();
  sgd.step();
  EXPECT_EQ(layer.weight.to_vector<double>()[0], before[0] - 1);
}

TEST(Optimizers, RefuseWhatCannotBeTrained) {
  Tensor p = parameter({1});
  EXPECT_THROW(optim::Adam(std::vector<Tensor>{}), ValueError);
  EXPECT_THROW(optim::Adam({p, p}), ValueError);
  EXPECT_THROW(optim::Adam({p * 2}), ValueError);
  EXPECT_THROW(optim::Adam({tensor({1, 2})}), ValueError);
  EXPECT_THROW(optim::Adam({Tensor()}), ValueError);
  EXPECT_THROW(optim::Adam({p}, {.lr = -1}), ValueError);
  EXPECT_THROW(optim::Adam({p}, {.betas = {1, 0.9}}), ValueError);
  EXPECT_THROW(optim::AdamW({p}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::SGD({p}, {.nesterov = true}), ValueError);
  optim::Adam adam({p});
  EXPECT_THROW(adam.add_param_group({p}), ValueError);
  EXPECT_THROW(adam.add_param_group({parameter({2})}, {.lr = -1}), ValueError);
  EXPECT_EQ(adam.num_groups(), 1u) << "a refused group is not kept";
}

TEST(Optimizers, LoadListsEveryProblemAndChangesNothing) {
  Tensor a = parameter({1, 2}), b = parameter({1, 2, 3});
  optim::Adam adam({a, b}, {.lr = 0.25});
  for (Tensor* t : {&a, &b}) t->set_grad(ones(t->shape(), {.dtype = float64}));
  adam.step();
  StateDict state = adam.state_dict();
  state.erase("groups.0.eps");
  state.insert("state.7.exp_avg", zeros({1}));
  state.insert_or_assign("state.1.exp_avg", zeros({4}));
  const std::string text = value_error([&] { adam.load_state_dict(state); });
  for (const char* part : {"groups.0.eps: missing", "state.7.exp_avg: unexpected",
                           "state.1.exp_avg: [4] in the dict, the parameter is [3]"})
    EXPECT_HAS(text, part);
  EXPECT_EQ(adam.state_dict().at("state.1.exp_avg").shape(), (Shape{3}));
  optim::Adam other({parameter({1})});
  EXPECT_HAS(value_error([&] { other.load_state_dict(adam.state_dict()); }),
             "groups.0.params: 2 in the dict, 1 in this optimizer");
}

// Rule 8: a step that fails leaves everything as it was, and the next one works.
TEST(Optimizers, AFailedStepLosesNothing) {
  manual_seed(3);
  nn::Linear model(4, 3);
  optim::Adam adam(model.parameters(), {.lr = 0.1});
  const Tensor x = randn({2, 4});
  const auto train = [&](const Tensor& labels) {
    adam.zero_grad();
    cross_entropy(model(x), labels).backward();
    adam.step();
  };
  train(tensor({0, 1}));
  const auto weights = values_of(model.state_dict()), state = values_of(adam.state_dict());
  EXPECT_THROW(train(tensor({0, 7})), IndexError);
  // The same gradients cannot be had later, either: no step passes over them silently.
  if (model.weight.grad().defined()) {  // with INGOT_EAGER there is none
    EXPECT_THROW(adam.step(), IndexError);
  }
  EXPECT_EQ(values_of(model.state_dict()), weights);
  EXPECT_EQ(values_of(adam.state_dict()), state);
  adam.zero_grad();
  EXPECT_EQ(values_of(model.state_dict()), weights);
  EXPECT_EQ(values_of(adam.state_dict()), state);
  EXPECT_TRUE(model.weight.requires_grad() && model.weight.is_leaf());
  train(tensor({2, 1}));
  EXPECT_NE(values_of(model.state_dict()), weights);
  EXPECT_EQ(adam.state_dict().at("state.0.step").item<int>(), 2);
}

TEST(Schedules, MatchPyTorch) {
  const json fixture = read_json("nn/schedules.json");
  ASSERT_EQ(fixture.at("cases").size(), 2u);
  for (const json& c : fixture.at("cases")) {
    const std::string kind = c.at("schedule");
    SCOPED_TRACE(kind);
    Tensor a = parameter({0}), b = parameter({0});
    optim::SGD sgd({a}, {.lr = c.at("base")[0]});
    sgd.add_param_group({b}, {.lr = c.at("base")[1]});
    const auto make = [&]() -> std::unique_ptr<optim::LRScheduler> {
      if (kind == "step")
        return std::make_unique<optim::StepLR>(sgd,
                                               optim::StepLROptions{.step_size = 3, .gamma = 0.5});
      return std::make_unique<optim::CosineAnnealingLR>(
          sgd, optim::CosineAnnealingLROptions{.t_max = 10, .eta_min = 0.01});
    };
    auto schedule = make();
    for (std::size_t epoch = 0; epoch < 10; ++epoch) {
      if (epoch == 4) {  // interrupted and resumed
        const StateDict saved = schedule->state_dict();
        sgd.set_lr(77);
        schedule = make();
        schedule->load_state_dict(saved);
      }
      schedule->step();
      for (std::size_t g = 0; g < 2; ++g)
        EXPECT_NEAR(sgd.lr(g), c.at("rates")[epoch][g].get<double>(), 1e-15) << "epoch " << epoch;
    }
  }
  Tensor p = parameter({0});
  optim::SGD sgd({p});
  EXPECT_THROW(optim::StepLR(sgd, {.step_size = 0}), ValueError);
  EXPECT_THROW(optim::CosineAnnealingLR(sgd, {.t_max = 0}), ValueError);
}

}  // namespace
}  // namespace ingot
