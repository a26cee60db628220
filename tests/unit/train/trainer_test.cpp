#include <ingot/train/trainer.h>

#include <gtest/gtest.h>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/models/mlp.h>
#include <ingot/ops/random.h>
#include <ingot/optim/adam.h>

#include "support/scratch_folder.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;

constexpr std::int64_t kSamples = 70, kFeatures = 12, kClasses = 3;

/// Points of three clouds, so that there is something to learn.
std::shared_ptr<const data::Dataset> clouds(std::uint64_t seed) {
  Generator generator(seed);
  const Tensor labels = randint(0, kClasses, {kSamples}, {.dtype = int64}, &generator);
  const Tensor noise = randn({kSamples, kFeatures}, {}, &generator);
  const Tensor centres = randn({kClasses, kFeatures}, {}, &generator);
  return std::make_shared<data::TensorDataset>(noise * 0.3 + centres.index_select(0, labels),
                                               labels);
}

/// All parts of a run, made the same way each time.
struct Parts {
  explicit Parts(TrainerOptions options) {
    manual_seed(5);
    model = std::make_unique<models::Mlp>(kFeatures, kClasses, std::vector<std::int64_t>{16});
    optimizer = std::make_unique<optim::Adam>(model->parameters(), optim::AdamOptions{.lr = 0.01});
    trainer = std::make_unique<Trainer>(*model, *optimizer, train, test, std::move(options));
  }
  data::DataLoader train{clouds(1), {.batch_size = 8, .shuffle = true, .workers = 1, .seed = 3}};
  data::DataLoader test{clouds(1), {.batch_size = 32}};
  std::unique_ptr<nn::Module> model;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::unique_ptr<Trainer> trainer;
};

std::string bytes_of(const StateDict& dict) {
  std::string all;
  for (const auto& [name, tensor] : dict) {
    const HostArray host = tensor.to_host();
    all += name + ":" + std::string(static_cast<const char*>(host.data()), host.nbytes()) + ";";
  }
  return all;
}

TEST(Trainer, Learns) {
  std::vector<MetricsRow> rows;
  int saves = 0;
  Parts s({.epochs = 6,
           .on_metrics = [&](const MetricsRow& row) { rows.push_back(row); },
           .on_epoch = [&] { ++saves; }});
  EXPECT_TRUE(s.trainer->run());
  EXPECT_EQ(saves, 6);
  EXPECT_EQ(s.trainer->epochs_done(), 6);
  ASSERT_EQ(rows.size(), s.trainer->history().size());
  const MetricsRow& last = rows.back();
  EXPECT_TRUE(last.ends_epoch());
  EXPECT_EQ(last.epoch, 6);
  EXPECT_EQ(last.step, 6 * 9);
  EXPECT_GT(*last.val_accuracy, 0.9);
  EXPECT_LT(last.train_loss, rows.front().train_loss);

  const Averages again = evaluate(*s.model, s.test, Device());
  EXPECT_EQ(again.accuracy(), *last.val_accuracy);
  EXPECT_EQ(again.loss(), *last.val_loss);
  EXPECT_EQ(again.count, kSamples);
}

TEST(Trainer, ReportsProgress) {
  std::vector<Progress> seen;
  Parts s({.epochs = 1, .on_progress = [&](const Progress& p) {
             seen.push_back(p);
             return true;
           }});
  EXPECT_TRUE(s.trainer->run());
  ASSERT_EQ(seen.size(), 9u + 3u);
  EXPECT_TRUE(seen[8].training);
  EXPECT_EQ(seen[8].batch, 9);
  EXPECT_EQ(seen[8].batches, 9);
  EXPECT_EQ(seen[8].averages.count, kSamples);
  EXPECT_FALSE(seen[9].training);
  EXPECT_EQ(seen[11].averages.count, kSamples);
}

