// What training and measuring promise besides learning: nothing to train on is an error, modules
// keep their own mode, loaders their place, test data choose nothing, and restoring is all or
// nothing.
#include <ingot/ops/creation.h>
#include <ingot/train/trainer.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>
#include <ingot/train/image_task.h>

namespace ingot::train {
namespace {

std::shared_ptr<const data::Dataset> samples(std::int64_t count) {
  Generator generator(1);
  return std::make_shared<data::TensorDataset>(
      randn({count, 4}, {}, &generator), randint(0, 3, {count}, {.dtype = int64}, &generator));
}

/// Two normalised blocks, of which one is often frozen.
struct Net : nn::Module {
  nn::Linear first{*this, "first", 4, 6};
  nn::BatchNorm1d bn1{*this, "bn1", 6};
  nn::Dropout dropout{*this, "dropout", 0.5};
  nn::Linear second{*this, "second", 6, 6};
  nn::BatchNorm1d bn2{*this, "bn2", 6};
  nn::Linear head{*this, "head", 6, 3};
  Tensor forward(const Tensor& x) override {
    return head(bn2(second(dropout(bn1(first(x)).relu()))).relu());
  }
};

struct Parts {
  bool seeded = (manual_seed(5), true);  // before the weights are drawn
  Net net;
  optim::SGD sgd{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
  data::DataLoader train{samples(24), {.batch_size = 6, .shuffle = true, .seed = 3}};
  data::DataLoader validation{samples(10), {.batch_size = 4}};
  Trainer trainer(TrainerOptions options) { return {net, sgd, train, validation, options}; }
};

std::vector<bool> flags(nn::Module& m) {
  std::vector<bool> list;
  for (const nn::Module* part : m.modules()) list.push_back(part->is_training());
  return list;
}

std::string text_of(const StateDict& dict) {
  std::string text;
  for (const auto& [key, t] : dict) text += key + "=" + t.str() + "\n";
  return text;
}

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

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

TEST(TrainingRules, NothingToTrainOnIsAnError) {
  Parts p;
  const std::string before = text_of(p.net.state_dict());
  data::DataLoader nothing{samples(5), {.batch_size = 6, .drop_last = true}};
  ASSERT_EQ(nothing.size(), 0);
  Trainer trainer(p.net, p.sgd, nothing, p.validation, {});
  const std::string text = value_error([&] { trainer.run(); });
  EXPECT_HAS(text, "the training loader gives no batches: 5 samples");
  EXPECT_HAS(text, "drop_last");
  EXPECT_EQ(trainer.epochs_done(), 0);
  // Before a step is taken, not after the first epoch.
  Trainer unmeasured(p.net, p.sgd, p.train, nothing, {});
  EXPECT_HAS(value_error([&] { unmeasured.run(); }), "the validation loader gives no batches");
  EXPECT_EQ(text_of(p.net.state_dict()), before);
  EXPECT_HAS(value_error([&] { evaluate(p.net, nothing, Device()); }), "gives no batches");
  EXPECT_THROW(data::DataLoader(samples(0), {}), ValueError);
}

/// Every set of modes that a program may have left a model in.
std::vector<std::function<void(Net&)>> modes() {
  return {[](Net& n) { n.train(); },
          [](Net& n) { n.eval(); },
          [](Net& n) { n.train(), n.bn1.eval(); },
          [](Net& n) { n.train(), n.bn1.eval(), n.dropout.eval(); },
          [](Net& n) { n.eval(), n.bn2.train(); },
          [](Net& n) { n.eval(), n.head.train(); }};
}

TEST(TrainingRules, EveryModuleIsInItsOwnModeAgain) {
  for (const auto& mode : modes()) {
    Parts p;
    mode(p.net);
    const auto before = flags(p.net);
    evaluate(p.net, p.validation, Device());
    EXPECT_EQ(flags(p.net), before);
    evaluate(p.net, p.validation, Device(), [](const Progress&) { return false; });
    EXPECT_EQ(flags(p.net), before);
    p.net.summary({2, 4});
    EXPECT_EQ(flags(p.net), before);
    EXPECT_ANY_THROW(check_input(p.net, "net", {.channels = 1, .size = 2, .transform = {}}));
    EXPECT_EQ(flags(p.net), before);
    Trainer trainer = p.trainer({.epochs = 2});
    trainer.run();
    EXPECT_EQ(flags(p.net), before);
    // Also when something throws in the middle.
    const auto hook = p.net.bn2.register_forward_pre_hook(
        [](nn::Module&, const Tensor&) -> Tensor { throw ValueError("no"); });
    EXPECT_THROW(evaluate(p.net, p.validation, Device()), ValueError);
    EXPECT_EQ(flags(p.net), before);
    Trainer other = p.trainer({});
    EXPECT_THROW(other.run(), ValueError);
    EXPECT_EQ(flags(p.net), before);
  }
}

TEST(TrainingRules, FrozenLayersStayFrozen) {
  const auto statistics = [](nn::BatchNorm1d& bn) { return bn.running_mean.to_vector<float>(); };
  Parts p;
  p.net.bn1.eval();
  const auto frozen = statistics(p.net.bn1), moving = statistics(p.net.bn2);
  evaluate(p.net, p.validation, Device());
  Trainer trainer = p.trainer({.epochs = 2});
  trainer.run();
  EXPECT_EQ(statistics(p.net.bn1), frozen);
  EXPECT_NE(statistics(p.net.bn2), moving);
  // A model that was tested as a whole before is trained as a whole.
  Parts whole;
  whole.net.eval();
  whole.trainer({.epochs = 1}).run();
  EXPECT_NE(statistics(whole.net.bn1), frozen);
}

TEST(TrainingRules, ALoaderStandsWhereItStood) {
  Parts p;
  for (const data::LoaderPosition position : {data::LoaderPosition{0, 0}, {0, 2}, {3, 1}, {7, 0}}) {
    p.train.set_position(position);
    evaluate(p.net, p.train, Device());
    EXPECT_EQ(p.train.position(), position);
    evaluate(p.net, p.train, Device(), [](const Progress&) { return false; });
    EXPECT_EQ(p.train.position(), position);
    auto hook = p.net.register_forward_pre_hook(
        [](nn::Module&, const Tensor&) -> Tensor { throw ValueError("no"); });
    EXPECT_THROW(evaluate(p.net, p.train, Device()), ValueError);
    EXPECT_EQ(p.train.position(), position);
    hook.remove();
  }
  p.validation.set_position({4, 1});
  p.trainer({.epochs = 1}).run();
  EXPECT_EQ(p.validation.position(), (data::LoaderPosition{4, 1}));
}

TEST(TrainingRules, TestDataChooseNothing) {
  Parts p;
  optim::ReduceLROnPlateau plateau(p.sgd);
  for (const bool with_plateau : {false, true}) {
    TrainerOptions options;
    if (with_plateau)
      options.plateau = &plateau;
    else
      options.early_stopping = 2;
    for (const Split measures : {Split::Val, Split::Test})
      for (const std::string& name : Metric::names()) {
        options.measures = measures;
        options.monitor = {.name = name};
        const bool allowed =
            name.starts_with("train") || (name.starts_with("val") && measures == Split::Val);
        if (allowed)
          EXPECT_NO_THROW(p.trainer(options)) << name;
        else
          EXPECT_HAS(value_error([&] { p.trainer(options); }), "test data");
      }
    options.monitor = {.name = "vall_loss"};
    EXPECT_HAS(value_error([&] { p.trainer(options); }), "there are: val_loss, val_accuracy");
  }
  // They are reported under their own name.
  Trainer reporting = p.trainer({.measures = Split::Test});
  reporting.run();
  EXPECT_TRUE(reporting.history().back().test_loss);
  EXPECT_FALSE(reporting.history().back().val_loss);
  EXPECT_THROW(best_epoch(reporting.history(), {"val_loss"}), ValueError);
  EXPECT_THROW(p.trainer({.measures = Split::Train}), ValueError);
}

TEST(TrainingRules, RefusesOptionsThatMeanNothing) {
  Parts p;
  optim::ExponentialLR schedule(p.sgd, 0.5);
  EXPECT_THROW(p.trainer({.epochs = -1}), ValueError);
  EXPECT_THROW(p.trainer({.early_stopping = 0}), ValueError);
  EXPECT_THROW(p.trainer({.clip_grad_norm = -1}), ValueError);
  EXPECT_THROW(p.trainer({.clip_grad_norm = std::numeric_limits<double>::quiet_NaN()}), ValueError);
  EXPECT_THROW(
      p.trainer({.learning_rate = [](std::int64_t) { return 0.1; }, .scheduler = &schedule}),
      ValueError);
}

// A schedule and a plateau together: both count, both are saved, both go on.
TEST(TrainingRules, ScheduleAndPlateauGoOnTogether) {
  struct Both : Parts {
    optim::ExponentialLR schedule{sgd, 0.9};
    optim::ReduceLROnPlateau plateau{sgd, {.factor = 0.5, .patience = 0, .threshold = 1e6}};
    Trainer trainer(std::int64_t epochs) {
      return Parts::trainer({.epochs = epochs, .scheduler = &schedule, .plateau = &plateau});
    }
  };
  Both whole;
  Trainer all = whole.trainer(4);
  ASSERT_TRUE(all.run());
  // No loss is better than infinity by a millionfold of it: the plateau halves in every epoch.
  EXPECT_NEAR(whole.sgd.lr(), 0.05 * std::pow(0.9, 4) * std::pow(0.5, 4), 1e-15);
  Both first;
  Trainer part = first.trainer(2);
  part.run();
  const Checkpoint checkpoint = part.checkpoint();
  EXPECT_FALSE(checkpoint.scheduler.empty());
  EXPECT_FALSE(checkpoint.plateau.empty());
  manual_seed(99);
  Both second;
  Trainer rest = second.trainer(4);
  rest.restore(checkpoint);
  ASSERT_TRUE(rest.run());
  EXPECT_EQ(text_of(second.net.state_dict()), text_of(whole.net.state_dict()));
  EXPECT_EQ(text_of(second.sgd.state_dict()), text_of(whole.sgd.state_dict()));
  EXPECT_EQ(second.schedule.epoch(), 4);
  // A trainer without one of them would lose its state.
  Parts neither;
  Trainer without = neither.trainer({});
  EXPECT_THROW(without.restore(checkpoint), ValueError);
  // Up to format version 2 a plateau's state was where a scheduler's is.
  Checkpoint older = checkpoint;
  older.scheduler = checkpoint.plateau;
  older.plateau.clear();
  Parts alone;
  optim::ReduceLROnPlateau plateau(alone.sgd, {.factor = 0.5, .patience = 0});
  Trainer with = alone.trainer({.plateau = &plateau});
  with.restore(older);
  EXPECT_EQ(plateau.best(), second.plateau.best());
}

// Every entry of a checkpoint, left out or something else: an error, and all is as it was.
TEST(TrainingRules, RestoringIsAllOrNothing) {
  struct Both : Parts {
    optim::ExponentialLR schedule{sgd, 0.9};
    optim::ReduceLROnPlateau plateau{sgd};
    Trainer trainer_{Parts::trainer({.epochs = 3, .scheduler = &schedule, .plateau = &plateau})};
    std::string text() {
      const Checkpoint c = trainer_.checkpoint();
      return text_of(c.model) + text_of(c.optimizer) + text_of(c.scheduler) + text_of(c.plateau) +
             std::to_string(c.step) + " " + std::to_string(c.position.epoch) + " " +
             std::to_string(c.position.batch) + c.extra.begin()->second +
             std::to_string(c.random.offset);
    }
  };
  Both source;
  source.trainer_.run();
  const Checkpoint good = source.trainer_.checkpoint();
  Both p;
  p.sgd.set_lr(0.0123);
  const std::string before = p.text();
  int tried = 0;
  const auto refuse = [&](const std::string& how, const Checkpoint& c) {
    SCOPED_TRACE(how);
    ++tried;
    EXPECT_THROW(p.trainer_.restore(c), Error);
    EXPECT_EQ(p.text(), before);
  };
  for (StateDict Checkpoint::*part :
       {&Checkpoint::model, &Checkpoint::optimizer, &Checkpoint::scheduler, &Checkpoint::plateau}) {
    for (const std::string& key : (good.*part).keys()) {
      const bool may_be_missing = key.ends_with("momentum_buffer") || key.ends_with("initial_lr") ||
                                  key.ends_with("num_batches_tracked") ||
                                  (part == &Checkpoint::scheduler && key == "lrs");
      Checkpoint c = good;
      (c.*part).erase(key);
      if (!may_be_missing) refuse(key + " left out", c);
      (c.*part).insert(key, zeros({3, 5, 7}));
      refuse(key + " of another shape", c);
    }
    Checkpoint c = good;
    (c.*part).insert("surplus", zeros({1}));
    refuse("surplus", c);
    (c.*part).clear();
    refuse("one part empty", c);
  }
  EXPECT_GT(tried, 60);
  Checkpoint c = good;
  c.position.batch = -1;
  refuse("batch", c);
  c = good;
  c.step = -1;
  refuse("step", c);
  const std::string entry = good.extra.begin()->second;
  const auto json = nlohmann::json::parse(entry);
  for (const auto& [key, value] : json.items())
    for (const nlohmann::json& other :
         {nlohmann::json("text"), nlohmann::json::array({1}), nlohmann::json::object()}) {
      nlohmann::json changed = json;
      changed[key] = other;
      c = good;
      c.extra.begin()->second = changed.dump();
      refuse(key + " = " + other.dump(), c);
    }
  for (std::size_t length = 0; length < entry.size(); length += 7) {
    c = good;
    c.extra.begin()->second = entry.substr(0, length);
    refuse("cut off at " + std::to_string(length), c);
  }
  p.trainer_.restore(good);
  EXPECT_EQ(p.text(), source.text());
}

TEST(TrainingRules, DataHaveDistinctParts) {
  ImageData mnist = ImageData::parse("mnist");
  EXPECT_FALSE(mnist.has(Split::Val));
  EXPECT_THROW(mnist.open(Split::Val, {}), ValueError);
  EXPECT_EQ(mnist.open(Split::Train, {})->size(), 1000);
  mnist.val_split = 0.1;
  mnist.read_classes();
  const auto train = mnist.open(Split::Train, {}), val = mnist.open(Split::Val, {});
  EXPECT_EQ(train->size(), 900);
  EXPECT_EQ(val->size(), 100);
  EXPECT_EQ(mnist.open(Split::Test, {})->size(), 1000);
  EXPECT_EQ(parse_split("val"), Split::Val);
  EXPECT_THROW(parse_split("validation"), ValueError);
}

}  // namespace
}  // namespace ingot::train
