// What holds at the ends of a run and of its steps: terms weigh what their classes weigh, however
// they come in batches; the last step is measured, written and saved; what will not be measured is
// refused before anything is trained; and no state that has diverged is saved.
#include <ingot/train/trainer.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/twin_scope.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;
using test::kTwin;
using test::message_of;

std::shared_ptr<const data::Dataset> samples(std::int64_t count) {
  Generator generator(1);
  return std::make_shared<data::TensorDataset>(
      randn({count, 4}, {}, &generator), randint(0, 3, {count}, {.dtype = int64}, &generator));
}

/// 18 samples in 5 batches.
struct Parts {
  explicit Parts(TrainerOptions options, bool validated = true, std::int64_t batch = 4)
      : train(samples(18), {.batch_size = batch, .shuffle = true, .seed = 3}) {
    net.to(options.device);
    trainer = validated ? std::make_unique<Trainer>(net, sgd, train, validation, options)
                        : std::make_unique<Trainer>(net, sgd, train, options);
  }
  std::vector<float> weights() const { return net.weight.to_vector<float>(); }

  bool seeded = (manual_seed(5), true);
  nn::Linear net{4, 3};
  optim::SGD sgd{net.parameters(), {.lr = 0.5}};
  data::DataLoader train;
  data::DataLoader validation{samples(18), {.batch_size = 5}};
  std::unique_ptr<Trainer> trainer;
};

void expect_near(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
}

/// Calls a function where a run saves.
struct OnSave : Callback {
  explicit OnSave(std::function<void(Trainer&)> f) : f_(std::move(f)) {}
  void on_save(Trainer& t) override { f_(t); }
  std::function<void(Trainer&)> f_;
};

// -- Weights ----------------------------------------------------------------------------------

const Tensor& class_weights() {
  static const Tensor weights = tensor({0.1f, 1.0f, 7.0f});
  return weights;
}

TEST(RunRules, AccumulationWeighsAsOneBatch) {
  const test::TwinScope twin;
  for (const double smoothing : {0.0, 0.1})
    for (const Device device : {Device(), kTwin}) {
      const auto train = [&](std::int64_t batch, std::int64_t accumulate) {
        Parts p(
            {.epochs = 2,
             .device = device,
             .task = std::make_shared<Classification>(
                 3, TaskOptions{.class_weights = class_weights(), .label_smoothing = smoothing}),
             .accumulate = accumulate},
            true, batch);
        EXPECT_TRUE(p.trainer->run());
        return std::pair(p.weights(), p.trainer->history().back().train_loss);
      };
      const auto whole = train(18, 1), parts = train(4, 5);
      expect_near(whole.first, parts.first, 4e-6f);
      EXPECT_NEAR(whole.second, parts.second, 1e-6) << "the mean loss of the epoch";
    }
}

TEST(RunRules, WeightsOfAGroupAreSaved) {
  const auto options = [](int stop) {
    TrainerOptions o{
        .epochs = 1,
        .task = std::make_shared<Classification>(3, TaskOptions{.class_weights = class_weights()}),
        .accumulate = 3};
    if (stop > 0) o.on_progress = [=](const Progress& p) { return p.batch != stop; };
    return o;
  };
  Parts whole(options(0));
  ASSERT_TRUE(whole.trainer->run());
  const ScratchFolder folder;
  for (const int stop : {1, 2, 4}) {
    Parts first(options(stop));
    ASSERT_FALSE(first.trainer->run());
    first.trainer->checkpoint().save(folder / "c");
    Parts second(options(0));
    second.trainer->restore(Checkpoint::load(folder / "c"));
    ASSERT_TRUE(second.trainer->run());
    EXPECT_EQ(second.weights(), whole.weights()) << stop;
    EXPECT_EQ(second.trainer->history().back().train_loss,
              whole.trainer->history().back().train_loss);
  }
}