// A scheduler that steps with the optimizer stands at the next step's rate when a line is written.
TEST(Trainer, MetricsHaveTheLearningRateOfTheirStep) {
  const optim::OneCycleLROptions cycle{.max_lr = 0.1, .total_steps = 2 * 9};
  std::vector<double> rates;  // of each step
  Parts plain({});
  optim::OneCycleLR scheduler(*plain.optimizer, cycle);
  for (int i = 0; i < 2 * 9; ++i, scheduler.step()) rates.push_back(plain.optimizer->lr());

  for (const int stop : {0, 5, 9 + 1, 9 + 2, 9 + 3, 9 + 3 + 4}) {  // also inside the first test
    SCOPED_TRACE("stopped after " + std::to_string(stop) + " batches");
    std::optional<Checkpoint> checkpoint;
    std::vector<MetricsRow> rows;
    for (const bool resumed : {false, true}) {
      if (resumed && stop == 0) continue;
      Parts s({});
      optim::OneCycleLR one(*s.optimizer, cycle);
      int batches = 0;
      Trainer trainer(
          *s.model, *s.optimizer, s.train, s.test,
          {.epochs = 2,
           .scheduler = &one,
           .scheduler_steps = 2 * 9,
           .on_progress = [&](const Progress&) { return resumed || ++batches != stop; }});
      if (resumed) trainer.restore(*checkpoint);
      EXPECT_EQ(trainer.run(), resumed || stop == 0);
      checkpoint = trainer.checkpoint();
      rows = trainer.history();
    }
    ASSERT_EQ(rows.size(), 2u * 9);
    for (const MetricsRow& row : rows)
      EXPECT_EQ(row.lr, rates[static_cast<std::size_t>(row.step) - 1]) << row.step;
  }
}

// Stops after every number of batches there is (also between and inside tests), goes on from the
// file in a fresh set-up, and must arrive at the same bytes.
TEST(Trainer, StoppedAnywhereAndRestoredItArrivesAtTheSameBits) {
  Parts whole({.epochs = 2});
  ASSERT_TRUE(whole.trainer->run());
  const std::string weights = bytes_of(whole.model->state_dict());
  const std::string optimizer = bytes_of(whole.optimizer->state_dict());

  const ScratchFolder folder;
  for (int stop = 1; stop < 2 * (9 + 3); ++stop) {
    SCOPED_TRACE("stopped after " + std::to_string(stop) + " batches");
    {
      int batches = 0;
      Parts first({.epochs = 2, .on_progress = [&](const Progress&) { return ++batches != stop; }});
      ASSERT_EQ(first.trainer->run(), false);
      first.trainer->checkpoint().save(folder / "c");
    }
    manual_seed(999);  // must not matter
    Parts second({.epochs = 2});
    second.trainer->restore(Checkpoint::load(folder / "c"));
    ASSERT_TRUE(second.trainer->run());
    ASSERT_EQ(bytes_of(second.model->state_dict()), weights);
    ASSERT_EQ(bytes_of(second.optimizer->state_dict()), optimizer);
    ASSERT_EQ(second.trainer->history().size(), whole.trainer->history().size());
    for (std::size_t i = 0; i < whole.trainer->history().size(); ++i) {
      const MetricsRow &a = whole.trainer->history()[i], &b = second.trainer->history()[i];
      ASSERT_EQ(a.epoch, b.epoch);
      ASSERT_EQ(a.train_loss, b.train_loss);
      ASSERT_EQ(a.val_loss, b.val_loss);
    }
  }
}

TEST(Trainer, GoesOnInTheSameProcessAfterAStop) {
  Parts whole({.epochs = 1});
  whole.trainer->run();
  int batches = 0;
  Parts halting({.epochs = 1, .on_progress = [&](const Progress&) { return ++batches % 4 != 0; }});
  int runs = 1;
  while (!halting.trainer->run()) ++runs;
  EXPECT_GT(runs, 2);
  EXPECT_EQ(bytes_of(halting.model->state_dict()), bytes_of(whole.model->state_dict()));
}

TEST(Trainer, MoreEpochsContinueAShorterRun) {
  Parts whole({.epochs = 2});
  whole.trainer->run();
  Parts first({.epochs = 1});
  first.trainer->run();
  Parts second({.epochs = 2});
  second.trainer->restore(first.trainer->checkpoint());
  second.trainer->run();
  EXPECT_EQ(bytes_of(second.model->state_dict()), bytes_of(whole.model->state_dict()));
}

TEST(Trainer, RefusesACheckpointThatDoesNotFit) {
  Parts s({.epochs = 1});
  const std::string before = bytes_of(s.model->state_dict());
  Checkpoint checkpoint = s.trainer->checkpoint();
  checkpoint.position.batch = 10;  // of 9
  EXPECT_THROW(s.trainer->restore(checkpoint), ValueError);
  checkpoint = s.trainer->checkpoint();
  checkpoint.model.erase("layers.0.weight");
  EXPECT_THROW(s.trainer->restore(checkpoint), ValueError);
  checkpoint = s.trainer->checkpoint();
  checkpoint.extra.clear();
  EXPECT_THROW(s.trainer->restore(checkpoint), ValueError);
  checkpoint = s.trainer->checkpoint();
  checkpoint.extra.begin()->second = "{";
  EXPECT_THROW(s.trainer->restore(checkpoint), IoError);
  EXPECT_EQ(bytes_of(s.model->state_dict()), before);
}

}  // namespace
}  // namespace ingot::train
