// Fine-tuning of a tiny BERT: what is learnt, what is written, and that a resumed run is the same.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/io/safetensors.h>
#include <ingot/train/trainer.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fine_tune_fixture.h"

namespace ingot::glue {
namespace {

TEST_F(FineTune, LearnsAndWritesItsFiles) {
  TrainingArguments& t = arguments.training;
  t.do_eval = t.do_predict = true;
  t.num_train_epochs = 12;
  t.eval_strategy = t.save_strategy = "epoch";
  t.save_total_limit = 1;
  t.load_best_model_at_end = true;
  std::vector<std::string> lines;
  const FineTuneResults results =
      fine_tune(arguments, {.line = [&](const std::string& line) { lines.push_back(line); }});
  EXPECT_EQ(results.steps, 36);
  EXPECT_LT(results.train.at("train_loss"), 0.69);
  const double accuracy = results.eval.at("eval_accuracy"), f1 = results.eval.at("eval_f1");
  EXPECT_GT(accuracy, 0.6);
  EXPECT_DOUBLE_EQ(results.eval.at("eval_combined_score"), (accuracy + f1) / 2);
  EXPECT_EQ(lines.front().find("Process rank: 0, device: "), 0U);

  const auto names = files("out");
  for (const char* name :
       {"README.md", "all_results.json", "config.json", "eval_results.json", "model.safetensors",
        "predict_results.json", "predict_results_mrpc.txt", "special_tokens_map.json",
        "tokenizer.json", "tokenizer_config.json", "train_results.json", "trainer_state.json",
        "training_args.json", "vocab.txt"})
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  const json config = read("out/config.json"), state = read("out/trainer_state.json");
  EXPECT_EQ(config.at("id2label").at("1"), "equivalent");
  EXPECT_EQ(config.at("label2id").at("not_equivalent"), 0);
  EXPECT_EQ(config.at("finetuning_task"), "mrpc");
  EXPECT_EQ(config.at("architectures").at(0), "BertForSequenceClassification");
  EXPECT_EQ(state.at("global_step"), 36);
  EXPECT_EQ(state.at("epoch"), 12.0);
  const json& log = state.at("log_history");
  EXPECT_EQ(log.at(0).at("step"), 2);
  EXPECT_DOUBLE_EQ(log.at(0).at("learning_rate"), 5e-3 * 35 / 36);
  EXPECT_TRUE(log.at(0).contains("grad_norm"));
  EXPECT_EQ(std::ranges::count_if(log, [](const json& row) { return row.contains("eval_loss"); }),
            12);
  EXPECT_TRUE(log.back().contains("train_runtime"));
  // The weights are those of the best evaluation, whose checkpoint is kept beside the last one.
  double best = 1e9;
  for (const json& row : log)
    if (row.contains("eval_loss")) best = std::min(best, row.at("eval_loss").get<double>());
  EXPECT_EQ(state.at("best_metric"), best);
  EXPECT_NEAR(results.eval.at("eval_loss"), best, 1e-6);
  EXPECT_TRUE(fs::exists(state.at("best_model_checkpoint").get<std::string>()));
  EXPECT_LE(std::ranges::count_if(names, [](auto& n) { return n.starts_with("checkpoint-"); }), 2);
  const json all = read("out/all_results.json");
  EXPECT_EQ(all.at("train_samples"), 24);
  EXPECT_EQ(all.at("eval_accuracy"), accuracy);
  const std::string predictions = folder.read("out/predict_results_mrpc.txt");
  EXPECT_EQ(predictions.find("index\tprediction\n0\t"), 0U);
  EXPECT_EQ(std::ranges::count(predictions, '\n'), 6);
  EXPECT_NE(folder.read("out/README.md").find("| Training loss | Epoch | Step |"),
            std::string::npos);

  // What was written evaluates to the same, and predicts.
  const fs::path trained = folder / "out";
  Arguments again = arguments;
  again.model.model_name_or_path = trained.string();
  again.training.do_train = again.training.do_predict = false;
  again.training.output_dir = (folder / "again").string();
  again.training.load_best_model_at_end = false;
  EXPECT_EQ(fine_tune(again).eval.at("eval_loss"), results.eval.at("eval_loss"));
  EXPECT_TRUE(is_sentence_model(trained));
  EXPECT_FALSE(is_sentence_model(folder.path()));
  const SentencePredictor predictor(trained);
  const Prediction p = predictor.predict("the cat sleeps .", "the cat sleeps");
  EXPECT_EQ(p.label, predictor.labels().at(static_cast<std::size_t>(p.number)));
  EXPECT_NEAR(p.outputs.at(0) + p.outputs.at(1), 1, 1e-6);
  EXPECT_NE(message_of<ValueError>([&] { predictor.predict("caf\xe9"); }).find("UTF-8"),
            std::string::npos);
}

TEST_F(FineTune, GoesOnFromACheckpointBitForBit) {
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 3;
  t.gradient_accumulation_steps = 2;  // 3 batches of 8: a group of 2 and one of 1
  t.save_steps = 3;
  t.warmup_steps = 2;
  t.weight_decay = 0.1;
  t.lr_scheduler_type = "cosine";
  fine_tune(arguments);
  const std::string whole = folder.read("out/model.safetensors");
  const json history = read("out/trainer_state.json").at("log_history");
  EXPECT_EQ(read("out/trainer_state.json").at("global_step"), 6);

  // Stopped by a signal after step 2, in the middle of nothing, then taken up by itself.
  t.output_dir = (folder / "stopped").string();
  std::int64_t steps = 0;
  const FineTuneResults stopped = fine_tune(
      arguments,
      {.progress = [&](std::string_view, std::int64_t done, std::int64_t) { steps = done; },
       .stop = [&] { return steps == 2; }});
  EXPECT_TRUE(stopped.stopped);
  EXPECT_EQ(fs::path(stopped.checkpoint).filename(), "checkpoint-2");
  EXPECT_FALSE(fs::exists(folder / "stopped/model.safetensors"));
  fine_tune(arguments);
  EXPECT_EQ(folder.read("stopped/model.safetensors"), whole);

  // From checkpoint-3 of the first run.
  t.output_dir = (folder / "resumed").string();
  t.resume_from_checkpoint = (folder / "out/checkpoint-3").string();
  fine_tune(arguments);
  EXPECT_EQ(folder.read("resumed/model.safetensors"), whole);
  const json resumed = read("resumed/trainer_state.json").at("log_history");
  ASSERT_EQ(resumed.size(), history.size());
  for (std::size_t i = 0; i + 1 < history.size(); ++i) EXPECT_EQ(resumed[i], history[i]);

  t.per_device_train_batch_size = 4;
  EXPECT_NE(error().find("an epoch had 3 batches and has 6 now"), std::string::npos);
  t.resume_from_checkpoint = (folder / "bert").string();
  EXPECT_NE(message_of<IoError>([&] { fine_tune(arguments); }).find("cannot be resumed"),
            std::string::npos);
}

TEST_F(FineTune, OwnFilesAndRegression) {
  folder.write("a.csv", "sentence1,label\nthe cat,0.5\na dog,2\nthe old bird,3.5\n");
  arguments.data = {};
  arguments.data.max_seq_length = 16;
  arguments.data.train_file = arguments.data.validation_file = arguments.data.test_file =
      (folder / "a.csv").string();
  arguments.training.do_eval = arguments.training.do_predict = true;
  const FineTuneResults results = fine_tune(arguments);
  EXPECT_NEAR(results.eval.at("eval_mse"), results.eval.at("eval_loss"), 1e-5);
  EXPECT_EQ(read("out/config.json").at("problem_type"), "regression");
  EXPECT_EQ(std::ranges::count(folder.read("out/predict_results.txt"), '\n'), 4);
  const SentencePredictor predictor(folder / "out");
  EXPECT_TRUE(predictor.is_regression());
  EXPECT_EQ(predictor.predict("a dog").outputs.size(), 1U);
}

TEST_F(FineTune, AllSchedulesAndOptimizersTrain) {
  TrainingArguments& t = arguments.training;
  t.max_steps = 3;
  t.save_strategy = "no";
  t.overwrite_output_dir = true;
  for (const char* optimizer : {"sgd", "adagrad", "rmsprop", "adamw_torch"}) {
    t.optim = optimizer;
    EXPECT_EQ(fine_tune(arguments).steps, 3) << optimizer;
  }
  t.eval_strategy = "steps";
  t.eval_steps = 1;
  const std::pair<const char*, const char*> schedules[] = {
      {"reduce_lr_on_plateau", R"({"patience": 0, "factor": 0.5})"},
      {"cosine_with_min_lr", R"({"min_lr": 0.001})"},
      {"warmup_stable_decay", R"({"num_decay_steps": 1})"},
      {"inverse_sqrt", "{}"},
      {"polynomial", R"({"power": 2})"}};
  for (const auto& [name, options] : schedules) {
    t.lr_scheduler_type = name;
    t.lr_scheduler_kwargs = options;
    EXPECT_EQ(fine_tune(arguments).steps, 3) << name;
  }
}

TEST_F(FineTune, WhatDoesNotFitIsSaid) {
  const auto expect = [&](const std::string& part) {
    const std::string message = error();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  TrainingArguments& t = arguments.training;
  const Arguments before = arguments;
  folder.write("bert/vocab.txt", std::string(kWords) + "extra\n");
  folder.write("mrpc/train.tsv", mrpc(4) + "1\t1\t2\textra\tcat\n");
  expect("the tokenizer has the token 'extra' (number 17), the model's vocabulary 17 only");
  folder.write("bert/vocab.txt", kWords);
  t.lr_scheduler_kwargs = R"({"cycles": 2})";
  expect("linear has no 'cycles'");
  arguments = before;
  t.learning_rate = 1e30;
  t.max_grad_norm = 0;
  EXPECT_NE(message_of<train::DivergedError>([&] { fine_tune(arguments); }).find("diverged"),
            std::string::npos);
  arguments = before;
  fs::create_directory(folder / "full");
  folder.write("full/notes.txt", "mine");
  t.output_dir = (folder / "full").string();
  expect("has files already; --overwrite_output_dir");
  arguments = before;
  t.dataloader_drop_last = true;
  t.per_device_train_batch_size = 100;
  expect("5 sentences make no batch of 100");
  arguments = before;
  arguments.model.model_name_or_path = (folder / "none").string();
  expect("is no folder");
}

}  // namespace
}  // namespace ingot::glue
