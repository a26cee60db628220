// Schedules against PyTorch (tests/fixtures/optim/schedules.json, plateau.json).
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/optim/optim.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

using nlohmann::json;
using testing_support::read_json;

using Made = std::unique_ptr<optim::LRScheduler>;
using Anneal = optim::OneCycleLROptions::Anneal;

Tensor parameter() {
  Tensor t = zeros({1});
  t.requires_grad_();
  return t;
}

std::unique_ptr<optim::Optimizer> two_groups(const std::string& kind) {
  if (kind == "adam") {
    auto adam = std::make_unique<optim::Adam>(std::vector<Tensor>{parameter()},
                                              optim::AdamOptions{.lr = 0.3});
    adam->add_param_group({parameter()}, {.lr = 0.02});
    return adam;
  }
  auto sgd = std::make_unique<optim::SGD>(std::vector<Tensor>{parameter()},
                                          optim::SGDOptions{.lr = 0.3, .momentum = 0.9});
  sgd->add_param_group({parameter()}, {.lr = 0.02, .momentum = 0.9});
  return sgd;
}

Made make_schedule(const std::string& name, optim::Optimizer& o) {
  using namespace optim;
  if (name == "step")
    return std::make_unique<StepLR>(o, StepLROptions{.step_size = 4, .gamma = 0.5});
  if (name == "multistep")
    return std::make_unique<MultiStepLR>(
        o, MultiStepLROptions{.milestones = {2, 5, 5, 9}, .gamma = 0.3});
  if (name == "exponential") return std::make_unique<ExponentialLR>(o, 0.8);
  if (name == "cosine")
    return std::make_unique<CosineAnnealingLR>(
        o, CosineAnnealingLROptions{.t_max = 10, .eta_min = 0.001});
  if (name == "linear")
    return std::make_unique<LinearLR>(
        o, LinearLROptions{.start_factor = 0.25, .end_factor = 0.75, .total_iters = 6});
  if (name == "linear_default") return std::make_unique<LinearLR>(o);
  if (name == "constant")
    return std::make_unique<ConstantLR>(o, ConstantLROptions{.factor = 0.5, .total_iters = 4});
  if (name == "lambda")
    return std::make_unique<LambdaLR>(
        o, [](std::int64_t epoch) { return 1 / (1 + static_cast<double>(epoch)); });
  if (name == "sequential") {
    std::vector<Made> parts;
    parts.push_back(std::make_unique<LinearLR>(
        o, LinearLROptions{.start_factor = 0.1, .end_factor = 1, .total_iters = 3}));
    parts.push_back(std::make_unique<CosineAnnealingLR>(o, CosineAnnealingLROptions{.t_max = 8}));
    parts.push_back(
        std::make_unique<ConstantLR>(o, ConstantLROptions{.factor = 0.2, .total_iters = 2}));
    return std::make_unique<SequentialLR>(o, std::move(parts), std::vector<std::int64_t>{3, 11});
  }
  OneCycleLROptions options{.max_lr = 0.5, .total_steps = 15};
  if (name == "onecycle_linear") {
    options.anneal_strategy = Anneal::Linear;
    options.pct_start = 0.4;
    options.div_factor = 10;
    options.final_div_factor = 100;
  }
  options.three_phase = name == "onecycle_three";
  options.cycle_momentum = name != "onecycle_fixed";
  return std::make_unique<OneCycleLR>(o, options);
}

void expect_row(const optim::Optimizer& o, const json& row) {
  for (std::size_t g = 0; g < 2; ++g) {
    const auto wanted = row.at("lr")[g].get<double>();
    EXPECT_NEAR(o.lr(g), wanted, 1e-14 * (1 + wanted)) << "group " << g;
    const auto momentum = o.option(g, "momentum") ? o.option(g, "momentum") : o.option(g, "beta1");
    EXPECT_NEAR(momentum.value(), row.at("momentum").get<double>(), 1e-14);
  }
}

TEST(Schedulers, MatchPyTorchAndResume) {
  const json fixture = read_json("optim/schedules.json");
  ASSERT_EQ(fixture.at("cases").size(), 14u);
  for (const json& c : fixture.at("cases")) {
    const std::string name = c.at("schedule"), kind = c.at("optimizer");
    for (const bool interrupted : {false, true}) {
      SCOPED_TRACE(name + " " + kind + (interrupted ? ", interrupted" : ""));
      auto optimizer = two_groups(kind);
      Made schedule = make_schedule(name, *optimizer);
      ASSERT_EQ(c.at("rows").size(), 16u);
      expect_row(*optimizer, c.at("rows")[0]);
      for (std::size_t epoch = 1; epoch < 16; ++epoch) {
        if (interrupted && epoch == 5) {
          const StateDict saved = schedule->state_dict(), state = optimizer->state_dict();
          schedule.reset();
          optimizer = two_groups(kind);
          optimizer->set_lr(77);
          schedule = make_schedule(name, *optimizer);
          optimizer->load_state_dict(state);
          schedule->load_state_dict(saved);
          EXPECT_EQ(schedule->epoch(), 4);
        }
        schedule->step();
        SCOPED_TRACE(epoch);
        expect_row(*optimizer, c.at("rows")[epoch]);
      }
    }
  }
}

