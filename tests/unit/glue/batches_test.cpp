// Which sentences make a batch, of which length; and fine-tuning on devices with a memory of their
// own.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/io/safetensors.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "fine_tune_fixture.h"
#include "glue/fine_tune_on.h"
#include "glue/tokens.h"
#include "plan/plan.h"
#include "support/host_scope.h"
#include "support/twin_scope.h"

namespace ingot::glue {
namespace {

/// Sentences of one word, two words, … as a csv file; `repeat` rows of each.
std::string of_lengths(int from, int to, int repeat) {
  std::string text = "sentence1,label\n";
  for (int words = from; words <= to; ++words)
    for (int i = 0; i < repeat; ++i) {
      for (int w = 0; w < words; ++w) text += w == 0 ? "cat" : " dog";
      text += i % 2 == 0 ? ",yes\n" : ",no\n";
    }
  return text;
}

TEST_F(FineTune, LengthsAreRoundedUp) {
  const auto tokenizer = text::Tokenizer::from_pretrained(folder / "bert");
  Sentences s;
  s.first = {"cat", "cat dog cat dog cat dog", "cat dog cat dog cat dog cat",
             "cat dog cat dog cat dog cat dog cat dog cat dog cat dog cat"};
  const Tokens tokens(tokenizer, s, 20, 17);  // two special tokens each: 3, 8, 9, 17
  const Padding padding{.id = 0, .multiple = 8, .most = 20};
  const auto width = [&](std::vector<std::int64_t> rows) { return tokens.width(rows, padding); };
  EXPECT_EQ(width({0}), 8);
  EXPECT_EQ(width({0, 1}), 8);
  EXPECT_EQ(width({2, 0}), 16);
  EXPECT_EQ(width({3}), 20);
  const std::vector<std::int64_t> rows{0, 2};
  const auto batch = tokens.batch(rows, padding);
  EXPECT_EQ(batch.input_ids.shape(), (Shape{2, 16}));
  EXPECT_EQ(batch.attention_mask.sum().item(), 3 + 9);
  EXPECT_EQ(tokens.width(rows, {.id = 0, .length = 12, .multiple = 8}), 12);
}

TEST_F(FineTune, FewLengthsMakeFewPlans) {
  arguments.data.task_name = arguments.data.data_dir = {};
  arguments.data.max_seq_length = 20;
  arguments.data.train_file = (folder / "a.csv").string();
  TrainingArguments& t = arguments.training;
  t.overwrite_output_dir = true;
  t.save_strategy = "no";
  t.num_train_epochs = 1;
  t.per_device_train_batch_size = 1;
  const auto plans = [&](int from, int to, int repeat) {
    folder.write("a.csv", of_lengths(from, to, repeat));
    plan::clear_plan_cache();
    const auto before = plan::cache_figures().misses;
    fine_tune(arguments);
    return plan::cache_figures().misses - before;
  };
  const auto one = plans(1, 6, 2);  // 3 to 8 tokens
  EXPECT_EQ(plans(6, 6, 12), one);
  const auto three = plans(1, 18, 2);  // 3 to 20 tokens: 8, 16 and 20
  EXPECT_GT(three, one);
  EXPECT_LE(three, 3 * one);
}

TEST_F(FineTune, OrdersOfTheSentences) {
  arguments.data.task_name = arguments.data.data_dir = {};
  arguments.data.max_seq_length = 20;
  arguments.data.train_file = (folder / "a.csv").string();
  folder.write("a.csv", of_lengths(1, 16, 8));
  TrainingArguments& t = arguments.training;
  t.num_train_epochs = 1;
  t.per_device_train_batch_size = 8;
  t.save_strategy = "no";
  t.overwrite_output_dir = true;
  // What a batch costs grows with its length, so that the figure tells how much was padded.
  const auto flops = [&] { return fine_tune(arguments).train.at("total_flos"); };
  const double random = flops();
  t.group_by_length = true;
  const double grouped = flops();
  const std::string weights = folder.read("out/model.safetensors");
  t.group_by_length = false;
  t.train_sampling_strategy = "group_by_length";
  EXPECT_EQ(flops(), grouped);
  EXPECT_EQ(folder.read("out/model.safetensors"), weights);
  EXPECT_LT(grouped, random);
  // In the file's order, from 3 tokens to 18: six batches of length 8, eight of 16, two of 20.
  t.train_sampling_strategy = "sequential";
  const double sequential = flops();
  arguments.data.pad_to_max_length = true;
  EXPECT_DOUBLE_EQ(sequential / flops(), (6 * 8 + 8 * 16 + 2 * 20) / (16 * 20.0));
  t.train_sampling_strategy = "backwards";
  EXPECT_NE(error().find("there are: random, sequential, group_by_length"), std::string::npos);
}

TEST_F(FineTune, AnEvaluationStrategyMeansAnEvaluationAtTheEnd) {
  arguments.training.max_steps = 1;
  arguments.training.eval_strategy = "epoch";
  const FineTuneResults results = fine_tune(arguments);
  EXPECT_EQ(results.eval.count("eval_f1"), 1U);
  EXPECT_TRUE(fs::exists(folder / "out/eval_results.json"));
}

/// Trains, evaluates and predicts on that device, and again on the cpu.
void expect_same(const Arguments& arguments, Device device, double bound) {
  const FineTuneResults there = fine_tune_on(device, arguments);
  const fs::path file = fs::path(arguments.training.output_dir) / "model.safetensors";
  const StateDict weights = load(file);
  const FineTuneResults here = fine_tune_on(Device("cpu"), arguments);
  EXPECT_NEAR(there.train.at("train_loss"), here.train.at("train_loss"), bound);
  EXPECT_NEAR(there.eval.at("eval_loss"), here.eval.at("eval_loss"), bound);
  double most = 0;
  const StateDict other = load(file);
  for (const auto& [key, tensor] : other) {
    const auto a = tensor.to_vector<float>(), b = weights.at(key).to_vector<float>();
    ASSERT_EQ(a.size(), b.size()) << key;
    for (std::size_t i = 0; i < a.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  EXPECT_LE(most, bound);
}

TEST_F(FineTune, TheTwinArrivesAtTheSameBits) {
  const test::TwinScope twin(test::slow_twin(20));
  TrainingArguments& t = arguments.training;
  t.max_steps = 3;
  t.do_eval = t.do_predict = t.overwrite_output_dir = true;
  t.save_steps = 2;
  expect_same(arguments, test::kTwin, 0);
}

TEST_F(FineTune, TheHostDriverLearnsTheSame) {
  const test::HostScope host;
  TrainingArguments& t = arguments.training;
  t.max_steps = 2;
  t.do_eval = t.overwrite_output_dir = true;
  t.save_strategy = "no";
  t.learning_rate = 1e-4;
  t.optim = "sgd";
  expect_same(arguments, test::kHostDriver, 1e-4);
}

}  // namespace
}  // namespace ingot::glue
