// Schedules together and at their edges, against PyTorch (tests/fixtures/optim/chains.json,
// options.json), what is refused, and their states.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
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
using namespace optim;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor parameter() {
  Tensor t = zeros({1});
  t.requires_grad_();
  return t;
}

/// An optimizer to which groups can be added, whatever its kind.
struct Trained {
  explicit Trained(const std::string& kind, const std::vector<double>& lrs = {0.3, 0.02}) {
    for (const double lr : lrs) add_group(kind, lr);
  }
  void add_group(const std::string& kind, double lr) {
    if (kind == "adam") {
      if (!optimizer)
        optimizer = std::make_unique<Adam>(params(), AdamOptions{.lr = lr});
      else
        dynamic_cast<Adam&>(*optimizer).add_param_group(params(), {.lr = lr});
    } else {
      if (!optimizer)
        optimizer = std::make_unique<SGD>(params(), SGDOptions{.lr = lr});
      else
        dynamic_cast<SGD&>(*optimizer).add_param_group(params(), {.lr = lr});
    }
  }
  static std::vector<Tensor> params() { return {parameter()}; }
  std::unique_ptr<Optimizer> optimizer;
};

double number_of(const json& o, const char* key, double standard) {
  if (!o.contains(key)) return standard;
  return o.at(key).is_string() ? kInfinity : o.at(key).get<double>();
}

std::unique_ptr<LRScheduler> make(Optimizer& o, const json& s) {
  const std::string kind = s.at("kind");
  if (kind == "step")
    return std::make_unique<StepLR>(
        o, StepLROptions{.step_size = s.at("step_size"), .gamma = number_of(s, "gamma", 0.1)});
  if (kind == "multistep")
    return std::make_unique<MultiStepLR>(
        o, MultiStepLROptions{.milestones = s.at("milestones"), .gamma = s.at("gamma")});
  if (kind == "exponential") return std::make_unique<ExponentialLR>(o, s.at("gamma").get<double>());
  if (kind == "cosine")
    return std::make_unique<CosineAnnealingLR>(
        o, CosineAnnealingLROptions{.t_max = s.at("T_max"), .eta_min = number_of(s, "eta_min", 0)});
  if (kind == "linear")
    return std::make_unique<LinearLR>(o, LinearLROptions{.start_factor = s.at("start_factor"),
                                                         .end_factor = s.at("end_factor"),
                                                         .total_iters = s.at("total_iters")});
  if (kind == "constant")
    return std::make_unique<ConstantLR>(
        o, ConstantLROptions{.factor = number_of(s, "factor", 1.0 / 3),
                             .total_iters = s.value("total_iters", std::int64_t{5})});
  if (kind == "lambda") {
    const std::string factor = s.at("factor");
    return std::make_unique<LambdaLR>(o, [factor](std::int64_t e) {
      if (factor == "inverse") return 1 / (1 + static_cast<double>(e));
      return factor == "halves" ? std::pow(0.5, static_cast<double>(e / 2)) : 2.0;
    });
  }
  if (kind == "onecycle") {
    OneCycleLROptions options{.max_lr = s.at("max_lr"), .total_steps = s.at("total_steps")};
    options.pct_start = number_of(s, "pct_start", 0.3);
    options.three_phase = s.value("three_phase", false);
    options.cycle_momentum = s.value("cycle_momentum", true);
    options.div_factor = number_of(s, "div_factor", 25);
    options.final_div_factor = number_of(s, "final_div_factor", 1e4);
    if (s.value("anneal_strategy", "cos") == "linear")
      options.anneal_strategy = OneCycleLROptions::Anneal::Linear;
    return std::make_unique<OneCycleLR>(o, options);
  }
  if (kind != "sequential") throw InternalError("no such schedule: " + kind);
  std::vector<std::unique_ptr<LRScheduler>> parts;
  for (const json& part : s.at("parts")) parts.push_back(make(o, part));
  return std::make_unique<SequentialLR>(o, std::move(parts),
                                        s.at("milestones").get<std::vector<std::int64_t>>());
}