TEST(RunRules, AMeanOverBatchesIsThatOfOne) {
  Parts p({});
  const Classification task(3, {.class_weights = class_weights()});
  data::DataLoader whole{samples(18), {.batch_size = 18}};
  EXPECT_NEAR(evaluate(p.net, p.validation, task).loss(), evaluate(p.net, whole, task).loss(),
              1e-6);
}

// A batch that weighs nothing has the loss and the gradients 0, of samples as of tokens.
TEST(RunRules, WhatWeighsNothingChangesNothing) {
  const Tensor none = tensor({0.0f, 1.0f});
  const auto check = [](const Task& task, const Tensor& logits, const data::Batch& batch) {
    const Tensor x = logits.clone().requires_grad_();
    const Tensor loss = task.loss(x, batch);
    EXPECT_EQ(loss.item(), 0);
    loss.backward();
    for (const float g : x.grad().to_vector<float>()) EXPECT_EQ(g, 0);
  };
  check(Classification(2, {.class_weights = none}), tensor({{1.0f, 2.0f}, {0.0f, 3.0f}}),
        {Tensor(), tensor({0, 0})});
  const Tensor logits = tensor({{{3.0f, 0.0f}, {0.0f, 3.0f}}});
  for (const std::int64_t label : {-100, 0})
    check(TokenClassification(2, {.class_weights = none}), logits,
          {Tensor(), full({1, 2}, label, {.dtype = int64})});
  // Otherwise the weighted mean is PyTorch's.
  const data::Batch two{Tensor(), tensor({{0, 1}})};
  const Tensor weights = tensor({1.0f, 3.0f});
  EXPECT_NEAR(TokenClassification(2, {.class_weights = weights}).loss(logits, two).item(),
              std::log1p(std::exp(-3.0)), 1e-6);
  EXPECT_EQ(TokenClassification(2, {.class_weights = weights}).weight(two).item(), 4);
}

// -- The last step ----------------------------------------------------------------------------

TEST(RunRules, TheLastStepIsWrittenAndSaved) {
  for (const bool validated : {false, true})
    for (const std::int64_t steps : {3, 5, 7, 10}) {
      SCOPED_TRACE(std::to_string(steps) + (validated ? " validated" : ""));
      std::vector<std::int64_t> saved;
      Parts p(
          {.max_steps = steps,
           .log_steps = 2,
           .save_every = {.epochs = 50},
           .callbacks = {std::make_shared<OnSave>([&](Trainer& t) { saved.push_back(t.step()); })}},
          validated);
      ASSERT_TRUE(p.trainer->run());
      EXPECT_EQ(saved, (std::vector<std::int64_t>{steps}));
      ASSERT_FALSE(p.trainer->history().empty());
      EXPECT_EQ(p.trainer->history().back().step, steps);
      for (const MetricsRow& row : p.trainer->history()) EXPECT_GT(row.train_loss, 0);
      // Stopped at the very last step, it still has all that to do.
      saved.clear();
      Parts q(
          {.max_steps = steps,
           .log_steps = 2,
           .save_every = {.epochs = 50},
           .callbacks = {std::make_shared<OnSave>([&](Trainer& t) { saved.push_back(t.step()); })}},
          validated);
      struct Stop : Callback {
        void on_step_end(Trainer& t) override {
          if (t.step() == t.options().max_steps) t.stop();
        }
      };
      Parts stopped({.max_steps = steps, .log_steps = 2, .callbacks = {std::make_shared<Stop>()}},
                    validated);
      ASSERT_FALSE(stopped.trainer->run());
      q.trainer->restore(stopped.trainer->checkpoint());
      ASSERT_TRUE(q.trainer->run());
      EXPECT_EQ(saved, (std::vector<std::int64_t>{steps}));
      EXPECT_EQ(q.weights(), p.weights());
    }
}

// -- Known before it is trained ---------------------------------------------------------------

