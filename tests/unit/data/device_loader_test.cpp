// Loaders that deliver on a device or in pinned memory.
#include <ingot/data/data_loader.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/core/stream.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "backend/device_allocator.h"
#include "core/record.h"
#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot::data {
namespace {

using test::kTwin;
using test::message_of;
using test::settle_all;
using test::slow_twin;
using test::TwinScope;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t kWidth = 1000;

/// Sample i is (i, …, i) and 10 i; it throws for `broken`, and says how many were asked for.
class Rows final : public Dataset {
 public:
  explicit Rows(std::int64_t size, std::int64_t broken = -1) : size_(size), broken_(broken) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey& key) const override {
    ++*asked_;
    if (key.index == broken_) throw IoError("row " + std::to_string(key.index) + " is damaged");
    const std::vector<float> row(kWidth, static_cast<float>(key.index));
    return {from_vector(row, {kWidth}), 10 * key.index};
  }
  std::shared_ptr<std::atomic<int>> asked() const { return asked_; }

 private:
  std::int64_t size_, broken_;
  std::shared_ptr<std::atomic<int>> asked_ = std::make_shared<std::atomic<int>>(0);
};

Numbers checked(const Batch& batch) {
  const Numbers targets = batch.targets().to_vector<std::int64_t>();
  const std::vector<float> inputs = batch.inputs().to_vector<float>();
  EXPECT_EQ(inputs.size(), targets.size() * kWidth);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i] * 10 != static_cast<float>(targets[i / kWidth])) {
      ADD_FAILURE() << "element " << i << " is " << inputs[i];
      break;
    }
  Numbers indices = targets;
  for (auto& n : indices) n /= 10;
  return indices;
}

Numbers counted(std::int64_t n) {
  Numbers all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(i);
  return all;
}

TwinOptions synchronous() {
  TwinOptions o;
  o.async = false;
  return o;
}

class DeviceLoader : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Workers, DeviceLoader, testing::Values(0, 1, 3),
                         [](const auto& test) { return std::to_string(test.param); });

TEST_P(DeviceLoader, BatchesArriveThere) {
  for (const TwinOptions& options : {synchronous(), slow_twin(200)}) {
    const TwinScope twin(options);
    DataLoader loader{Rows(23), {.batch_size = 4, .workers = GetParam(), .device = kTwin}};
    for (int epoch = 0; epoch < 2; ++epoch) {
      Numbers seen;
      std::vector<Batch> kept;
      for (const Batch& batch : loader) {
        EXPECT_EQ(batch.inputs().device(), kTwin);
        EXPECT_EQ(batch.targets().device(), kTwin);
        EXPECT_TRUE(batch.inputs().is_evaluated());
        kept.push_back(batch);
      }
      for (const Batch& batch : kept)
        for (const std::int64_t i : checked(batch)) seen.push_back(i);
      EXPECT_EQ(seen, counted(23));
    }
  }
}

