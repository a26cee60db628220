// What a Trainer does besides plain passes: accumulation, steps in place of epochs, averages,
// callbacks, checkpoints; and that a run may be stopped at any batch of all that.
#include <ingot/train/trainer.h>

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/io/safetensors.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/optim/optim.h>
#include <ingot/train/lr_finder.h>

#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/twin_scope.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;
using test::kTwin;
using test::message_of;

constexpr std::int64_t kBatches = 5;

std::shared_ptr<const data::Dataset> samples(std::int64_t count) {
  Generator generator(1);
  return std::make_shared<data::TensorDataset>(
      randn({count, 4}, {}, &generator), randint(0, 3, {count}, {.dtype = int64}, &generator));
}

struct Net : nn::Module {
  nn::Linear first{*this, "first", 4, 6};
  nn::Dropout dropout{*this, "dropout", 0.25};
  nn::Linear head{*this, "head", 6, 3};
  Tensor forward(const Tensor& x) override { return head(dropout(first(x).relu())); }
};

/// 18 samples in 5 batches, the last one smaller.
struct Parts {
  explicit Parts(TrainerOptions options, bool validated = true)
      : trainer(validated ? std::make_unique<Trainer>((net.to(options.device), net), adam, train,
                                                      validation, options)
                          : std::make_unique<Trainer>((net.to(options.device), net), adam, train,
                                                      options)) {}
  bool seeded = (manual_seed(5), true);  // before the weights are drawn
  Net net;
  optim::AdamW adam{net.parameters(), {.lr = 0.02}};
  data::DataLoader train{samples(18), {.batch_size = 4, .shuffle = true, .seed = 3}};
  data::DataLoader validation{samples(18), {.batch_size = 6}};
  std::unique_ptr<Trainer> trainer;

  /// Weights, the optimizer's state, averages and all lines but for times.
  std::string bytes() const {
    std::string all;
    for (const StateDict& dict : {net.state_dict(), adam.state_dict(), trainer->average()})
      for (const auto& [name, tensor] : dict) {
        const HostArray host = tensor.to_host();
        all += name + ":" + std::string(static_cast<const char*>(host.data()), host.nbytes()) + ";";
      }
    for (MetricsRow row : trainer->history()) {
      row.seconds = row.images_per_second = 0;
      all += to_json(row) + "\n";
    }
    return all;
  }
};

std::vector<std::int64_t> measured_steps(const Trainer& trainer) {
  std::vector<std::int64_t> steps;
  for (const MetricsRow& row : trainer.history())
    if (row.measured()) steps.push_back(row.step);
  return steps;
}

/// Counts every event, and what it saw of the run.
struct Recorder : Callback {
  std::string events;
  void on_train_begin(Trainer&) override { events += "["; }
  void on_train_end(Trainer&) override { events += "]"; }
  void on_epoch_begin(Trainer&) override { events += "("; }
  void on_epoch_end(Trainer&) override { events += ")"; }
  void on_batch_begin(Trainer&, data::Batch&) override { events += "b"; }
  void on_loss(Trainer&, const data::Batch&, const Tensor&, Tensor&) override { events += "l"; }
  void on_batch_end(Trainer&, const Progress&) override { events += "B"; }
  void on_before_step(Trainer&) override { events += "s"; }
  void on_step_end(Trainer&) override { events += "S"; }
  void on_evaluate(Trainer&, const Evaluation&) override { events += "E"; }
  void on_log(Trainer&, const MetricsRow&) override { events += "L"; }
  void on_save(Trainer&) override { events += "C"; }
};

TEST(TrainerFeatures, EveryEventComesInItsPlace) {
  const auto recorder = std::make_shared<Recorder>();
  Parts p({.accumulate = 2, .log_steps = 2, .callbacks = {recorder}});
  ASSERT_TRUE(p.trainer->run());
  EXPECT_EQ(recorder->events, "[(blBblsSBblBblsSLBblsSBELC)]");
  EXPECT_EQ(p.trainer->step(), 3) << "the last step of an epoch has what is left";
}