TEST(RunRules, WhatIsNotMeasuredIsRefusedAtOnce) {
  const auto with = [](std::shared_ptr<const Task> task) {
    return message_of<ValueError>([&] { Parts({.task = std::move(task)}); });
  };
  EXPECT_NE(with(std::make_shared<Classification>(3, TaskOptions{.metrics = {"f1"}})).find("f1"),
            std::string::npos);
  EXPECT_NE(with(std::make_shared<Classification>(0, TaskOptions{.metrics = {"macro_f1"}}))
                .find("how many classes"),
            std::string::npos);
  for (const char* metric : {"accuracy", "top2", "macro_f1", "matthews"})
    EXPECT_NE(with(std::make_shared<Regression>(TaskOptions{.metrics = {metric}})).find("values"),
              std::string::npos)
        << metric;
  for (const char* metric : {"mse", "mae", "pearson", "spearman"}) {
    EXPECT_NE(
        with(std::make_shared<Classification>(3, TaskOptions{.metrics = {metric}})).find("classes"),
        std::string::npos);
    EXPECT_THROW(Parts({.task = std::make_shared<MultiLabelClassification>(
                            3, TaskOptions{.metrics = {metric}})}),
                 ValueError);
  }
  // A monitor that no measurement gives.
  EXPECT_NE(message_of<ValueError>([] {
              Parts({.evaluate_every = {}, .early_stopping = 1});
            }).find("evaluate_every"),
            std::string::npos);
  Parts plain({});
  optim::ReduceLROnPlateau plateau(plain.sgd, {});
  EXPECT_THROW(Parts({.evaluate_every = {}, .plateau = &plateau}), ValueError);
  EXPECT_NO_THROW(Parts({.evaluate_every = {}, .monitor = {"train_loss"}, .early_stopping = 1}));
  // A callback's, before the first step.
  const ScratchFolder folder;
  const auto refused = [&](std::shared_ptr<Callback> callback, TrainerOptions options,
                           bool validated = true) {
    options.callbacks = {std::move(callback)};
    Parts p(options, validated);
    const std::string text = message_of<ValueError>([&] { p.trainer->run(); });
    EXPECT_EQ(p.trainer->step(), 0);
    return text;
  };
  const auto keep = [&](const char* metric) {
    return std::make_shared<KeepBest>(Metric{metric}, folder / "best");
  };
  EXPECT_NE(refused(keep("val_f1"), {}).find("accuracy"), std::string::npos);
  EXPECT_NE(refused(keep("val_loss"), {}, false).find("no validation data"), std::string::npos);
  EXPECT_NE(refused(keep("val_loss"), {.measures = data::Split::Test}).find("test data"),
            std::string::npos);
  EXPECT_NE(refused(std::make_shared<SaveCheckpoints>(folder / "c",
                                                      SaveCheckpointsOptions{.best = {"val_f1"}}),
                    {})
                .find("accuracy"),
            std::string::npos);
}

/// A task of one's own that does not say what its answers are.
class Sums final : public Task {
 public:
  explicit Sums(std::vector<std::string> metrics) : Task({.metrics = std::move(metrics)}, {}) {}
  std::string name() const override { return "sums"; }
  Tensor loss(const Tensor& outputs, const data::Batch& batch) const override {
    return (outputs.sum({1}) - batch.targets()).square().mean();
  }
  Tensor predict(const Tensor& outputs) const override { return outputs.detach().sum({1}); }
  Judged judge(const Tensor& outputs, const data::Batch& batch) const override {
    return {outputs.detach(), predict(outputs), batch.targets()};
  }
};