/// A schedule or a plateau.
struct Made {
  Made(Optimizer& o, const json& s) : spec(s) {
    if (s.at("kind") == "plateau")
      plateau = std::make_unique<ReduceLROnPlateau>(
          o, ReduceLROnPlateauOptions{.factor = s.at("factor"),
                                      .patience = s.at("patience"),
                                      .cooldown = s.at("cooldown")});
    else
      schedule = make(o, s);
  }
  StateDict state_dict() const { return plateau ? plateau->state_dict() : schedule->state_dict(); }
  void load_state_dict(const StateDict& dict) {
    plateau ? plateau->load_state_dict(dict) : schedule->load_state_dict(dict);
  }
  json spec;
  std::unique_ptr<LRScheduler> schedule;
  std::unique_ptr<ReduceLROnPlateau> plateau;
};

struct Script {
  explicit Script(const std::string& name) : kind(name), trained(name) {}
  Optimizer& optimizer() { return *trained.optimizer; }

  void event(const json& e) {
    const std::string what = e.at("do");
    if (what == "make") made.emplace_back(optimizer(), e.at("schedule"));
    if (what == "step") made[e.at("index")].schedule->step();
    if (what == "metric") made[e.at("index")].plateau->step(e.at("value"));
    if (what == "set_lr") optimizer().set_lr(e.at("lr"));
    if (what == "set_group_lr") optimizer().set_group_lr(e.at("group"), e.at("lr"));
    if (what == "add_group") trained.add_group(kind, e.at("lr"));
    if (what == "reload") reload();
  }

  /// What a program does that goes on from a file; the states in any order.
  void reload() {
    const StateDict state = optimizer().state_dict();
    std::vector<StateDict> states;
    for (const Made& m : made) states.push_back(m.state_dict());
    Trained fresh(kind, std::vector<double>(optimizer().num_groups(), 0.77));
    std::vector<Made> again;
    for (const Made& m : made) again.emplace_back(*fresh.optimizer, m.spec);
    fresh.optimizer->load_state_dict(state);
    for (std::size_t i = again.size(); i-- > 0;) again[i].load_state_dict(states[i]);
    made = std::move(again);
    trained = std::move(fresh);
  }

  std::string kind;
  Trained trained;
  std::vector<Made> made;
};

void expect_near(double value, double wanted, const std::string& what) {
  EXPECT_NEAR(value, wanted, 1e-10 * std::abs(wanted) + 1e-13) << what;
}

TEST(ScheduleChains, MatchPyTorchInAllCombinations) {
  const json fixture = read_json("optim/chains.json");
  ASSERT_EQ(fixture.at("cases").size(), 120u);
  std::size_t number = 0;
  for (const json& c : fixture.at("cases")) {
    SCOPED_TRACE("case " + std::to_string(number++));
    Script run(c.at("optimizer"));
    std::string script;
    for (const json& e : c.at("events")) {
      json shown = e;
      shown.erase("lr_now");
      shown.erase("momentum");
      script += shown.dump() + "\n";
      run.event(e);
      ASSERT_EQ(run.optimizer().num_groups(), e.at("lr_now").size());
      for (std::size_t g = 0; g < run.optimizer().num_groups(); ++g) {
        expect_near(run.optimizer().lr(g), e.at("lr_now")[g], "lr of group " + std::to_string(g));
        const char* name = run.kind == "sgd" ? "momentum" : "beta1";
        // PyTorch does not cycle the momentum of groups that were added later.
        if (g < 2) expect_near(*run.optimizer().option(g, name), e.at("momentum")[g], name);
      }
      if (HasFailure()) {
        ADD_FAILURE() << script;
        return;
      }
    }
  }
}

TEST(ScheduleChains, OptionsAtTheirEdges) {
  const json fixture = read_json("optim/options.json");
  ASSERT_GT(fixture.at("cases").size(), 20u);
  for (const json& c : fixture.at("cases")) {
    SCOPED_TRACE(c.at("schedule").dump());
    Trained t("sgd");
    const auto schedule = make(*t.optimizer, c.at("schedule"));
    for (const json& row : c.at("rows")) {
      for (std::size_t g = 0; g < 2; ++g) expect_near(t.optimizer->lr(g), row[g], "lr");
      schedule->step();
    }
  }
}

