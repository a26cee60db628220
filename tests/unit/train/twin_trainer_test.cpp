// Training on another device: the cpu's bits, and a checkpoint made on one device goes on on the
// other, with its random numbers, its schedule and its place in the data.
#include <ingot/train/trainer.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/io/safetensors.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "support/scratch_folder.h"
#include "support/twin_scope.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;
using test::kTwin;

std::shared_ptr<const data::Dataset> samples(std::int64_t count) {
  Generator generator(1);
  return std::make_shared<data::TensorDataset>(
      randn({count, 2, 6, 6}, {}, &generator),
      randint(0, 3, {count}, {.dtype = int64}, &generator));
}

struct Net : nn::Module {
  nn::Conv2d conv{*this, "conv", 2, 4, 3};
  nn::BatchNorm2d norm{*this, "norm", 4};
  nn::Dropout dropout{*this, "dropout", 0.5};
  nn::Linear head{*this, "head", 4 * 4 * 4, 3};
  Tensor forward(const Tensor& x) override {
    return head(dropout(norm(conv(x)).relu().flatten(1)));
  }
};

constexpr std::int64_t kBatches = 4;

struct Parts {
  bool seeded = (manual_seed(5), true);  // before the weights are drawn
  Net net;
  optim::AdamW adam{net.parameters(), {.lr = 0.01}};
  optim::CosineAnnealingLR schedule{adam, {.t_max = 2 * kBatches}};
  data::DataLoader train{samples(22), {.batch_size = 6, .shuffle = true, .workers = 2, .seed = 3}};
  data::DataLoader test{samples(10), {.batch_size = 4}};
  Trainer trainer;

  /// Stops after that many batches, if not 0.
  explicit Parts(Device device, int stop_after = 0)
      : trainer((net.to(device), net), adam, train, test,
                {.epochs = 2,
                 .device = device,
                 .scheduler = &schedule,
                 .scheduler_steps = 2 * kBatches,
                 .clip_grad_norm = 1,
                 .on_progress = [stop_after, seen = 0](const Progress&) mutable {
                   return ++seen != stop_after;
                 }}) {}

  std::string bytes() const {
    std::string all;
    for (const StateDict& dict : {net.state_dict(), adam.state_dict()})
      for (const auto& [name, tensor] : dict) {
        const HostArray host = tensor.to_host();
        all += name + ":" + std::string(static_cast<const char*>(host.data()), host.nbytes()) + ";";
      }
    for (const MetricsRow& row : trainer.history())
      all += std::to_string(row.train_loss) + " " + std::to_string(row.lr) + ";";
    return all;
  }
};

TwinOptions slow() {
  TwinOptions o;
  o.max_delay_us = 20;
  return o;
}

TEST(TwinTrainer, GivesTheCpusBits) {
  Parts here{Device()};
  ASSERT_TRUE(here.trainer.run());
  const test::TwinScope twin(slow());
  Parts there(kTwin);
  ASSERT_TRUE(there.trainer.run());
  EXPECT_EQ(there.bytes(), here.bytes());
  for (const auto& [name, tensor] : there.net.state_dict()) EXPECT_EQ(tensor.device(), kTwin);
}

TEST(TwinTrainer, ARunGoesOnOnAnotherDevice) {
  const test::TwinScope twin(slow());
  Parts whole{Device()};
  ASSERT_TRUE(whole.trainer.run());
  const ScratchFolder folder;
  for (const auto& [from, to] :
       {std::pair(Device(), kTwin), std::pair(kTwin, Device()), std::pair(kTwin, kTwin)})
    for (const int stop : {1, 3, 6, 9}) {  // also in the middle of the first test
      SCOPED_TRACE(from.str() + " to " + to.str() + " after " + std::to_string(stop) + " batches");
      {
        Parts first(from, stop);
        ASSERT_FALSE(first.trainer.run());
        first.trainer.checkpoint().save(folder / "checkpoint");
      }
      // Read onto any device, as map_location does.
      for (const Device read : {Device(), kTwin}) {
        Parts second(to);
        second.trainer.restore(Checkpoint::load(folder / "checkpoint", read));
        ASSERT_TRUE(second.trainer.run());
        EXPECT_EQ(second.bytes(), whole.bytes()) << "read onto " << read;
        for (const Tensor& p : second.net.parameters()) EXPECT_EQ(p.device(), to);
      }
    }
}

// A device that fails once: the training loop throws, and what was saved before is whole.
TEST(TwinTrainer, AFailureIsThrownAndTheCheckpointGoesOn) {
  Parts whole{Device()};
  ASSERT_TRUE(whole.trainer.run());
  TwinOptions failing = slow();
  const test::TwinScope twin(failing);
  const ScratchFolder folder;
  {
    Parts first(kTwin, 3);
    ASSERT_FALSE(first.trainer.run());
    first.trainer.checkpoint().save(folder / "checkpoint");
  }
  for (const std::int64_t at : {0, 7, 40, 150}) {
    Parts second(kTwin);
    second.trainer.restore(Checkpoint::load(folder / "checkpoint"));
    failing.fail_at = at;
    twin->configure(failing);
    EXPECT_THROW(second.trainer.run(), InternalError) << at;
    twin->configure(slow());
    second.trainer.restore(Checkpoint::load(folder / "checkpoint"));
    ASSERT_TRUE(second.trainer.run());
    EXPECT_EQ(second.bytes(), whole.bytes()) << at;
  }
}

// Files hold values, not devices.
TEST(TwinTrainer, StateDictsAreReadOntoAnyDevice) {
  const test::TwinScope twin(slow());
  const ScratchFolder folder;
  const Tensor there = (randn({3, 4}) * 2).to(kTwin);
  save({{"t", there}, {"turned", there.t()}}, folder / "dict.safetensors");
  for (const Device device : {Device(), kTwin}) {
    const StateDict dict = load(folder / "dict.safetensors", device);
    EXPECT_EQ(dict.at("t").device(), device);
    EXPECT_EQ(dict.at("t").to_vector<float>(), there.to_vector<float>());
    EXPECT_EQ(dict.at("turned").to_vector<float>(), there.t().to_vector<float>());
  }
}

}  // namespace
}  // namespace ingot::train