TEST(RunRules, AccuracyNeedsRightAnswers) {
  EXPECT_NE(message_of<ValueError>([] {
              Parts({.task = std::make_shared<Sums>(std::vector<std::string>{"accuracy"})})
                  .trainer->run();
            }).find("sums are not right or wrong"),
            std::string::npos);
  Parts values({.task = std::make_shared<Sums>(std::vector<std::string>{"mse"})});
  values.sgd.set_lr(1e-3);
  EXPECT_TRUE(values.trainer->run());
  const MetricsRow& last = values.trainer->history().back();
  EXPECT_NEAR(last.others.at(0).second, *last.val_loss, 1e-5);
}

// -- Diverged ---------------------------------------------------------------------------------

/// An infinite gradient after a finite loss.
struct BreakGradient : Callback {
  explicit BreakGradient(std::int64_t step) : step_(step) {}
  void on_before_step(Trainer& t) override {
    if (t.step() + 1 != step_) return;
    Tensor p = t.model().parameters()[0];
    p.set_grad(p.grad() * std::numeric_limits<double>::infinity());
  }
  std::int64_t step_;
};

TEST(RunRules, NoWeightsThatDivergedAreSaved) {
  const test::TwinScope twin;
  const ScratchFolder folder;
  for (const Device device : {Device(), kTwin})
    for (const std::int64_t bad : {2, 4, 5, 10}) {
      for (const bool by_steps : {false, true}) {
        SCOPED_TRACE("step " + std::to_string(bad) + " on " + device.str());
        std::int64_t saved = 0, epochs = 0;
        Parts p({.epochs = by_steps ? 100 : 2,
                 .device = device,
                 .max_steps = by_steps ? bad : 0,
                 .save_every = {.steps = 2, .epochs = 1},
                 .on_epoch = [&] { ++epochs; },
                 .callbacks = {std::make_shared<BreakGradient>(bad),
                               std::make_shared<KeepBest>(Metric{"train_loss"},
                                                          [&](const StateDict&) {
                                                            EXPECT_LE(p.trainer->step(), bad - 1);
                                                          }),
                               std::make_shared<OnSave>([&](Trainer& t) { saved = t.step(); })}},
                false);
        const std::string text = message_of<DivergedError>([&] { p.trainer->run(); });
        // Where the step is not the last before a save, the next loss may tell.
        EXPECT_NE(text.find("step "), std::string::npos) << text;
        EXPECT_NE(text.find("try a smaller learning rate"), std::string::npos) << text;
        EXPECT_LT(saved, bad);
        EXPECT_EQ(epochs, (bad - 1) / 5);
      }
    }
}

TEST(RunRules, AStopFindsItToo) {
  struct Stop : BreakGradient {
    using BreakGradient::BreakGradient;
    void on_step_end(Trainer& t) override {
      if (t.step() == step_) t.stop();
    }
  };
  for (const std::int64_t at : {1, 5}) {
    Parts p({.callbacks = {std::make_shared<Stop>(at)}});
    const std::string text = message_of<DivergedError>([&] { p.trainer->run(); });
    EXPECT_NE(text.find("the weight 'weight' is not finite in epoch 1, step " + std::to_string(at)),
              std::string::npos)
        << text;
  }
}

// -- Checkpoints ------------------------------------------------------------------------------

TEST(RunRules, TheBestAtTheEndAreTheAveragesThatWereMeasured) {
  const ScratchFolder folder;
  struct Worse : Callback {
    void on_epoch_end(Trainer& t) override {
      if (t.epochs_done() == 2) best = t.average().at("weight").to_vector<float>();
      if (t.epochs_done() >= 2) t.optimizer().set_lr(30);
    }
    std::vector<float> best;
  };
  const auto worse = std::make_shared<Worse>();
  Parts p({.epochs = 4,
           .ema_decay = 0.7,
           .callbacks = {
               worse, std::make_shared<SaveCheckpoints>(
                          folder / "run",
                          SaveCheckpointsOptions{
                              .total_limit = 2, .best = {"val_loss"}, .load_best_at_end = true})}});
  ASSERT_TRUE(p.trainer->run());
  const Best best = best_row(p.trainer->history(), {"val_loss"});
  ASSERT_EQ(p.trainer->history()[best.row].step, 10);
  EXPECT_EQ(p.weights(), worse->best);
  EXPECT_EQ(p.trainer->average().at("weight").to_vector<float>(), worse->best);
  EXPECT_EQ(evaluate(p.net, p.validation, Device()).loss(), best.value)
      << "what is in the model is what was measured";
}