// Also the schedules of which PyTorch can say nothing: its own raise an exception.
TEST(ScheduleChains, EverySchedulesGroupsMayBeAddedLater) {
  const json specs = json::parse(R"([
    {"kind": "step", "step_size": 2, "gamma": 0.5},
    {"kind": "multistep", "milestones": [1, 4], "gamma": 0.5},
    {"kind": "exponential", "gamma": 0.5},
    {"kind": "cosine", "T_max": 3},
    {"kind": "linear", "start_factor": 0.5, "end_factor": 1.0, "total_iters": 4},
    {"kind": "constant", "factor": 0.5, "total_iters": 4},
    {"kind": "lambda", "factor": "inverse"},
    {"kind": "onecycle", "max_lr": 1.0, "total_steps": 20},
    {"kind": "sequential", "parts": [{"kind": "exponential", "gamma": 0.5},
        {"kind": "cosine", "T_max": 3}], "milestones": [4]},
    {"kind": "plateau", "factor": 0.5, "patience": 0, "cooldown": 0}])");
  for (const json& spec : specs) {
    SCOPED_TRACE(spec.dump());
    Script run("sgd");
    const json add = {{"do", "add_group"}, {"lr", 0.07}};
    run.event({{"do", "make"}, {"schedule", spec}});
    const json step = spec.at("kind") == "plateau"
                          ? json{{"do", "metric"}, {"index", 0}, {"value", 1}}
                          : json{{"do", "step"}, {"index", 0}};
    run.event(step);
    run.event(add);
    run.made[0].load_state_dict(run.made[0].state_dict());
    std::vector<double> seen;
    for (int i = 0; i < 6; ++i) {
      run.event(step);
      seen.push_back(run.optimizer().lr(2));
      EXPECT_TRUE(std::isfinite(seen.back()));
      run.event({{"do", "reload"}});
      EXPECT_EQ(run.optimizer().lr(2), seen.back());
    }
    EXPECT_GT(std::count_if(seen.begin(), seen.end(), [&](double lr) { return lr != 0.07; }), 0);
  }
}

