// Fine-tunings that are interrupted, that come after one another or that go wrong: what is kept,
// what is removed, and which weights come out.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/io/safetensors.h>
#include <ingot/train/trainer.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fine_tune_fixture.h"

namespace ingot::glue {
namespace {

/// Three epochs of three steps, measured after each; a bad one halves the learning rate.
void measured_by_epochs(TrainingArguments& t) {
  t.num_train_epochs = 3;
  t.save_steps = 3;
  t.eval_strategy = "epoch";
  t.lr_scheduler_type = "reduce_lr_on_plateau";
  t.lr_scheduler_kwargs = R"({"patience": 0, "factor": 0.5})";
  t.learning_rate = 0.05;
}

/// Lines of the log, without what a clock says.
json lines_of(json log) {
  for (json& row : log)
    for (const char* name : {"eval_runtime", "eval_samples_per_second", "eval_steps_per_second"})
      row.erase(name);
  log.erase(log.size() - 1);  // that of the whole training
  return log;
}

TEST_F(FineTune, GoesOnFromTheEndOfAnEpoch) {
  TrainingArguments& t = arguments.training;
  measured_by_epochs(t);
  fine_tune(arguments);
  const std::string whole = folder.read("out/model.safetensors");
  const json log = lines_of(read("out/trainer_state.json").at("log_history"));
  EXPECT_EQ(std::ranges::count_if(log, [](const json& row) { return row.contains("eval_loss"); }),
            3);
  t.output_dir = (folder / "resumed").string();
  t.resume_from_checkpoint = (folder / "out/checkpoint-3").string();
  fine_tune(arguments);
  EXPECT_EQ(folder.read("resumed/model.safetensors"), whole);
  EXPECT_EQ(lines_of(read("resumed/trainer_state.json").at("log_history")), log);
}

TEST_F(FineTune, GoesOnFromInsideAnEvaluation) {
  TrainingArguments& t = arguments.training;
  measured_by_epochs(t);
  t.per_device_eval_batch_size = 2;
  t.save_only_model = true;  // a stop saves more
  fine_tune(arguments);
  const std::string whole = folder.read("out/model.safetensors");
  t.output_dir = (folder / "stopped").string();
  int batches = 0;
  const auto progress = [&](std::string_view phase, std::int64_t, std::int64_t) {
    batches += phase == "eval";
  };
  // In the second evaluation, after its second batch of five.
  const FineTuneResults stopped =
      fine_tune(arguments, {.progress = progress, .stop = [&] { return batches == 7; }});
  EXPECT_TRUE(stopped.stopped);
  EXPECT_EQ(fs::path(stopped.checkpoint).filename(), "checkpoint-6");
  t.resume_from_checkpoint = "True";
  fine_tune(arguments);
  EXPECT_EQ(folder.read("stopped/model.safetensors"), whole);
}

TEST_F(FineTune, StopsInTheLastEvaluationAndAmongTheTokens) {
  TrainingArguments& t = arguments.training;
  t.max_steps = 1;
  t.do_eval = true;
  t.per_device_eval_batch_size = 2;
  int batches = 0;
  const auto progress = [&](std::string_view phase, std::int64_t, std::int64_t) {
    batches += phase == "eval";
  };
  FineTuneResults stopped =
      fine_tune(arguments, {.progress = progress, .stop = [&] { return batches == 2; }});
  EXPECT_TRUE(stopped.stopped);
  EXPECT_EQ(batches, 2);
  EXPECT_TRUE(stopped.eval.empty() && stopped.checkpoint.empty());
  EXPECT_FALSE(stopped.train.empty());
  EXPECT_TRUE(fs::exists(folder / "out/model.safetensors"));
  EXPECT_FALSE(fs::exists(folder / "out/eval_results.json"));

  t.output_dir = (folder / "tokens").string();
  stopped = fine_tune(arguments, {.stop = [] { return true; }});
  EXPECT_TRUE(stopped.stopped && stopped.train.empty() && stopped.checkpoint.empty());
  EXPECT_TRUE(fs::is_empty(folder / "tokens"));
}

TEST_F(FineTune, ARunThatBeginsAnewRemovesOlderCheckpoints) {
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 2;
  t.save_steps = 3;
  fine_tune(arguments);
  EXPECT_TRUE(fs::exists(folder / "out/checkpoint-6"));
  t.overwrite_output_dir = true;
  t.max_steps = 2;
  t.save_steps = 2;
  fine_tune(arguments);
  EXPECT_FALSE(fs::exists(folder / "out/checkpoint-3"));
  EXPECT_FALSE(fs::exists(folder / "out/checkpoint-6"));
  EXPECT_TRUE(fs::exists(folder / "out/checkpoint-2"));
  // Not what it begins with.
  arguments.model.model_name_or_path = (folder / "out/checkpoint-2").string();
  EXPECT_NE(error().find("checkpoint-2 is what this run begins with"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder / "out/checkpoint-2/model.safetensors"));
}

TEST_F(FineTune, TheBestIsTheBestThatWasSaved) {
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 4;  // 12 steps
  t.eval_strategy = "steps";
  t.eval_steps = 1;
  t.save_steps = 4;
  t.save_total_limit = 1;
  t.eval_on_start = t.load_best_model_at_end = t.do_eval = true;
  t.learning_rate = 0.1;  // nothing is as good as the beginning
  const FineTuneResults results = fine_tune(arguments);
  const json state = read("out/trainer_state.json");
  double first = 0, best = 1e9;
  std::int64_t step = 0;
  for (const json& row : state.at("log_history")) {
    if (!row.contains("eval_loss")) continue;
    const auto at = row.at("step").get<std::int64_t>();
    const auto loss = row.at("eval_loss").get<double>();
    if (at == 0) first = loss;
    if (at == 0 || at % 4 != 0 || loss >= best) continue;
    best = loss;
    step = at;
  }
  EXPECT_GT(first, 0);
  const auto kept = state.at("best_model_checkpoint").get<std::string>();
  EXPECT_EQ(fs::path(kept).filename(), "checkpoint-" + std::to_string(step));
  EXPECT_NEAR(results.eval.at("eval_loss"), best, 1e-6);
  EXPECT_TRUE(fs::exists(kept));
}

TEST_F(FineTune, WhatIsNotFiniteIsAnError) {
  TrainingArguments& t = arguments.training;
  t.max_steps = 1;
  t.optim = "sgd";
  t.learning_rate = 1e60;  // the loss of the only step is finite, the weights after it are not
  t.max_grad_norm = 0;
  const auto diverged = [&] {
    const std::string message = message_of<train::DivergedError>([&] { fine_tune(arguments); });
    EXPECT_NE(message.find("not finite"), std::string::npos) << message;
    EXPECT_FALSE(fs::exists(folder / "out/model.safetensors"));
    EXPECT_FALSE(fs::exists(folder / "out/checkpoint-1"));
  };
  diverged();
  t.save_strategy = "no";
  diverged();
  t.eval_strategy = "steps";
  t.eval_steps = 1;
  diverged();
}

TEST_F(FineTune, TwoRunsDoNotWriteIntoOneFolder) {
  arguments.training.max_steps = 2;
  std::string message;
  const FineTuneResults results =
      fine_tune(arguments, {.progress = [&](std::string_view, std::int64_t done, std::int64_t) {
                  if (done != 1) return;
                  Arguments other = arguments;
                  other.training.overwrite_output_dir = true;
                  message = message_of<IoError>([&] { fine_tune(other); });
                }});
  EXPECT_EQ(results.steps, 2);
  EXPECT_NE(message.find("another run is writing into this folder"), std::string::npos) << message;
  arguments.training.overwrite_output_dir = true;
  EXPECT_EQ(fine_tune(arguments).steps, 2);  // once the first is over
}

TEST_F(FineTune, ACheckpointThatWasBeingReplacedIsFound) {
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 1;
  t.save_steps = 2;
  fine_tune(arguments);
  const std::string whole = folder.read("out/model.safetensors");
  fs::create_directory(folder / "killed");
  fs::copy(folder / "out/checkpoint-2", folder / "killed/old-checkpoint-2");
  fs::copy(folder / "out/checkpoint-3", folder / "killed/tmp-checkpoint-3");
  fs::create_directory(folder / "killed/old-notes");
  t.output_dir = (folder / "killed").string();
  std::vector<std::string> lines;
  fine_tune(arguments, {.line = [&](const std::string& line) { lines.push_back(line); }});
  EXPECT_TRUE(std::ranges::any_of(lines, [](const std::string& line) {
    return line.find("checkpoint-2 after step 2") != std::string::npos;
  }));
  EXPECT_EQ(folder.read("killed/model.safetensors"), whole);
  EXPECT_FALSE(fs::exists(folder / "killed/old-checkpoint-2"));
  EXPECT_FALSE(fs::exists(folder / "killed/tmp-checkpoint-3"));
  EXPECT_TRUE(fs::exists(folder / "killed/old-notes"));  // not ours
}

TEST_F(FineTune, OtherDataOrSeedsAreRefusedByACheckpoint) {
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 1;
  t.save_steps = 2;
  fine_tune(arguments);
  t.resume_from_checkpoint = (folder / "out/checkpoint-2").string();
  const Arguments before = arguments;
  const auto expect = [&](const std::string& part) {
    t.output_dir = (folder / "other").string();
    const std::string message = error();
    EXPECT_NE(message.find(part), std::string::npos) << message;
    arguments = before;
  };
  t.seed = 43;
  expect("--seed was 42 and is 43 now");
  t.data_seed = 7;
  expect("--data_seed was 42 and is 7 now");
  t.gradient_accumulation_steps = 3;
  expect("--gradient_accumulation_steps was 1 and is 3 now");
  arguments.data.max_seq_length = 6;
  expect("the tokens of the sentences are not the same");
  std::string rows = mrpc(24);
  rows[rows.find('\n') + 1] = '1';  // the first row's label was 0
  folder.write("mrpc/train.tsv", rows);
  expect("the labels of the sentences are not the same");
}

}  // namespace
}  // namespace ingot::glue