TEST(RunRules, CheckpointsOfOtherRunsAreNotItsOwn) {
  const ScratchFolder folder;
  const auto saving = [&](std::int64_t limit, bool overwrite = true) {
    return std::make_shared<SaveCheckpoints>(folder / "run",
                                             SaveCheckpointsOptions{.total_limit = limit,
                                                                    .best = {"val_loss"},
                                                                    .load_best_at_end = true,
                                                                    .overwrite = overwrite});
  };
  // A run that learns, and so has the better checkpoints.
  auto first = saving(0);
  Parts good({.epochs = 4, .callbacks = {first}});
  ASSERT_TRUE(good.trainer->run());
  ASSERT_EQ(first->steps(), (std::vector<std::int64_t>{5, 10, 15, 20}));

  // Nothing of it is lost to another one in the same folder, unless that is asked for.
  Parts anew({.epochs = 3, .callbacks = {saving(2, false)}});
  try {
    anew.trainer->run();
    ADD_FAILURE() << "began beside another run's checkpoints";
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("4 checkpoints"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("checkpoint-20.safetensors"), std::string::npos);
  }
  EXPECT_EQ(anew.trainer->step(), 0);
  EXPECT_EQ(first->steps(), (std::vector<std::int64_t>{5, 10, 15, 20}));
  // Gone on from the latest, all of them are its own.
  Parts further({.epochs = 5, .callbacks = {saving(0, false)}});
  further.trainer->restore(Checkpoint::load(first->latest()));
  ASSERT_TRUE(further.trainer->run());
  EXPECT_EQ(first->steps(), (std::vector<std::int64_t>{5, 10, 15, 20, 25}));

  // With fewer steps and worse.
  struct Spoil : Callback {
    void on_train_begin(Trainer& t) override { t.optimizer().set_lr(1e-9); }
  };
  auto second = saving(2);
  Parts poor({.epochs = 3, .callbacks = {std::make_shared<Spoil>(), second}});
  ASSERT_TRUE(poor.trainer->run());
  EXPECT_EQ(second->steps().back(), 15);
  EXPECT_LE(second->steps().size(), 2u);
  EXPECT_EQ(second->latest(), second->path_of(15));
  const double measured = evaluate(poor.net, poor.validation, Device()).loss();
  EXPECT_EQ(measured, best_row(poor.trainer->history(), {"val_loss"}).value);

  // The same run taken up again keeps what it had before that place, and nothing behind it.
  auto third = saving(0);
  Parts again({.epochs = 4, .callbacks = {third}});
  ASSERT_TRUE(again.trainer->run());
  for (const char* when : {"goes on", "another learning rate"}) {
    auto fourth = saving(0);
    Parts on({.epochs = 3, .callbacks = {fourth}});
    on.trainer->restore(Checkpoint::load(fourth->path_of(10)));
    if (std::string(when) != "goes on") on.sgd.set_lr(0.1);
    ASSERT_TRUE(on.trainer->run());
    EXPECT_EQ(fourth->steps(), (std::vector<std::int64_t>{5, 10, 15})) << when;
  }
  // Until something is saved nothing goes.
  auto fifth = saving(0);
  Parts stopped({.on_progress = [](const Progress&) { return false; }, .callbacks = {fifth}});
  ASSERT_FALSE(stopped.trainer->run());
  EXPECT_EQ(fifth->steps(), (std::vector<std::int64_t>{5, 10, 15}));
}

}  // namespace
}  // namespace ingot::train