TEST(Schedulers, PlateauMatchesPyTorchAndResumes) {
  using Options = optim::ReduceLROnPlateauOptions;
  const json fixture = read_json("optim/plateau.json");
  ASSERT_EQ(fixture.at("cases").size(), 5u);
  for (const json& c : fixture.at("cases")) {
    SCOPED_TRACE(c.at("options").dump());
    const json& o = c.at("options");
    Options options;
    options.patience = o.value("patience", 10);
    options.factor = o.value("factor", 0.1);
    options.cooldown = o.value("cooldown", 0);
    options.threshold = o.value("threshold", 1e-4);
    options.min_lr = o.value("min_lr", 0.0);
    options.eps = o.value("eps", 1e-8);
    if (o.value("mode", "min") == "max") options.mode = Options::Mode::Max;
    if (o.value("threshold_mode", "rel") == "abs") options.threshold_mode = Options::Threshold::Abs;
    auto optimizer = two_groups("sgd");
    auto plateau = std::make_unique<optim::ReduceLROnPlateau>(*optimizer, options);
    for (std::size_t i = 0; i < c.at("metrics").size(); ++i) {
      if (i == 9) {
        const StateDict saved = plateau->state_dict();
        optimizer = two_groups("sgd");
        plateau = std::make_unique<optim::ReduceLROnPlateau>(*optimizer, options);
        plateau->load_state_dict(saved);
      }
      plateau->step(c.at("metrics")[i]);
      for (std::size_t g = 0; g < 2; ++g)
        EXPECT_NEAR(optimizer->lr(g), c.at("rates")[i][g].get<double>(), 1e-16) << i;
    }
  }
}

TEST(Schedulers, RefuseBadOptions) {
  const auto owner = two_groups("sgd");
  optim::Optimizer& o = *owner;
  EXPECT_THROW(optim::StepLR(o, {.step_size = 0}), ValueError);
  EXPECT_THROW(optim::MultiStepLR(o, {.milestones = {5, 2}}), ValueError);
  EXPECT_THROW(optim::CosineAnnealingLR(o, {.t_max = 0}), ValueError);
  EXPECT_THROW(optim::LinearLR(o, {.start_factor = 0}), ValueError);
  EXPECT_THROW(optim::LinearLR(o, {.end_factor = 2}), ValueError);
  EXPECT_THROW(optim::LinearLR(o, {.total_iters = 0}), ValueError);
  EXPECT_THROW(optim::ConstantLR(o, {.factor = 2}), ValueError);
  EXPECT_THROW(optim::LambdaLR(o, {}), ValueError);
  EXPECT_THROW(optim::OneCycleLR(o, {.max_lr = 1}), ValueError);
  EXPECT_THROW(optim::OneCycleLR(o, {.max_lr = 1, .total_steps = 5, .pct_start = 2}), ValueError);
  EXPECT_THROW(optim::ReduceLROnPlateau(o, {.factor = 1}), ValueError);
  EXPECT_THROW(optim::SequentialLR(o, {}, {}), ValueError);
  const auto other = two_groups("sgd");
  std::vector<Made> foreign;
  foreign.push_back(std::make_unique<optim::ExponentialLR>(*other, 0.5));
  EXPECT_THROW(optim::SequentialLR(o, std::move(foreign), {}), ValueError);
  optim::Adagrad adagrad({parameter()});
  EXPECT_THROW(optim::OneCycleLR(adagrad, {.max_lr = 1, .total_steps = 5}), ValueError);
  optim::OneCycleLR cycle(adagrad, {.max_lr = 1, .total_steps = 1, .cycle_momentum = false});
  cycle.step();
  EXPECT_THROW(cycle.step(), ValueError) << "beyond the last step";
  EXPECT_EQ(cycle.epoch(), 1);
  EXPECT_THROW(cycle.load_state_dict(optim::ExponentialLR(o, 0.5).state_dict()), ValueError)
      << "two groups, and the optimizer has one";
}

}  // namespace
}  // namespace ingot
