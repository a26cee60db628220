// State of optimizers belongs to parameters, wherever they stand; options that are switched on
// later (tests/fixtures/optim/switches.json, from PyTorch); states that do not fit.
#include <gtest/gtest.h>

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

Tensor parameter(const std::vector<double>& values) {
  Tensor t = from_vector(values);
  t.requires_grad_();
  return t;
}

void give_grad(Tensor p, double value) { p.set_grad(full(p.shape(), value, {.dtype = p.dtype()})); }

std::string text_of(const StateDict& dict) {
  std::string text;
  for (const auto& [key, t] : dict) text += key + "=" + t.str() + "\n";
  return text;
}

TEST(OptimizerState, OptionsAreSwitchedAsInPyTorch) {
  const json fixture = read_json("optim/switches.json");
  ASSERT_EQ(fixture.at("cases").size(), 12u);
  for (const json& steps : fixture.at("cases"))
    for (const bool resumed : {false, true}) {
      std::vector<Tensor> params;
      for (int i = 0; i < 3; ++i) params.push_back(parameter({1, -2}));
      auto sgd = std::make_unique<SGD>(params, SGDOptions{.lr = 0.1});
      for (const json& step : steps) {
        if (resumed) {
          const StateDict state = sgd->state_dict();
          sgd = std::make_unique<SGD>(params);
          sgd->load_state_dict(state);
        }
        for (const auto& [name, value] : step.at("options").items())
          sgd->set_option(0, name, value);
        for (std::size_t i = 0; i < 3; ++i) {
          const json& grad = step.at("grads")[i];
          params[i].set_grad(grad.is_null() ? Tensor()
                                            : from_vector(grad.get<std::vector<double>>()));
        }
        sgd->step();
        for (std::size_t i = 0; i < 3; ++i)
          for (std::size_t j = 0; j < 2; ++j)
            ASSERT_NEAR(params[i].to_vector<double>()[j], step.at("params")[i][j].get<double>(),
                        1e-14)
                << "parameter " << i;
      }
    }
}

/// An optimizer of any kind through what all have.
template <class O>
void check_lists_are_the_users() {
  // The twin never has its lists changed: each parameter must go the same way.
  const auto train = [](Optimizer& o, std::vector<Tensor>& all, int steps) {
    for (int s = 0; s < steps; ++s) {
      for (std::size_t i = 0; i < all.size(); ++i) give_grad(all[i], 0.5 + static_cast<double>(i));
      o.step();
    }
  };
  std::vector<Tensor> a{parameter({1, 2}), parameter({3, 4}), parameter({5, 6})};
  std::vector<Tensor> b{parameter({1, 2}), parameter({3, 4}), parameter({5, 6})};
  O changed({a[0], a[1]}), twin({b[0], b[1]});
  changed.add_param_group({a[2]});
  twin.add_param_group({b[2]});
  for (auto* o : {&changed, &twin}) o->set_lr(0.1);
  const auto expect_same = [&] {
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(a[i].template to_vector<double>(), b[i].template to_vector<double>()) << i;
  };
  train(changed, a, 2);
  train(twin, b, 2);
  std::swap(changed.groups()[0].params[0], changed.groups()[0].params[1]);  // reordered
  train(changed, a, 2);
  train(twin, b, 2);
  expect_same();
  std::swap(changed.groups()[0].params[0], changed.groups()[1].params[0]);  // in other groups
  train(changed, a, 2);
  train(twin, b, 2);
  expect_same();
  // Taken out and put back: it goes on where it stopped.
  const Tensor out = changed.groups()[1].params[0];
  changed.groups()[1].params.clear();
  twin.groups()[0].params.erase(twin.groups()[0].params.begin() + 1);
  ASSERT_TRUE(out.is_same(a[1]));
  train(changed, a, 2);
  train(twin, b, 2);
  changed.groups()[1].params.push_back(out);
  twin.groups()[0].params.push_back(b[1]);
  train(changed, a, 2);
  train(twin, b, 2);
  expect_same();
}

TEST(OptimizerState, FollowsTheParameter) {
  check_lists_are_the_users<Adam>();
  check_lists_are_the_users<AdamW>();
  check_lists_are_the_users<RMSprop>();
  check_lists_are_the_users<Adagrad>();
  check_lists_are_the_users<SGD>();
}

// The memory of a parameter that is gone is used again: its state must not be.
TEST(OptimizerState, AReplacedParameterBeginsAnew) {
  Adam adam({parameter({1})}, {.lr = 0.1});
  for (int round = 0; round < 20; ++round) {
    adam.groups()[0].params[0] = Tensor();
    adam.groups()[0].params[0] = parameter({1});
    const Tensor p = adam.groups()[0].params[0];
    EXPECT_FALSE(adam.state_dict().contains("state.0.step"));
    give_grad(p, 2);
    adam.step();
    EXPECT_NEAR(p.item(), 0.9, 1e-8) << "the first step of Adam is as long as lr";
    EXPECT_EQ(adam.state_dict().at("state.0.step").item<int>(), 1);
  }
}

