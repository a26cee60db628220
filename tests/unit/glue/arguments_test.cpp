// Flags: spellings of both generations, their values, and what is said of wrong ones. Schedules
// beside their definitions.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/arguments.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>

#include "glue/format.h"
#include "glue/optimization.h"
#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::glue {
namespace {

using test::message_of;

void give(Arguments& arguments, const std::string& name, const std::string& text) {
  for (const Flag& flag : flags(arguments))
    if (flag.name == name || std::ranges::count(flag.aliases, name) > 0)
      return set(flag, text, arguments);
  FAIL() << "no flag " << name;
}

void expect_error(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

/// Every field of transformers' TrainingArguments is a flag, if only one that says why it cannot be
/// honoured. Names: transformers 5.24.
TEST(GlueArguments, EveryTrainingArgumentIsKnown) {
  std::ifstream file(testing::source_dir() + "/tests/fixtures/glue/training_arguments.txt");
  Arguments a;
  const auto all = flags(a);
  int count = 0;
  for (std::string name; std::getline(file, name); ++count) {
    const auto flag = std::ranges::find(all, name, &Flag::name);
    ASSERT_NE(flag, all.end()) << name;
    EXPECT_FALSE(flag->help.empty()) << name;
    // One that is not honoured refuses a value, or notes that it changes nothing.
    const auto* kind = std::get_if<Flag::Unsupported>(&flag->target);
    if (kind == nullptr) continue;
    const std::size_t notes = a.notes.size();
    const std::string value = kind->is_boolean ? "True" : "3";
    if (kind->refuse)
      expect_error(message_of<ValueError>([&] { set(*flag, value, a); }),
                   "--" + name + " cannot be honoured: " + flag->help);
    else
      set(*flag, value, a);
    EXPECT_EQ(a.notes.size(), notes + (kind->refuse ? 0 : 1)) << name;
    set(*flag, kind->is_boolean ? "False" : "None", a);  // what it is anyway
  }
  EXPECT_EQ(count, 114);
  std::set<std::string> names;
  for (const Flag& flag : all) EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
}

TEST(GlueArguments, FlagsOfBothGenerations) {
  Arguments a;
  give(a, "evaluation_strategy", "epoch");
  give(a, "no_cuda", "True");
  give(a, "per_gpu_train_batch_size", "16");
  give(a, "learning_rate", "2e-5");
  give(a, "max_train_samples", "10");
  give(a, "max_eval_samples", "None");
  give(a, "greater_is_better", "no");
  give(a, "use_mps_device", "True");
  give(a, "tf32", "False");
  EXPECT_EQ(a.training.eval_strategy, "epoch");
  EXPECT_TRUE(a.training.use_cpu);
  EXPECT_EQ(a.training.per_device_train_batch_size, 16);
  EXPECT_EQ(a.training.learning_rate, 2e-5);
  EXPECT_EQ(a.data.max_train_samples, 10);
  EXPECT_FALSE(a.data.max_eval_samples);
  EXPECT_EQ(a.training.greater_is_better, false);
  ASSERT_EQ(a.notes.size(), 1U);
  expect_error(a.notes[0], "--use_mps_device changes nothing: the best device is taken anyway");
  give(a, "fp16", "False");
  expect_error(message_of<ValueError>([&] { give(a, "fp16", "True"); }),
               "--fp16 cannot be honoured: training is in float32");
  expect_error(message_of<ValueError>([&] { give(a, "dataset_name", "imdb"); }), "--train_file");
  expect_error(message_of<ValueError>([&] { give(a, "seed", "x"); }),
               "--seed must be a whole number, not 'x'");
  expect_error(message_of<ValueError>([&] { give(a, "do_train", "maybe"); }), "True or False");
  std::set<std::string> names;
  for (const Flag& flag : flags(a)) {
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
    EXPECT_FALSE(flag.help.empty()) << flag.name;
    for (const std::string& alias : flag.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
  }
}

TEST(GlueArguments, AFileHoldsAllFlags) {
  const testing::ScratchFolder folder;
  folder.write("a.json", R"({"task_name": "mrpc", "do_train": true, "learning_rate": 1e-4,
    "save_total_limit": null, "lr_scheduler_kwargs": {"num_cycles": 2}})");
  Arguments a;
  read_arguments(folder / "a.json", a);
  EXPECT_EQ(a.data.task_name, "mrpc");
  EXPECT_TRUE(a.training.do_train);
  EXPECT_EQ(a.training.learning_rate, 1e-4);
  EXPECT_EQ(a.training.lr_scheduler_kwargs, R"({"num_cycles":2})");
  // What is written is read again as it was.
  folder.write("b.json", a.to_json());
  Arguments b;
  read_arguments(folder / "b.json", b);
  EXPECT_EQ(b.to_json(), a.to_json());
  folder.write("c.json", "{\n\"seeed\": 1}");
  expect_error(message_of<ValueError>([&] { read_arguments(folder / "c.json", a); }),
               "c.json:2: there is no flag 'seeed'; did you mean seed?");
  folder.write("d.json", "{\"seed\": \"x\"}");
  expect_error(message_of<ValueError>([&] { read_arguments(folder / "d.json", a); }), "d.json:1: ");
  folder.write("e.json", "[1");
  expect_error(message_of<IoError>([&] { read_arguments(folder / "e.json", a); }), "e.json:1: ");
}

TEST(GlueArguments, WhatContradictsItself) {
  const auto check = [](auto change, const std::string& part) {
    TrainingArguments t;
    change(t);
    expect_error(message_of<ValueError>([&] { t.check(); }), part);
  };
  check([](auto& t) { t.load_best_model_at_end = true; }, "needs an evaluation for each");
  check(
      [](auto& t) {
        t.load_best_model_at_end = true;
        t.eval_strategy = "steps";
        t.eval_steps = 3;
      },
      "--save_steps 500 is no multiple of --eval_steps 3");
  check([](auto& t) { t.lr_scheduler_type = "linaer"; }, "did you mean linear?");
  check([](auto& t) { t.optim = "adafactor"; }, "there are: adamw_torch_fused");
  check([](auto& t) { t.num_train_epochs = 0; }, "--num_train_epochs is 0: must be above 0");
  check([](auto& t) { t.save_strategy = "best"; }, "best needs evaluations");
  check([](auto& t) { t.lr_scheduler_type = "reduce_lr_on_plateau"; }, "needs evaluations");
  const testing::ScratchFolder folder;
  Arguments a;
  expect_error(message_of<ValueError>([&] { a.check(); }), "--model_name_or_path is required");
  a.model.model_name_or_path = folder.path().string();
  expect_error(message_of<ValueError>([&] { a.check(); }), "there is nothing to read");
  a.data.task_name = "mrpc";
  expect_error(message_of<ValueError>([&] { a.check(); }), "--data_dir is required");
  a.data.train_file = "a.csv";
  expect_error(message_of<ValueError>([&] { a.check(); }), "exclude each other");
  a.data.task_name = "";
  a.training.do_eval = true;
  expect_error(message_of<ValueError>([&] { a.check(); }), "--do_eval needs --validation_file");
}

TEST(GlueSchedules, AreWhatTheirNamesSay) {
  const auto at = [](const std::string& name, std::int64_t step, std::int64_t total,
                     double warmup = 0, const std::string& options = "{}") {
    TrainingArguments t;
    t.learning_rate = 0.1;
    t.lr_scheduler_type = name;
    t.lr_scheduler_kwargs = options;
    t.warmup_steps = warmup;
    return make_schedule(t, total)(step);
  };
  EXPECT_DOUBLE_EQ(at("linear", 0, 10), 1);
  EXPECT_DOUBLE_EQ(at("linear", 4, 10), 0.6);
  EXPECT_DOUBLE_EQ(at("linear", 1, 10, 4), 0.25);
  EXPECT_DOUBLE_EQ(at("linear", 7, 10, 4), 0.5);
  EXPECT_DOUBLE_EQ(at("linear", 1, 10, 0.4), 0.25);
  EXPECT_DOUBLE_EQ(at("cosine", 4, 10, 2), 0.5 * (1 + std::cos(M_PI / 4)));
  EXPECT_NEAR(at("cosine_with_restarts", 5, 10, 0, R"({"num_cycles": 2})"), 1, 1e-12);
  EXPECT_DOUBLE_EQ(at("cosine_with_restarts", 10, 10), 0);
  EXPECT_NEAR(at("cosine_with_min_lr", 10, 10, 0, R"({"min_lr": 0.02})"), 0.2, 1e-12);
  EXPECT_NEAR(at("polynomial", 5, 10, 0, R"({"lr_end": 0.01, "power": 2})"), 0.9 * 0.25 + 0.1,
              1e-12);
  EXPECT_DOUBLE_EQ(at("constant", 3, 10, 5), 1);
  EXPECT_DOUBLE_EQ(at("constant_with_warmup", 3, 10, 5), 0.6);
  EXPECT_DOUBLE_EQ(at("inverse_sqrt", 12, 20, 4), 1 / std::sqrt(12.0 / 4));
  const std::string decay = R"({"num_decay_steps": 4, "min_lr_ratio": 0.1})";
  EXPECT_DOUBLE_EQ(at("warmup_stable_decay", 5, 10, 2, decay), 1);
  EXPECT_DOUBLE_EQ(at("warmup_stable_decay", 8, 10, 2, decay), 0.5 * 0.9 + 0.1);
  EXPECT_DOUBLE_EQ(at("warmup_stable_decay", 10, 10, 2, decay), 0.1);
}

TEST(GlueFormat, LooksLikeTheLogOfTransformers) {
  EXPECT_EQ(
      log_line(
          {{"epoch", 2.0 / 3}, {"loss", 0.693147}, {"learning_rate", 1e-5}, {"grad_norm", 0.46}}),
      "{'loss': '0.6931', 'grad_norm': '0.46', 'learning_rate': '1e-05', 'epoch': '0.6667'}");
  EXPECT_EQ(metrics_block("train", {{"epoch", 3},
                                    {"train_loss", 0.51237},
                                    {"total_flos", 5e9},
                                    {"train_runtime", 3725.5},
                                    {"train_samples", 3668}}),
            "***** train metrics *****\n"
            "  epoch         =        3.0\n"
            "  total_flos    =        4GF\n"
            "  train_loss    =     0.5124\n"
            "  train_runtime = 1:02:05.50\n"
            "  train_samples =       3668");
  EXPECT_EQ(metrics_json({{"train_samples", 3}, {"epoch", 1}}),
            "{\n    \"epoch\": 1.0,\n    \"train_samples\": 3\n}\n");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace ingot::glue