TEST(ScheduleChains, RefuseWhatMakesNoSchedule) {
  Trained t("sgd"), adam("adam");
  Optimizer& o = *t.optimizer;
  using F = std::function<void()>;
  std::vector<std::pair<std::string, F>> cases;
  const double bad_gammas[] = {kNaN, -0.5, kInfinity};
  for (const double gamma : bad_gammas) {
    cases.emplace_back("gamma", [&o, gamma] { StepLR(o, {.step_size = 1, .gamma = gamma}); });
    cases.emplace_back("gamma",
                       [&o, gamma] { MultiStepLR(o, {.milestones = {1}, .gamma = gamma}); });
    cases.emplace_back("gamma", [&o, gamma] { ExponentialLR(o, gamma); });
    cases.emplace_back("eta_min",
                       [&o, gamma] { CosineAnnealingLR(o, {.t_max = 2, .eta_min = gamma}); });
    cases.emplace_back("start_factor", [&o, gamma] { LinearLR(o, {.start_factor = gamma}); });
    cases.emplace_back("end_factor", [&o, gamma] { LinearLR(o, {.end_factor = gamma}); });
    cases.emplace_back("factor", [&o, gamma] { ConstantLR(o, {.factor = gamma}); });
    cases.emplace_back("max_lr",
                       [&o, gamma] { OneCycleLR(o, {.max_lr = gamma, .total_steps = 9}); });
    cases.emplace_back("pct_start", [&o, gamma] {
      OneCycleLR(o, {.max_lr = 1, .total_steps = 9, .pct_start = gamma});
    });
    for (const auto field : {&OneCycleLROptions::base_momentum, &OneCycleLROptions::max_momentum})
      cases.emplace_back("momentum", [&o, gamma, field] {
        OneCycleLROptions options{.max_lr = 1, .total_steps = 9};
        options.*field = gamma;
        OneCycleLR(o, options);
      });
    for (const auto field :
         {&ReduceLROnPlateauOptions::factor, &ReduceLROnPlateauOptions::threshold,
          &ReduceLROnPlateauOptions::min_lr, &ReduceLROnPlateauOptions::eps})
      cases.emplace_back("must be at least 0", [&o, gamma, field] {
        ReduceLROnPlateauOptions options;
        options.*field = gamma;
        ReduceLROnPlateau(o, options);
      });
  }
  for (const double value : {kNaN, 0.0, -1.0}) {
    cases.emplace_back("div_factor", [&o, value] {
      OneCycleLR(o, {.max_lr = 1, .total_steps = 9, .div_factor = value});
    });
    cases.emplace_back("final_div_factor", [&o, value] {
      OneCycleLR(o, {.max_lr = 1, .total_steps = 9, .final_div_factor = value});
    });
  }
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-3}}) {
    cases.emplace_back("step_size", [&o, n] { StepLR(o, {.step_size = n}); });
    cases.emplace_back("t_max", [&o, n] { CosineAnnealingLR(o, {.t_max = n}); });
    cases.emplace_back("total_iters", [&o, n] { LinearLR(o, {.total_iters = n}); });
    cases.emplace_back("total_steps", [&o, n] { OneCycleLR(o, {.max_lr = 1, .total_steps = n}); });
  }
  cases.emplace_back("total_iters", [&o] { ConstantLR(o, {.total_iters = -1}); });
  cases.emplace_back("milestones", [&o] { MultiStepLR(o, {.milestones = {3, 2}}); });
  cases.emplace_back("milestones", [&o] { MultiStepLR(o, {.milestones = {-1, 2}}); });
  cases.emplace_back("max_lr", [&o] { OneCycleLR(o, {.total_steps = 10}); });
  cases.emplace_back("total_steps", [&o] { OneCycleLR(o, {.max_lr = 1}); });
  // The first phase would be from step 0 to step 0.
  for (const bool three : {false, true})
    for (const auto& [share, steps] : {std::pair(0.1, 10), std::pair(1.0, 1), std::pair(0.25, 4)})
      cases.emplace_back("pct_start", [&o, three, share = share, steps = steps] {
        OneCycleLR(o,
                   {.max_lr = 1, .total_steps = steps, .pct_start = share, .three_phase = three});
      });
  cases.emplace_back("beta1", [&adam] {
    OneCycleLR(*adam.optimizer, {.max_lr = 1, .total_steps = 9, .max_momentum = 1});
  });
  cases.emplace_back("patience", [&o] { ReduceLROnPlateau(o, {.patience = -1}); });
  cases.emplace_back("cooldown", [&o] { ReduceLROnPlateau(o, {.cooldown = -1}); });
  cases.emplace_back("factor", [&o] { ReduceLROnPlateau(o, {.factor = 1}); });
  cases.emplace_back("NaN", [&o] { LambdaLR(o, [](std::int64_t) { return kNaN; }); });
  cases.emplace_back("function", [&o] { LambdaLR(o, {}); });
  for (const std::vector<std::int64_t>& milestones :
       {std::vector<std::int64_t>{-1}, std::vector<std::int64_t>{}, {1, 2}})
    cases.emplace_back("milestones", [&o, milestones] {
      std::vector<std::unique_ptr<LRScheduler>> parts;
      for (int i = 0; i < 2; ++i) parts.push_back(std::make_unique<ExponentialLR>(o, 0.5));
      SequentialLR(o, std::move(parts), milestones);
    });
  std::size_t number = 0;
  for (const auto& [part, f] : cases) {
    SCOPED_TRACE("case " + std::to_string(number++));
    try {
      f();
      ADD_FAILURE() << "not refused: " << part;
    } catch (const ValueError& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
    EXPECT_EQ(o.lr(0), 0.3);
    EXPECT_EQ(o.lr(1), 0.02);
    EXPECT_EQ(o.option(0, "momentum"), 0);
  }
}

// A function that gives NaN later changes nothing then.
TEST(ScheduleChains, AStepThatThrowsChangesNothing) {
  Trained t("sgd");
  LambdaLR schedule(*t.optimizer, [](std::int64_t e) { return e == 2 ? kNaN : 0.5; });
  schedule.step();
  EXPECT_THROW(schedule.step(), ValueError);
  EXPECT_EQ(schedule.epoch(), 1);
  EXPECT_EQ(t.optimizer->lr(), 0.15);
}