TEST(OptimizerState, ListsThatCannotBeTrainedAreRefusedAndNothingChanges) {
  const Tensor a = parameter({1}), b = parameter({2}), c = parameter({3});
  const auto check = [&](const std::function<void(SGD&)>& spoil, const std::string& part) {
    SGD sgd({a, b}, {.lr = 0.5, .momentum = 0.9});
    sgd.add_param_group({c}, {.lr = 0.5});
    for (const Tensor& p : {a, b, c}) give_grad(p, 1);
    spoil(sgd);
    const auto before = std::vector{a.item(), b.item(), c.item()};
    for (const auto& use : {std::function<void()>([&] { sgd.step(); }),
                            std::function<void()>([&] { sgd.state_dict(); })})
      try {
        use();
        ADD_FAILURE() << "not refused: " << part;
      } catch (const ValueError& e) {
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
      }
    EXPECT_EQ((std::vector{a.item(), b.item(), c.item()}), before);
  };
  check([&](SGD& o) { o.groups()[0].params.push_back(a); },
        "parameter 2 of group 0 is in the optimizer already");
  check([&](SGD& o) { o.groups()[1].params.push_back(b); },
        "parameter 1 of group 1 is in the optimizer already");
  check([&](SGD& o) { o.groups()[1].params[0] = Tensor(); }, "parameter 0 of group 1 is undefined");
  check([&](SGD& o) { o.groups()[1].params[0] = tensor({1, 2}); }, "is int64");
  check([&](SGD& o) { o.groups()[1].params[0] = a * 2; }, "computed from others");
}

// A step that throws leaves no state behind: the next one is still the first.
TEST(OptimizerState, AFailedFirstStepIsNotTheFirst) {
  Tensor p = parameter({1});
  SGD sgd({p}, {.lr = 1, .momentum = 0.5, .dampening = 0.5});
  const auto fail = [&] {
    p.set_grad(ones({2}, {.dtype = float64})[tensor({7})]);  // an index out of range
    sgd.step();
  };
  EXPECT_THROW(fail(), IndexError);
  EXPECT_FALSE(sgd.state_dict().contains("state.0.step"));
  give_grad(p, 0.25);
  sgd.step();
  EXPECT_EQ(p.item(), 0.75) << "the first gradient is not damped";
}

template <class O, class Options>
void check_spoiled(const Options& options) {
  const Tensor a = parameter({1, 2}), b = parameter({3});
  O o({a, b}, options);
  const auto train = [&] {
    give_grad(a, 1);
    give_grad(b, 2);
    o.step();
  };
  o.initial_lr(0);
  train();
  const StateDict good = o.state_dict();
  train();
  const std::string before = text_of(o.state_dict());
  const auto refuse = [&](const std::string& how, const StateDict& dict) {
    SCOPED_TRACE(how);
    EXPECT_THROW(o.load_state_dict(dict), ValueError);
    EXPECT_EQ(text_of(o.state_dict()), before);
  };
  for (const std::string& key : good.keys()) {
    StateDict dict = good;
    dict.erase(key);
    // Both may be missing: they appear when they are first wanted.
    if (!key.ends_with("initial_lr") && !key.ends_with("momentum_buffer") &&
        !key.ends_with("max_exp_avg_sq") && !key.ends_with("grad_avg"))
      refuse(key + " left out", dict);
    dict = good;
    dict.insert_or_assign(key, zeros({7}));
    refuse(key + " of another shape", dict);
    dict.insert_or_assign(key, Tensor());
    refuse(key + " undefined", dict);
    if (good.at(key).dim() == 0) {
      dict.insert_or_assign(key, tensor(std::numeric_limits<double>::quiet_NaN()));
      refuse(key + " NaN", dict);
    }
    if (good.at(key).dtype() == int64) {
      dict.insert_or_assign(key, tensor(-1));
      refuse(key + " negative", dict);
      dict.insert_or_assign(key, tensor(1.5));
      refuse(key + " a fraction", dict);
    }
  }
  o.load_state_dict(good);
  EXPECT_EQ(text_of(o.state_dict()), text_of(good));
}

TEST(OptimizerState, LoadingASpoiledStateChangesNothing) {
  check_spoiled<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9});
  check_spoiled<Adam>(AdamOptions{.lr = 0.1, .amsgrad = true});
  check_spoiled<AdamW>(AdamWOptions{.lr = 0.1});
  check_spoiled<RMSprop>(RMSpropOptions{.lr = 0.1, .momentum = 0.9, .centered = true});
  check_spoiled<Adagrad>(AdagradOptions{.lr = 0.1});
}

}  // namespace
}  // namespace ingot
