// What is looked at before a fine-tuning begins, and what is said of it.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/io/safetensors.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fine_tune_fixture.h"

namespace ingot::glue {
namespace {

class FineTuneChecks : public FineTune {
 protected:
  void expect_error(const std::string& part) {
    const std::string message = error();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  std::vector<std::string> lines_of_run() {
    std::vector<std::string> lines;
    fine_tune(arguments, {.line = [&](const std::string& line) { lines.push_back(line); }});
    return lines;
  }
  /// The weights again, without those whose names begin with `prefix`.
  void remove_weights(const std::string& prefix) const {
    const fs::path path = folder / "bert/model.safetensors";
    StateDict kept;
    for (const auto& [name, tensor] : load(path))
      if (!name.starts_with(prefix)) kept.insert(name, tensor.clone());
    save(kept, path);
  }
};

TEST_F(FineTuneChecks, NamesOfMetrics) {
  TrainingArguments& t = arguments.training;
  t.eval_strategy = "epoch";
  t.metric_for_best_model = "f_one";
  expect_error(
      "there is no eval_f_one; there are: eval_loss, eval_accuracy, eval_f1, eval_combined_score");
  EXPECT_FALSE(fs::exists(folder / "out/checkpoint-3"));
  t.metric_for_best_model = "f1";
  t.max_steps = 1;
  EXPECT_EQ(fine_tune(arguments).steps, 1);
}

TEST_F(FineTuneChecks, FilesThatAreMissing) {
  folder.write("a.csv", "sentence1,label\nthe cat,yes\na dog,no\n");
  arguments.data.task_name = arguments.data.data_dir = {};
  arguments.data.train_file = (folder / "a.csv").string();
  arguments.training.eval_on_start = true;
  expect_error("--eval_on_start needs --validation_file");
  arguments.training.eval_on_start = false;
  arguments.training.eval_strategy = "epoch";
  expect_error("--eval_strategy needs --validation_file");
}

TEST_F(FineTuneChecks, LabelsOfAModelThatHasNone) {
  folder.write("a.csv", "sentence1,label\nthe cat,0\na dog,1\n");
  arguments.data.task_name = arguments.data.data_dir = {};
  arguments.data.validation_file = (folder / "a.csv").string();
  arguments.training.do_train = false;
  arguments.training.do_eval = true;
  expect_error("labels are known by a training file, or by a model that was trained for them");
}

TEST_F(FineTuneChecks, AModelWithoutAPoolerAndOneOfOtherSizes) {
  arguments.training.max_steps = 1;
  remove_weights("pooler.");
  const auto lines = lines_of_run();
  EXPECT_NE(std::ranges::find(lines, "  bert.pooler.dense.weight: not in the file"), lines.end());
  EXPECT_TRUE(load(folder / "out/model.safetensors").contains("bert.pooler.dense.weight"));
  // Weights that do not belong to config.json, or lack a part: the folder is named.
  remove_weights("encoder.layer.1.");
  arguments.training.overwrite_output_dir = true;
  const std::string message = error();
  EXPECT_NE(message.find((folder / "bert").string() + ": "), std::string::npos) << message;
  EXPECT_NE(message.find("encoder.layer.1."), std::string::npos) << message;
}

TEST_F(FineTuneChecks, SpecialTokensNeedRoom) {
  arguments.data.max_seq_length = 3;
  expect_error("--max_seq_length 3 leaves no room: a pair of sentences has 3 special tokens");
}

TEST_F(FineTuneChecks, TheFirstLineIsTheRank) {
  arguments.data.max_seq_length = 128;  // the model has 20 positions
  arguments.training.max_steps = 1;
  const auto lines = lines_of_run();
  ASSERT_GT(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("Process rank: 0, ")) << lines[0];
  EXPECT_NE(lines[1].find("--max_seq_length 128 is more than the 20 of the model's positions"),
            std::string::npos)
      << lines[1];
}

TEST_F(FineTuneChecks, ConfigTellsTheTypeOfTheWeightsThatWereWritten) {
  json config = read("bert/config.json");
  config["torch_dtype"] = config["dtype"] = "float16";
  folder.write("bert/config.json", config.dump());
  arguments.training.max_steps = 1;
  fine_tune(arguments);
  config = read("out/config.json");
  EXPECT_EQ(config.at("torch_dtype"), "float32");
  EXPECT_EQ(config.at("dtype"), "float32");
}

}  // namespace
}  // namespace ingot::glue
