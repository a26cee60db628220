#include <ingot/train/run_folder.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include "support/scratch_folder.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;

MetricsRow row_at(double epoch, bool ends) {
  MetricsRow row;
  row.epoch = epoch;
  row.train_loss = 1 / epoch;
  if (ends) row.test_loss = row.test_accuracy = 0.5;
  return row;
}

TEST(RunFolder, HoldsAllFilesOfARun) {
  const ScratchFolder scratch;
  RunFolder folder(scratch / "deep/run");
  EXPECT_FALSE(holds_a_run(folder.path()));
  folder.start_metrics({row_at(0.5, false)});
  folder.append_metrics(row_at(1, true));
  EXPECT_EQ(scratch.read("deep/run/metrics.jsonl"),
            to_json(row_at(0.5, false)) + "\n" + to_json(row_at(1, true)) + "\n");
  folder.start_metrics({row_at(0.5, false)});  // what came after a checkpoint goes
  EXPECT_EQ(scratch.read("deep/run/metrics.jsonl"), to_json(row_at(0.5, false)) + "\n");

  Checkpoint checkpoint;
  checkpoint.model = {{"w", tensor({1.0, 2.0})}};
  folder.save(checkpoint, {row_at(0.5, false), row_at(1, true)}, {{"model", "m"}}, "title");
  EXPECT_TRUE(holds_a_run(folder.path()));
  const SafetensorsFile weights = load_safetensors(folder.model_path());
  EXPECT_EQ(weights.tensors.keys(), std::vector<std::string>{"w"});
  EXPECT_EQ(weights.metadata.at("model"), "m");
  EXPECT_EQ(scratch.read("deep/run/curves.png").substr(1, 3), "PNG");
  EXPECT_EQ(Checkpoint::load(folder.checkpoint_path()).model.keys(), weights.tensors.keys());
}

TEST(RunFolder, AnyFileOfARunCounts) {
  const ScratchFolder scratch;
  for (const std::filesystem::path& file : run_files(scratch / "run")) {
    RunFolder folder(scratch / "run");
    EXPECT_FALSE(holds_a_run(folder.path()));
    scratch.write(("run" / file.filename()).string(), "x");
    EXPECT_TRUE(holds_a_run(folder.path())) << file;
    folder.clear();
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST(RunFolder, MetricsBeginWithTheFirstLine) {
  const ScratchFolder scratch;
  RunFolder folder(scratch / "run");
  folder.start_metrics({});
  EXPECT_FALSE(holds_a_run(folder.path()));
  folder.append_metrics(row_at(1, true));
  EXPECT_EQ(scratch.read("run/metrics.jsonl"), to_json(row_at(1, true)) + "\n");
}

TEST(RunFolder, NamesAFolderItCannotMake) {
  const ScratchFolder scratch;
  scratch.write("file", "");
  for (const char* name : {"file", "file/run"}) {
    try {
      RunFolder folder(scratch / name);
      ADD_FAILURE() << name;
    } catch (const IoError& e) {
      EXPECT_EQ(std::string(e.what()),
                (scratch / name).string() + ": cannot make the folder: Not a directory");
    }
  }
}

TEST(RunFolder, BelongsToOneRunAtATime) {
  const ScratchFolder scratch;
  {
    RunFolder folder(scratch / "run");
    try {
      RunFolder second(scratch / "run");
      ADD_FAILURE() << "two runs in one folder";
    } catch (const IoError& e) {
      EXPECT_EQ(std::string(e.what()),
                (scratch / "run").string() +
                    ": another run is writing into this folder; wait for its end, or choose "
                    "another folder");
    }
    RunFolder other(scratch / "other");
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  RunFolder again(scratch / "run");
}

TEST(RunFolder, NewFoldersAreNobodyElses) {
  const ScratchFolder scratch;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path());
  std::vector<std::filesystem::path> made;
  std::vector<std::thread> threads;
  std::mutex mutex;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 5; ++k) {
        const std::filesystem::path folder = make_run_folder("mlp");
        const std::lock_guard lock(mutex);
        made.push_back(folder);
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::sort(made.begin(), made.end());
  EXPECT_EQ(std::unique(made.begin(), made.end()), made.end());
  for (const std::filesystem::path& folder : made)
    EXPECT_TRUE(std::filesystem::is_directory(folder));
  std::filesystem::current_path(before);
}

TEST(RunFolder, MetricsAndCurvesReplaceOnlyFiles) {
  const ScratchFolder scratch;
  for (const char* name : {"metrics.jsonl", "curves.png", "checkpoint.safetensors"}) {
    const std::filesystem::path run = scratch / (std::string("run-") + name);
    std::filesystem::create_directory(run);
    ASSERT_EQ(::mkfifo((run / name).c_str(), 0600), 0);
    try {
      RunFolder folder(run);
      folder.append_metrics(row_at(1, true));
      Checkpoint checkpoint;
      checkpoint.model = {{"w", tensor({1.0, 2.0})}};
      folder.save(checkpoint, {row_at(1, true)}, {}, "title");
      ADD_FAILURE() << name;
    } catch (const IoError& e) {
      EXPECT_EQ(
          std::string(e.what()),
          (run / name).string() + ": cannot write the file: it is a device or pipe, not a file");
    }
  }
}

TEST(RunFolder, DefaultNameIsNotTaken) {
  const std::filesystem::path folder = default_run_folder("lenet5");
  EXPECT_EQ(folder.parent_path(), "runs");
  EXPECT_EQ(folder.filename().string().substr(0, 7), "lenet5-");
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace ingot::train