// Two batches of four are the batch of eight: the same gradients, but for rounding.
TEST(TrainerFeatures, AccumulatedGradientsAreThoseOfOneBatch) {
  const auto train = [](std::int64_t batch, std::int64_t accumulate) {
    manual_seed(5);
    nn::Linear net(4, 3);
    optim::SGD sgd(net.parameters(), {.lr = 0.5});
    data::DataLoader loader{samples(18), {.batch_size = batch}};
    Trainer trainer(net, sgd, loader, {.epochs = 2, .accumulate = accumulate});
    trainer.run();
    EXPECT_EQ(trainer.step(), 2 * ((18 + batch * accumulate - 1) / (batch * accumulate)));
    return net.weight.to_vector<float>();
  };
  // 18 = 8 + 8 + 2 and (4 + 4) + (4 + 4) + 2; 12 + 6 and (4 + 4 + 4) + (4 + 2).
  for (const auto& [whole, parts] : {std::pair(8, 2), {12, 3}, {20, 5}}) {
    const auto a = train(whole, 1), b = train(4, parts);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-6) << whole;
  }
}

// Of tokens, each counts as much, however many a batch has.
TEST(TrainerFeatures, AccumulationCountsTokens) {
  const auto train = [](std::int64_t batch, std::int64_t accumulate) {
    manual_seed(5);
    nn::Linear net(4, 3);
    optim::SGD sgd(net.parameters(), {.lr = 0.5});
    Generator generator(1);
    const Tensor labels = tensor({{0, -100, -100}, {1, 2, 0}, {-100, -100, -100}, {2, -100, 1}});
    data::DataLoader loader{data::TensorDataset(randn({4, 3, 4}, {}, &generator), labels),
                            {.batch_size = batch}};
    Trainer trainer(
        net, sgd, loader,
        {.epochs = 2, .task = std::make_shared<TokenClassification>(3), .accumulate = accumulate});
    trainer.run();
    EXPECT_EQ(trainer.step(), 2);
    return net.weight.to_vector<float>();
  };
  const auto a = train(4, 1), b = train(1, 4);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2e-6);
}

/// Everything at once that has a state.
TrainerOptions everything(Device device) {
  return {.epochs = 2,
          .device = device,
          .accumulate = 2,
          .evaluate_every = {.steps = 2, .epochs = 1},
          .log_steps = 1,
          .clip_grad_norm = 1,
          .clip_grad_value = 0.5,
          .ema_decay = 0.8};
}

void stop_everywhere(Device device, int stride) {
  Parts whole(everything(device));
  ASSERT_TRUE(whole.trainer->run());
  const std::string bytes = whole.bytes();
  EXPECT_EQ(measured_steps(*whole.trainer), (std::vector<std::int64_t>{2, 3, 4, 6}));
  const ScratchFolder folder;
  // 10 batches of training and 4 times 3 of measuring.
  for (int stop = 1; stop < 10 + 12; stop += stride) {
    SCOPED_TRACE("stopped after " + std::to_string(stop) + " batches");
    {
      TrainerOptions options = everything(device);
      int batches = 0;
      options.on_progress = [&](const Progress&) { return ++batches != stop; };
      Parts first(options);
      ASSERT_FALSE(first.trainer->run());
      first.trainer->checkpoint().save(folder / "c");
    }
    manual_seed(999);  // must not matter
    Parts second(everything(device));
    second.trainer->restore(Checkpoint::load(folder / "c"));
    ASSERT_TRUE(second.trainer->run());
    ASSERT_EQ(second.bytes(), bytes);
  }
}

TEST(TrainerFeatures, StoppedAnywhereItArrivesAtTheSameBits) { stop_everywhere(Device(), 1); }

TEST(TrainerFeatures, AlsoOnADevice) {
  TwinOptions slow;
  slow.max_delay_us = 20;
  const test::TwinScope twin(slow);
  stop_everywhere(kTwin, 4);
  Parts here(everything(Device()));
  here.trainer->run();
  Parts there(everything(kTwin));
  there.trainer->run();
  EXPECT_EQ(there.bytes(), here.bytes());
}