// What a worker has ready is sent ahead; nobody waits for what is not.
TEST_P(DeviceLoader, TheNextBatchIsOnItsWayIfItIsReady) {
  const TwinScope twin(slow_twin(5000));
  bool ahead = false;
  for (int attempt = 0; attempt < 200 && !ahead; ++attempt) {
    const Rows rows(12);
    DataLoader loader{rows, {.batch_size = 4, .workers = GetParam(), .device = kTwin}};
    std::uint64_t before = twin->stream()->submitted();
    auto it = loader.begin();
    EXPECT_GE(twin->stream()->submitted(), before + 2);  // a batch is two tensors
    EXPECT_EQ(loader.position(), (LoaderPosition{0, 1})) << "only what was delivered counts";
    if (GetParam() == 0) {
      EXPECT_EQ(*rows.asked(), 4) << "the second batch was made before the first was delivered";
      EXPECT_EQ(twin->stream()->submitted(), before + 2);
    } else {
      while (*rows.asked() < 12) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    before = twin->stream()->submitted();
    ++it;
    EXPECT_EQ(loader.position(), (LoaderPosition{0, 2}));
    EXPECT_EQ(checked(*it), (Numbers{4, 5, 6, 7}));
    const std::uint64_t second = twin->stream()->submitted();
    ++it;  // the third was on its way while the second was used
    ahead = GetParam() == 0 || twin->stream()->submitted() == second;
    EXPECT_EQ(checked(*it), (Numbers{8, 9, 10, 11}));
  }
  EXPECT_TRUE(ahead);
}

// A batch is delivered while the worker still makes the one behind it.
TEST(DeviceLoaderOrder, ABatchDoesNotWaitForTheNext) {
  class Gated final : public Dataset {
   public:
    std::int64_t size() const override { return 2; }
    Sample get(const SampleKey& key) const override {
      while (key.index == 1 && !*open) std::this_thread::yield();
      return {key.index, key.index};
    }
    std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(false);
  };
  const TwinScope twin;
  const Gated gated;
  DataLoader loader{gated, {.batch_size = 1, .workers = 1, .device = kTwin}};
  auto it = loader.begin();  // would wait for ever
  EXPECT_EQ(it->inputs().item<std::int64_t>(), 0);
  *gated.open = true;
  ++it;
  EXPECT_EQ(it->inputs().item<std::int64_t>(), 1);
}

// What fails in a training step is told by the next step, not by the loader, and costs no batch.
TEST_P(DeviceLoader, AStepsErrorIsNotTheLoaders) {
  for (const std::int64_t at : {3, 6, 9, 12}) {
    SCOPED_TRACE("failure at " + std::to_string(at));
    TwinOptions failing = slow_twin(20);
    failing.fail_at = at;
    const TwinScope twin(failing);
    DataLoader loader{Rows(32), {.batch_size = 4, .workers = GetParam(), .device = kTwin}};
    Numbers seen;
    int told = 0;
    Tensor sum = zeros({}, {.device = kTwin}).eval();
    for (const Batch& batch : loader) {
      try {
        sum = sum + batch.inputs().sum();
        eval({sum});
      } catch (const InternalError&) {
        ++told;
      }
      seen.push_back(batch.samples());
    }
    try {
      synchronize(kTwin);
    } catch (const InternalError&) {
      ++told;
    }
    EXPECT_EQ(seen, Numbers(8, 4));
    EXPECT_EQ(loader.position(), (LoaderPosition{1, 0}));
    EXPECT_EQ(told, 1);
    EXPECT_EQ(sum.item<float>(), kWidth * 31 * 16.0f);
  }
}

TEST_P(DeviceLoader, TwoBatchesAreOnTheDeviceAtMost) {
  const TwinScope twin(synchronous());
  settle_all();
  empty_cache(kTwin);
  const std::size_t before = memory_allocated(kTwin), pinned = pinned_memory_allocated(kTwin);
  const std::size_t waiting = record_state().pinned_nbytes;
  reset_peak_memory_stats(kTwin);
  const std::uint64_t blocks = twin->pinned_memory()->figures().fresh_blocks;
  {
    DataLoader loader{Rows(400), {.batch_size = 8, .workers = GetParam(), .device = kTwin}};
    for (const Batch& batch : loader) EXPECT_EQ(batch.inputs().size(0), 8);
  }
  constexpr std::size_t kBatch = 8 * kWidth * sizeof(float) + 8 * sizeof(std::int64_t);
  EXPECT_LE(max_memory_allocated(kTwin) - before, 2 * 5 * kBatch / 4);  // by size classes
  EXPECT_EQ(memory_allocated(kTwin), before);
  // The staging goes round: 50 batches have two blocks each. Workers are 2 batches ahead each.
  EXPECT_EQ(pinned_memory_allocated(kTwin), pinned);
  EXPECT_LE(twin->pinned_memory()->figures().fresh_blocks - blocks,
            2u * (2u * static_cast<unsigned>(std::max(GetParam(), 1)) + 3u));
  // Without workers the data set's own tensors count here.
  EXPECT_EQ(record_state().pinned_nbytes, GetParam() == 0 ? 400 * kWidth * sizeof(float) : waiting);
  empty_cache(kTwin);
  EXPECT_EQ(pinned_memory_cached(kTwin), 0u);
}

TEST_P(DeviceLoader, ErrorsOfTheDataComeWhereTheyWould) {
  const TwinScope twin(slow_twin(100));
  DataLoader loader{Rows(12, 9), {.batch_size = 4, .workers = GetParam(), .device = kTwin}};
  for (int pass = 0; pass < 2; ++pass) {
    Numbers seen;
    const std::string text = message_of<IoError>([&] {
      for (const Batch& batch : loader)
        for (const std::int64_t i : checked(batch)) seen.push_back(i);
    });
    EXPECT_NE(text.find("row 9 is damaged"), std::string::npos) << text;
    EXPECT_EQ(seen, counted(8));
    EXPECT_EQ(loader.position().batch, 2);
    loader.set_position({0, 0});
  }
}

// Position and what was skipped are those of the batches delivered, as without a device.
TEST_P(DeviceLoader, SkipsAndCountsAsOnTheCpu) {
  const TwinScope twin(synchronous());
  const auto trace = [&](std::optional<Device> device) {
    DataLoader loader{
        Rows(9, 4),
        {.batch_size = 1, .workers = GetParam(), .on_error = OnError::Skip, .device = device}};
    std::vector<std::int64_t> all;
    for (const Batch& batch : loader) {
      all.push_back(checked(batch).front());
      all.push_back(loader.position().batch);
      all.push_back(static_cast<std::int64_t>(loader.position().epoch));
      all.push_back(static_cast<std::int64_t>(loader.skipped().size()));
    }
    return all;
  };
  EXPECT_EQ(trace(kTwin), trace(std::nullopt));
  DataLoader nothing{Rows(1, 0),
                     {.workers = GetParam(), .on_error = OnError::Skip, .device = kTwin}};
  EXPECT_THROW(nothing.begin(), IoError);
}

TEST_P(DeviceLoader, MayBeLeftAtAnyTime) {
  const TwinScope twin(slow_twin(2000));
  settle_all();
  const std::size_t before = memory_allocated(kTwin), pinned = pinned_memory_allocated(kTwin);
  for (int stop = 0; stop < 4; ++stop) {
    DataLoader loader{Rows(64), {.batch_size = 8, .workers = GetParam(), .device = kTwin}};
    int batches = 0;
    for (const Batch& batch : loader) {
      EXPECT_EQ(batch.inputs().size(0), 8);
      if (++batches > stop) break;
    }
    if (stop % 2 == 1) {
      EXPECT_EQ(checked(*loader.begin()).size(), 8u);  // a new pass
    }
  }
  settle_all();
  EXPECT_EQ(memory_allocated(kTwin), before);
  EXPECT_EQ(pinned_memory_allocated(kTwin), pinned);
}

// Where two batches have no room on the device, one has.
TEST_P(DeviceLoader, ManagesWithoutRoomForTwo) {
  settle_all();
  empty_cache(kTwin);
  TwinOptions small = synchronous();
  small.memory_nbytes = std::size_t{3} << 19;  // 1.5 MiB, and what is there already
  const TwinScope twin(small);
  small.memory_nbytes += memory_allocated(kTwin);
  twin->configure(small);
  DataLoader loader{Rows(1024), {.batch_size = 256, .workers = GetParam(), .device = kTwin}};
  Numbers seen;
  for (const Batch& batch : loader)
    for (const std::int64_t i : checked({batch.inputs().cpu(), batch.targets()})) seen.push_back(i);
  EXPECT_EQ(seen, counted(1024));
}

TEST_P(DeviceLoader, OutOfMemoryLeavesItUsable) {
  settle_all();
  empty_cache(kTwin);
  TwinOptions small = synchronous();
  small.memory_nbytes = memory_allocated(kTwin) + (std::size_t{1} << 19);
  const TwinScope twin(small);
  DataLoader loader{Rows(512), {.batch_size = 256, .workers = GetParam(), .device = kTwin}};
  EXPECT_NE(message_of<OutOfMemoryError>([&] { loader.begin(); }).find("twin:0"),
            std::string::npos);
  EXPECT_EQ(loader.position(), (LoaderPosition{0, 0}));
  twin->configure(synchronous());
  Numbers seen;
  for (const Batch& batch : loader)
    for (const std::int64_t i : checked(batch)) seen.push_back(i);
  EXPECT_EQ(seen, counted(512));
}

// Wherever the device fails, somebody is told once, and no batch is lost.
TEST_P(DeviceLoader, AFailingDeviceLosesNothing) {
  int failures = 0;
  for (std::int64_t at = 0; at < 16; ++at) {
    TwinOptions failing = slow_twin(20);
    failing.fail_at = at;
    const TwinScope twin(failing);
    DataLoader loader{Rows(16), {.batch_size = 4, .workers = GetParam(), .device = kTwin}};
    Numbers seen;
    bool failed = false;
    while (true) {
      const LoaderPosition before = loader.position();
      if (before.epoch > 0) break;
      try {
        for (const Batch& batch : loader) {
          const Numbers indices = [&] {
            try {
              return checked(batch);
            } catch (const InternalError&) {  // told here; now it is computed anew
              EXPECT_FALSE(failed) << "told twice";
              failed = true;
              return checked(batch);
            }
          }();
          seen.insert(seen.end(), indices.begin(), indices.end());
        }
        eval();  // tells what the loader met and did not tell
      } catch (const InternalError& e) {
        EXPECT_NE(std::string(e.what()).find("told to fail"), std::string::npos) << e.what();
        EXPECT_FALSE(failed) << "told twice";
        failed = true;
        loader.set_position(loader.position());
      }
    }
    EXPECT_EQ(seen, counted(16)) << "failure at " << at;
    failures += failed;
  }
  EXPECT_EQ(failures, 16);
}

TEST_P(DeviceLoader, TakesBatchesOfOnesOwnCollate) {
  const TwinScope twin(slow_twin(50));
  DataLoader loader{Rows(8),
                    {.batch_size = 4,
                     .workers = GetParam(),
                     .collate =
                         [](const std::vector<Sample>& samples) {
                           const Batch batch = default_collate(samples);
                           return Batch{batch.inputs() * 2, {}};
                         },
                     .device = kTwin}};
  float next = 0;
  for (const Batch& batch : loader) {
    EXPECT_EQ(batch.inputs().device(), kTwin);
    EXPECT_FALSE(batch.targets().defined());
    EXPECT_EQ(batch.inputs().select(0, 0).amax().item<float>(), 2 * next);
    next += 4;
  }
  EXPECT_EQ(next, 8);
}

TEST_P(DeviceLoader, PinnedBatches) {
  const TwinScope twin;
  for (const bool own : {false, true}) {
    LoaderOptions options{.batch_size = 3, .workers = GetParam(), .pin_memory = true};
    if (own) options.collate = default_collate;
    DataLoader loader{Rows(9), options};
    Numbers seen;
    for (const Batch& batch : loader) {
      EXPECT_EQ(batch.inputs().device(), Device{});
      EXPECT_TRUE(batch.inputs().is_pinned());
      EXPECT_TRUE(batch.targets().is_pinned());
      const Batch there{batch.inputs().to(kTwin, true), batch.targets().to(kTwin, true)};
      for (const std::int64_t i : checked(there)) seen.push_back(i);
    }
    EXPECT_EQ(seen, counted(9));
  }
}

TEST(DeviceLoaderOptions, TheCpuIsADeviceAndOthersMustBeThere) {
  const TwinScope twin;
  DataLoader loader{Rows(2), {.batch_size = 2, .device = Device{}}};
  const Batch batch = *loader.begin();
  EXPECT_EQ(batch.inputs().device(), Device{});
  EXPECT_EQ(checked(batch), counted(2));
  EXPECT_THROW((DataLoader{Rows(2), {.device = "cuda:3"}}), DeviceError);
}

TEST(DeviceLoaderOptions, SeveralLoadersAtOnce) {
  const TwinScope twin(slow_twin(30));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      DataLoader loader{Rows(40), {.batch_size = 4, .workers = t % 2 + 1, .device = kTwin}};
      Numbers seen;
      for (const Batch& batch : loader) {
        const Tensor doubled = batch.inputs() * 2;
        if (doubled.amax().item<float>() !=
            static_cast<float>(batch.targets().amax().item<std::int64_t>()) / 5)
          ++wrong;
        for (const std::int64_t i : checked(batch)) seen.push_back(i);
      }
      if (seen != counted(40)) ++wrong;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ingot::data