std::string text_of(const StateDict& dict) {
  std::string text;
  for (const auto& [key, t] : dict) text += key + "=" + t.str() + "\n";
  return text;
}

/// Every way to spoil `good` at one key: it is left out, or something else, or one more.
std::vector<std::pair<std::string, StateDict>> spoiled(const StateDict& good) {
  std::vector<std::pair<std::string, StateDict>> list;
  for (const std::string& key : good.keys()) {
    const Tensor t = good.at(key);
    StateDict dict = good;
    dict.erase(key);
    list.emplace_back(key + " left out", dict);
    const auto replace = [&](const char* how, Tensor other) {
      StateDict changed = good;
      changed.insert_or_assign(key, std::move(other));
      list.emplace_back(key + " " + how, changed);
    };
    replace("NaN", full(t.shape(), kNaN, {.dtype = float64}));
    replace("longer", zeros({5}, {.dtype = float64}));
    replace("empty", zeros({0}, {.dtype = float64}));
    replace("undefined", Tensor());
    if (t.dtype() == int64) replace("negative", full(t.shape(), -1, {.dtype = int64}));
    if (t.dtype() == int64) replace("a fraction", full(t.shape(), 1.5, {.dtype = float64}));
  }
  StateDict dict = good;
  dict.insert("surplus", zeros({1}));
  list.emplace_back("surplus", dict);
  return list;
}

TEST(ScheduleChains, LoadingASpoiledStateChangesNothing) {
  const json specs = json::parse(R"([
    {"kind": "exponential", "gamma": 0.5},
    {"kind": "onecycle", "max_lr": 1.0, "total_steps": 20},
    {"kind": "sequential", "parts": [{"kind": "exponential", "gamma": 0.5},
        {"kind": "onecycle", "max_lr": 1.0, "total_steps": 20}], "milestones": [2]},
    {"kind": "plateau", "factor": 0.5, "patience": 0, "cooldown": 0}])");
  for (const json& spec : specs) {
    Trained t("adam");
    Made made(*t.optimizer, spec);
    const auto step = [&] { made.plateau ? made.plateau->step(1) : made.schedule->step(); };
    for (int i = 0; i < 3; ++i) step();
    const StateDict good = made.state_dict();
    step();
    const auto now = [&] {
      return text_of(t.optimizer->state_dict()) + text_of(made.state_dict());
    };
    const std::string before = now();
    for (const auto& [how, dict] : spoiled(good)) {
      SCOPED_TRACE(spec.dump() + ": " + how);
      if (how == "lrs left out" && made.schedule) continue;  // as an older Ingot wrote it
      EXPECT_THROW(made.load_state_dict(dict), ValueError);
      EXPECT_EQ(now(), before);
    }
    made.load_state_dict(good);
    EXPECT_EQ(text_of(made.state_dict()), text_of(good));
  }
}

TEST(ScheduleChains, ACycleDoesNotLoadAStepBehindItsEnd) {
  Trained t("sgd");
  OneCycleLR longer(*t.optimizer, {.max_lr = 1, .total_steps = 20});
  for (int i = 0; i < 11; ++i) longer.step();
  Trained other("sgd");
  OneCycleLR shorter(*other.optimizer, {.max_lr = 1, .total_steps = 9});
  const double lr = other.optimizer->lr();
  EXPECT_THROW(shorter.load_state_dict(longer.state_dict()), ValueError);
  EXPECT_EQ(shorter.epoch(), 0);
  EXPECT_EQ(other.optimizer->lr(), lr);
}

// What schedules start from survives a restart, also for a schedule that is made only then.
TEST(ScheduleChains, TheInitialRateIsPartOfTheOptimizersState) {
  Trained first("sgd");
  ExponentialLR schedule(*first.optimizer, 0.5);
  schedule.step();
  Trained second("sgd", {7, 7});
  second.optimizer->load_state_dict(first.optimizer->state_dict());
  EXPECT_EQ(second.optimizer->initial_lr(0), 0.3);
  LambdaLR later(*second.optimizer, [](std::int64_t) { return 1.0; });
  EXPECT_EQ(second.optimizer->lr(0), 0.3);
  EXPECT_EQ(second.optimizer->lr(1), 0.02);
}

}  // namespace
}  // namespace ingot