TEST(TrainerFeatures, StepsMayEndTheRun) {
  for (const std::int64_t steps : {1, 3, 5, 7, 10}) {
    const auto recorder = std::make_shared<Recorder>();
    Parts p({.max_steps = steps, .callbacks = {recorder}});
    ASSERT_TRUE(p.trainer->run());
    EXPECT_EQ(p.trainer->step(), steps);
    EXPECT_EQ(p.trainer->epochs_done(), steps / kBatches);
    EXPECT_EQ(measured_steps(*p.trainer).back(), steps);
    EXPECT_EQ(measured_steps(*p.trainer).size(), static_cast<std::size_t>((steps + 4) / 5));
    EXPECT_TRUE(recorder->events.ends_with("C]") || recorder->events.ends_with("C)]"))
        << recorder->events;
    EXPECT_TRUE(p.trainer->run()) << "nothing is left to do";
    EXPECT_EQ(p.trainer->step(), steps);
  }
  // Also when it is stopped in the last measurement.
  int batches = 0;
  Parts first({.max_steps = 2, .on_progress = [&](const Progress&) { return ++batches != 4; }});
  EXPECT_FALSE(first.trainer->run());
  Parts second({.max_steps = 2});
  second.trainer->restore(first.trainer->checkpoint());
  EXPECT_TRUE(second.trainer->run());
  EXPECT_EQ(measured_steps(*second.trainer), (std::vector<std::int64_t>{2}));
}

TEST(TrainerFeatures, MeasurementsAreMadeWhenTheyAreDue) {
  const auto steps = [](Every every, std::int64_t epochs = 4) {
    Parts p({.epochs = epochs, .evaluate_every = every});
    p.trainer->run();
    return measured_steps(*p.trainer);
  };
  using Steps = std::vector<std::int64_t>;
  EXPECT_EQ(steps({.epochs = 1}), (Steps{5, 10, 15, 20}));
  EXPECT_EQ(steps({.epochs = 2}), (Steps{10, 20}));
  EXPECT_EQ(steps({.steps = 3}), (Steps{3, 6, 9, 12, 15, 18}));
  EXPECT_EQ(steps({.steps = 10, .epochs = 1}, 2), (Steps{5, 10}));
  EXPECT_EQ(steps({}), Steps());
}

TEST(TrainerFeatures, RunsWithoutValidation) {
  Parts p({.epochs = 2}, false);
  ASSERT_TRUE(p.trainer->run());
  EXPECT_EQ(p.trainer->epochs_done(), 2);
  EXPECT_TRUE(p.trainer->history().back().ends_epoch());
  EXPECT_FALSE(p.trainer->history().back().measured());
  Parts measured({.epochs = 2});
  measured.trainer->run();
  for (const auto& [name, t] : p.net.state_dict())
    EXPECT_EQ(t.to_vector<float>(), measured.net.state_dict().at(name).to_vector<float>()) << name;
  EXPECT_THROW(Parts({.early_stopping = 1}, false), ValueError);
  EXPECT_NO_THROW(Parts({.monitor = {"train_loss"}, .early_stopping = 1}, false));
}

TEST(TrainerFeatures, AveragesAreMeasuredAndKept) {
  std::vector<float> average;  // computed beside the run, by the formula
  struct Follow : Callback {
    explicit Follow(std::vector<float>& list) : list_(list) {}
    void on_before_step(Trainer& t) override {
      if (list_.empty()) list_ = t.model().parameters()[0].to_vector<float>();
    }
    void on_step_end(Trainer& t) override {
      const auto now = t.model().parameters()[0].to_vector<float>();
      for (std::size_t i = 0; i < now.size(); ++i)
        list_[i] = static_cast<float>(0.9 * list_[i] + 0.1 * now[i]);
    }
    std::vector<float>& list_;
  };
  Parts p({.epochs = 2, .ema_decay = 0.9, .callbacks = {std::make_shared<Follow>(average)}});
  p.trainer->run();
  const auto kept = p.trainer->average().at("first.weight").to_vector<float>();
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_NEAR(kept[i], average[i], 1e-6);
  // The run itself is as without averages, and what was measured are the averages.
  Parts plain({.epochs = 2});
  plain.trainer->run();
  EXPECT_EQ(p.net.head.weight.to_vector<float>(), plain.net.head.weight.to_vector<float>());
  const double measured = *p.trainer->history().back().val_loss;
  p.net.load_state_dict(p.trainer->average());
  EXPECT_EQ(evaluate(p.net, p.validation, Device()).loss(), measured);
  EXPECT_NE(measured, *plain.trainer->history().back().val_loss);
}

TEST(TrainerFeatures, CallbacksMayChangeWhatIsTrained) {
  struct Change : Callback {
    void on_batch_begin(Trainer&, data::Batch& batch) override {
      batch.set("targets", zeros_like(batch.targets()));
    }
    void on_loss(Trainer&, const data::Batch&, const Tensor&, Tensor& loss) override {
      loss = loss * 0 + 7;
    }
    void on_before_step(Trainer& t) override { t.optimizer().set_lr(0.25); }
    void on_batch_end(Trainer& t, const Progress& p) override {
      if (p.batch == 3) t.stop();
    }
    void on_evaluate(Trainer&, const Evaluation& e) override {
      ++evaluations, loss_seen = e.loss();
    }
    int evaluations = 0;
    double loss_seen = 0;
  };
  const auto change = std::make_shared<Change>();
  Parts p({.log_steps = 1, .callbacks = {change}});
  EXPECT_FALSE(p.trainer->run());
  EXPECT_EQ(p.trainer->step(), 3);
  for (const MetricsRow& row : p.trainer->history()) {
    EXPECT_EQ(row.train_loss, 7);
    EXPECT_EQ(row.lr, 0.25);
  }
  EXPECT_TRUE(p.trainer->run());
  EXPECT_EQ(change->evaluations, 1);
  EXPECT_EQ(change->loss_seen, *p.trainer->history().back().val_loss);
}

TEST(TrainerFeatures, CallbacksStatesAreSaved) {
  struct Count : Callback {
    void on_batch_begin(Trainer&, data::Batch&) override { ++count; }
    std::string state() const override { return std::to_string(count); }
    void set_state(const std::string& text) override { count = std::stoi(text); }
    int count = 0;
  };
  const auto first = std::make_shared<Count>(), second = std::make_shared<Count>();
  int batches = 0;
  Parts a({.on_progress = [&](const Progress&) { return ++batches != 3; }, .callbacks = {first}});
  a.trainer->run();
  Parts b({.callbacks = {second}});
  b.trainer->restore(a.trainer->checkpoint());
  b.trainer->run();
  EXPECT_EQ(second->count, kBatches);
  Parts none({});
  EXPECT_THROW(none.trainer->restore(a.trainer->checkpoint()), ValueError);
}

TEST(TrainerFeatures, EarlyStoppingWantsRealImprovement) {
  const auto epochs = [](double min_delta) {
    Parts p({.epochs = 30, .monitor = {"train_loss"}, .early_stopping = 2, .min_delta = min_delta});
    EXPECT_TRUE(p.trainer->run());
    return p.trainer->epochs_done();
  };
  EXPECT_EQ(epochs(1e9), 3) << "the first, and two that are no better by so much";
  EXPECT_GT(epochs(0), 3);
  const auto row = [](double epoch, double f1) {
    MetricsRow r;
    r.epoch = epoch;
    r.val_loss = 1;
    r.others = {{"val_f1", f1}};
    return r;
  };
  const std::vector<MetricsRow> history{row(0.5, 0.5), row(1, 0.52), row(1.5, 0.6), row(2, 0.65)};
  EXPECT_EQ(best_row(history, {"val_f1"}).row, 3u);
  EXPECT_EQ(best_row(history, {"val_f1"}, 0.07).row, 2u);
  EXPECT_EQ(best_row(history, {"val_f1"}, 0.07).since, 1);
  EXPECT_EQ(best_row(history, {"val_loss"}).row, 0u);
  EXPECT_EQ(best_row(history, {"train_loss"}).count, 2);
}

// A device works ahead of the losses, but nothing is saved or written of a run that has diverged.
TEST(TrainerFeatures, ADivergedRunSavesNothing) {
  const test::TwinScope twin;
  for (const Device device : {Device(), kTwin})
    for (const std::int64_t bad : {1, 4, 7, 10}) {
      struct Break : Callback {
        explicit Break(std::int64_t at) : at_(at) {}
        void on_loss(Trainer& t, const data::Batch&, const Tensor&, Tensor& loss) override {
          if (t.step() + 1 == at_) loss = loss * std::numeric_limits<double>::infinity();
        }
        void on_save(Trainer& t) override { saved = t.step(); }
        void on_log(Trainer& t, const MetricsRow&) override { logged = t.step(); }
        void on_step_end(Trainer& t) override { last = t.step(); }
        std::int64_t at_, saved = 0, logged = 0, last = 0;
      };
      const auto callback = std::make_shared<Break>(bad);
      Parts p({.epochs = 3,
               .device = device,
               .log_steps = 1000,
               .save_every = {.steps = 1000, .epochs = 1},
               .callbacks = {callback}});
      const std::string text = message_of<DivergedError>([&] { p.trainer->run(); });
      EXPECT_NE(text.find("step " + std::to_string(bad) + ";"), std::string::npos) << text;
      EXPECT_LT(callback->saved, bad);
      EXPECT_LT(callback->logged, bad);
      EXPECT_LE(callback->last, device == Device() ? bad : bad + 4);
    }
}

TEST(TrainerFeatures, CheckpointsAreLimitedAndTheBestStays) {
  const ScratchFolder folder;
  // Losses by hand: the second measurement is the best.
  struct Worse : Callback {
    void on_epoch_end(Trainer& t) override {
      if (t.epochs_done() == 2) best = t.model().parameters()[0].to_vector<float>();
      if (t.epochs_done() >= 2) t.optimizer().set_lr(3);
    }
    std::vector<float> best;
  };
  const auto worse = std::make_shared<Worse>();
  const auto save = std::make_shared<SaveCheckpoints>(
      folder / "run",
      SaveCheckpointsOptions{.total_limit = 2, .best = {"val_loss"}, .load_best_at_end = true});
  const auto keep = std::make_shared<KeepBest>(Metric{"val_loss"}, folder / "best");
  Parts p({.epochs = 5, .callbacks = {worse, save, keep}});
  ASSERT_TRUE(p.trainer->run());
  ASSERT_EQ(best_row(p.trainer->history(), {"val_loss"}).value,
            *p.trainer->history()[best_row(p.trainer->history(), {"val_loss"}).row].val_loss);
  ASSERT_EQ(p.trainer->history()[best_row(p.trainer->history(), {"val_loss"}).row].step, 10);
  EXPECT_EQ(save->steps(), (std::vector<std::int64_t>{10, 25}));
  EXPECT_EQ(save->latest(), folder / "run" / "checkpoint-25.safetensors");
  EXPECT_EQ(p.net.first.weight.to_vector<float>(), worse->best);
  EXPECT_EQ(ingot::load(folder / "best").at("first.weight").to_vector<float>(), worse->best);
  EXPECT_THROW(SaveCheckpoints(folder / "x", {.load_best_at_end = true}), ValueError);
  EXPECT_THROW(SaveCheckpoints(folder / "x", {.best = {"test_loss"}}), ValueError);
}

TEST(TrainerFeatures, FilesOfARun) {
  const ScratchFolder folder;
  const auto files = [&] {
    return std::vector<std::shared_ptr<Callback>>{
        std::make_shared<JsonLines>(folder / "m.jsonl"),
        std::make_shared<TensorBoard>(folder / "events"),
        std::make_shared<Curves>(folder / "c.png", "a run")};
  };
  std::vector<std::string> lines;
  auto callbacks = files();
  callbacks.push_back(
      std::make_shared<PrintProgress>(0, [&](const std::string& s) { lines.push_back(s); }));
  int batches = 0;
  Parts a({.epochs = 2,
           .on_progress = [&](const Progress&) { return ++batches != 7; },
           .callbacks = callbacks});
  ASSERT_FALSE(a.trainer->run());
  EXPECT_FALSE(lines.empty());
  Parts b({.epochs = 2, .callbacks = files()});
  b.trainer->restore(a.trainer->checkpoint());
  ASSERT_TRUE(b.trainer->run());
  std::ifstream file(folder / "m.jsonl");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count)
    EXPECT_EQ(line, to_json(b.trainer->history().at(count)));
  EXPECT_EQ(count, b.trainer->history().size());
  EXPECT_TRUE(std::filesystem::exists(folder / "c.png"));
  const auto scalars = scalars_of(b.trainer->history().back());
  ASSERT_EQ(scalars.size(), 5u);
  EXPECT_EQ(scalars[0].first, "loss/train_epoch");
  EXPECT_EQ(scalars[3].first, "accuracy/val");
}

TEST(TrainerFeatures, RefusesOptionsThatMeanNothing) {
  EXPECT_THROW(Parts({.max_steps = -1}), ValueError);
  EXPECT_THROW(Parts({.accumulate = 0}), ValueError);
  EXPECT_THROW(Parts({.evaluate_every = {.steps = -1}}), ValueError);
  EXPECT_THROW(Parts({.min_delta = -1}), ValueError);
  EXPECT_THROW(Parts({.clip_grad_value = -1}), ValueError);
  EXPECT_THROW(Parts({.ema_decay = 1}), ValueError);
  EXPECT_THROW(Parts({.callbacks = {nullptr}}), ValueError);
  EXPECT_NE(message_of<ValueError>([] {
              Parts({.monitor = {"val_f1"}, .early_stopping = 2});
            }).find("accuracy"),
            std::string::npos);
  Parts inside({.accumulate = 2, .on_progress = [](const Progress&) { return false; }});
  inside.trainer->run();
  Parts other({.accumulate = 1});
  EXPECT_THROW(other.trainer->restore(inside.trainer->checkpoint()), ValueError);
}

TEST(LearningRateFinder, FindsWhereTheLossFallsAndPutsEverythingBack) {
  Parts p({});
  p.trainer->run();
  p.train.set_position({2, 3});
  const std::string before = p.bytes();
  const auto random = default_generator().state();
  const Classification task;
  const LearningRates found =
      find_learning_rate(p.net, p.adam, p.train, task, {.start = 1e-5, .end = 100, .steps = 60});
  EXPECT_EQ(p.bytes(), before);
  EXPECT_EQ(p.train.position(), (data::LoaderPosition{2, 3}));
  EXPECT_EQ(default_generator().state().offset, random.offset);
  ASSERT_GT(found.rates.size(), 10u);
  EXPECT_EQ(found.rates.size(), found.losses.size());
  EXPECT_NEAR(found.rates[1] / found.rates[0], std::pow(1e7, 1.0 / 59), 1e-9);
  EXPECT_GT(found.steepest(), 1e-5);
  EXPECT_LT(found.steepest(), 10);
  EXPECT_GT(found.tenth_of_least(), 0);
  const LearningRates by_hand{.rates = {1, 10, 100, 1000}, .losses = {5, 4, 1, 9}};
  EXPECT_EQ(by_hand.steepest(), 100);
  EXPECT_EQ(by_hand.tenth_of_least(), 10);
  EXPECT_THROW(find_learning_rate(p.net, p.adam, p.train, task, {.start = 0}), ValueError);
}

}  // namespace
}  // namespace ingot::train
