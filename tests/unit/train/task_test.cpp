// Tasks and the registry of metrics, against values made from the definitions in numpy
// (tests/fixtures/make_metric_fixtures.py) and cases that can be checked by hand.
#include <ingot/train/task.h>

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/reduction.h>
#include <ingot/train/evaluate.h>

#include "support/expect.h"
#include "support/source_dir.h"
#include "support/twin_scope.h"

namespace ingot::train {
namespace {

using test::kTwin;
using test::message_of;
using Json = nlohmann::json;

/// Gives its input: outputs are made by hand.
struct Echo : nn::Module {
  Tensor forward(const Tensor& x) override { return x * 1; }
};

Tensor numbers_of(const Json& json, DType dtype) {
  std::vector<double> all;
  Shape shape{static_cast<std::int64_t>(json.size())};
  for (const Json& row : json) {
    if (row.is_array())
      for (const double v : row) all.push_back(v);
    else
      all.push_back(row.get<double>());
  }
  if (json.front().is_array()) shape.insert(1, static_cast<std::int64_t>(json.front().size()));
  return from_vector(all, shape).to(dtype);
}

std::unique_ptr<Task> task_of(const Json& c) {
  TaskOptions options;
  for (const auto& [name, value] : c["metrics"].items()) options.metrics.push_back(name);
  const auto classes = c["classes"].get<std::int64_t>();
  if (c["kind"] == "classification") return std::make_unique<Classification>(classes, options);
  if (c["kind"] == "multi_label")
    return std::make_unique<MultiLabelClassification>(classes, options);
  return std::make_unique<Regression>(options);
}

void compare_with_definitions(Device device) {
  std::ifstream file(ingot::testing::source_dir() + "/tests/fixtures/metrics/metrics.json");
  const Json cases = Json::parse(file);
  ASSERT_EQ(cases.size(), 7u);
  std::set<std::string> seen;
  for (const Json& c : cases) {
    SCOPED_TRACE(c["kind"].get<std::string>() + " of " + c["classes"].dump());
    const bool values = c["kind"] == "regression";
    const auto task = task_of(c);
    Echo echo;
    data::DataLoader loader{data::TensorDataset(numbers_of(c["outputs"], float32),
                                                numbers_of(c["targets"], values ? float32 : int64)),
                            {.batch_size = 16}};
    const bool confusion = c.contains("confusion");
    const Evaluation result =
        evaluate(echo, loader, *task, {.device = device, .confusion = confusion});
    EXPECT_TRUE(result.complete);
    for (const auto& [name, value] : c["metrics"].items()) {
      EXPECT_NEAR(result.at(name), value.get<double>(), 1e-12) << name;
      seen.insert(name);
    }
    if (confusion) {
      EXPECT_EQ(Json(*result.confusion), c["confusion"]);
      // The table of classes says the same as the metrics.
      const auto figures = class_figures(*result.confusion);
      double f1 = 0, present = 0;
      for (std::size_t k = 0; k < figures.size(); ++k) {
        f1 += figures[k].f1;
        bool said = figures[k].support > 0;
        for (const auto& row : *result.confusion) said |= row[k] > 0;
        present += said;
      }
      EXPECT_NEAR(f1 / present, c["metrics"]["macro_f1"].get<double>(), 1e-12);
    }
  }
  for (const MetricInfo& info : metric_infos())
    EXPECT_TRUE(seen.contains(info.name) || info.name == "perplexity") << info.name;
}

TEST(Metrics, AreWhatTheirDefinitionsSay) { compare_with_definitions(Device()); }

TEST(Metrics, AreTheSameOnADevice) {
  const test::TwinScope twin;
  compare_with_definitions(kTwin);
}

TEST(Metrics, TheRegistryKnowsDirectionAndDefinition) {
  std::set<std::string> less;
  for (const MetricInfo& info : metric_infos()) {
    EXPECT_FALSE(info.definition.empty()) << info.name;
    EXPECT_EQ(metric_info(info.name).more_is_better, info.more_is_better);
    EXPECT_EQ(Metric::parse("val_" + info.name).more_is_better(), info.more_is_better);
    if (!info.more_is_better) less.insert(info.name);
  }
  EXPECT_EQ(less, (std::set<std::string>{"mse", "mae", "perplexity"}));
  EXPECT_EQ(metric_info("top3").name, "top3");
  for (const char* name : {"top", "top0", "top-1", "top3x", "F1", ""})
    EXPECT_NE(message_of<ValueError>([&] { metric_info(name); }).find("matthews"),
              std::string::npos)
        << name;
}

TEST(Metrics, MayBeOnesOwn) {
  struct Largest final : MetricState {
    void add(const Judged& b) override {
      const Tensor now = b.outputs.amax();
      most = most.defined() ? maximum(most, now) : now;
    }
    std::vector<Tensor> tensors() const override { return {most}; }
    double value() const override { return most.item(); }
    Tensor most;
  };
  if (const auto all = metric_infos(); all.back().name != "largest")
    register_metric({.name = "largest",
                     .definition = "the largest logit",
                     .make = [](const MetricTask&) { return std::make_unique<Largest>(); }});
  EXPECT_THROW(register_metric(metric_info("largest")), ValueError);
  EXPECT_THROW(register_metric({.name = "neither"}), ValueError);
  EXPECT_THROW(register_metric(metric_info("top9")), ValueError);
  Echo echo;
  data::DataLoader loader{
      data::TensorDataset(tensor({{1.0f, 5.0f}, {7.0f, 2.0f}, {0.0f, 1.0f}}), tensor({0, 0, 1})),
      {.batch_size = 2}};
  const Evaluation result = evaluate(echo, loader, Classification(2, {.metrics = {"largest"}}));
  EXPECT_EQ(result.at("largest"), 7);
  EXPECT_NE(message_of<ValueError>([&] { result.at("f1"); }).find("loss, largest"),
            std::string::npos);
}

TEST(Metrics, RefuseATaskThatTheyAreNotFor) {
  Echo echo;
  data::DataLoader loader{data::TensorDataset(ones({2, 3}), tensor({0, 2}))};
  const auto run = [&](std::int64_t classes, const char* metric) {
    return message_of<ValueError>(
        [&] { evaluate(echo, loader, Classification(classes, {.metrics = {metric}})); });
  };
  EXPECT_NE(run(3, "f1").find("macro_f1"), std::string::npos);
  EXPECT_NE(run(0, "macro_f1").find("how many classes"), std::string::npos);
  EXPECT_THROW(Classification(2, {.metrics = {"speed"}}), ValueError);
}

TEST(Tasks, LossesAndAnswers) {
  const Tensor logits = tensor({{2.0f, -1.0f, 0.5f}, {0.0f, 1.0f, -2.0f}});
  const data::Batch classes{Tensor(), tensor({0, 2})};
  const Tensor weights = tensor({1.0f, 2.0f, 3.0f});
  const Classification plain(3);
  EXPECT_EQ(plain.loss(logits, classes).item(), cross_entropy(logits, tensor({0, 2})).item());
  EXPECT_EQ(plain.correct(logits, classes).item<std::int64_t>(), 1);
  EXPECT_EQ(plain.predict(logits).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1}));
  const Classification smooth(3, {.class_weights = weights, .label_smoothing = 0.1});
  EXPECT_EQ(
      smooth.loss(logits, classes).item(),
      cross_entropy(logits, tensor({0, 2}), {.weight = weights, .label_smoothing = 0.1}).item());

  const MultiLabelClassification labels(3);
  const data::Batch several{Tensor(), tensor({{1, 0, 1}, {0, 0, 0}})};
  EXPECT_NEAR(
      labels.loss(logits, several).item(),
      (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0)) + std::log1p(std::exp(-0.5)) +
       std::log(2.0) + std::log1p(std::exp(1.0)) + std::log1p(std::exp(-2.0))) /
          6,
      1e-6);
  EXPECT_EQ(labels.correct(logits, several).item<std::int64_t>(), 1);

  const Regression values;
  const data::Batch wanted{Tensor(), tensor({1, 4})};
  EXPECT_EQ(values.loss(tensor({{2.0f}, {2.0f}}), wanted).item(), 2.5);
  EXPECT_EQ(values.loss(tensor({2.0f, 2.0f}), wanted).item(), 2.5);
  EXPECT_FALSE(values.correct(Tensor(), wanted).defined());
  EXPECT_THROW(values.loss(ones({2, 2}), wanted), ShapeError);
}

TEST(Tasks, TokensThatAreIgnoredCountNowhere) {
  const Tensor logits = tensor(
      {{{3.0f, 0.0f}, {0.0f, 3.0f}, {9.0f, 0.0f}}, {{3.0f, 0.0f}, {5.0f, 0.0f}, {0.0f, 9.0f}}});
  const data::Batch batch{{"input_ids", Tensor()},
                          {"attention_mask", Tensor()},
                          {"labels", tensor({{0, 0, -100}, {1, -100, -100}})}};
  const TokenClassification task(2, {.metrics = {"accuracy", "macro_f1", "top1", "matthews"}});
  EXPECT_EQ(task.count(batch).item<std::int64_t>(), 3);
  EXPECT_EQ(task.correct(logits, batch).item<std::int64_t>(), 1);
  const double right = std::log1p(std::exp(-3.0)), wrong = std::log1p(std::exp(3.0));
  EXPECT_NEAR(task.loss(logits, batch).item(), (right + 2 * wrong) / 3, 1e-6);
  EXPECT_EQ(task.predict(logits).shape(), (Shape{2, 3}));

  class Tokens final : public data::Dataset {
   public:
    std::int64_t size() const override { return 3; }
    data::Sample get(const data::SampleKey& key) const override {
      using Numbers = std::vector<std::int64_t>;
      // The last one has no token that counts: it must not make the mean loss NaN.
      const Numbers labels[] = {{0, 0, -100}, {1, -100, -100}, {-100, -100, -100}};
      const std::vector<float> rows[] = {
          {3, 0, 0, 3, 9, 0}, {3, 0, 5, 0, 0, 9}, {1, 0, 1, 0, 1, 0}};
      return {{"logits", from_vector(rows[key.index], {3, 2})}, {"labels", labels[key.index]}};
    }
  };
  Echo echo;
  data::DataLoader loader{Tokens()};
  const Evaluation result = evaluate(echo, loader, task);
  EXPECT_EQ(result.averages.count, 3);
  EXPECT_EQ(result.averages.samples, 3);
  EXPECT_NEAR(result.loss(), (right + 2 * wrong) / 3, 1e-6);
  EXPECT_DOUBLE_EQ(result.at("accuracy"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(result.at("top1"), 1.0 / 3);
  // Class 0: one right of two called so and two that are so; class 1: none of one.
  EXPECT_DOUBLE_EQ(result.at("macro_f1"), 0.25);
  EXPECT_DOUBLE_EQ(result.at("matthews"), -0.5);
  const Evaluation hidden = evaluate(echo, loader, MaskedLanguageModel());
  EXPECT_NEAR(hidden.at("perplexity"), std::exp((right + 2 * wrong) / 3), 1e-5);
}

// Rows that do not count have values, too: those of padding.
TEST(Metrics, OfValuesLeaveOutWhatDoesNotCount) {
  const Judged judged{.outputs = Tensor(),
                      .predictions = tensor({1.0f, 50.0f, 2.0f, -9.0f, 4.0f}),
                      .targets = tensor({2.0f, 0.0f, 2.0f, 7.0f, 6.0f}),
                      .counted = tensor({1, 0, 1, 0, 1}).to(DType::Bool)};
  const test::TwinScope twin;
  for (const Device device : {Device(), kTwin})
    for (const auto& [name, wanted] : {std::pair("mse", 5.0 / 3),
                                       {"mae", 1.0},
                                       {"pearson", 20.0 / std::sqrt(448.0)},
                                       {"spearman", std::sqrt(3.0) / 2}}) {
      const auto state = make_state(metric_info(name), {});
      state->add({Tensor(), judged.predictions.to(device), judged.targets.to(device),
                  judged.counted.to(device)});
      eval(state->tensors());
      EXPECT_NEAR(state->value(), wanted, 1e-12) << name;
    }
}

TEST(Tasks, TargetsMayBeProbabilities) {
  const Tensor logits = tensor({{2.0f, -1.0f, 0.5f}, {0.0f, 1.0f, -2.0f}, {3.0f, 0.0f, 0.0f}});
  const Tensor shares = tensor({{0.7f, 0.3f, 0.0f}, {0.6f, 0.4f, 0.0f}, {0.2f, 0.3f, 0.5f}});
  const data::Batch batch{Tensor(), shares};
  const Classification plain(3, {.metrics = {"accuracy", "macro_f1"}});
  double wanted = 0;
  const auto x = logits.to_vector<float>(), p = shares.to_vector<float>();
  for (std::size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) sum += std::exp(double{x[3 * row + c]});
    for (std::size_t c = 0; c < 3; ++c)
      wanted += p[3 * row + c] * (std::log(sum) - double{x[3 * row + c]}) / 3;
  }
  EXPECT_NEAR(plain.loss(logits, batch).item(), wanted, 1e-6);
  EXPECT_EQ(plain.correct(logits, batch).item<std::int64_t>(), 1);
  EXPECT_EQ(plain.judge(logits, batch).targets.to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{0, 0, 2}));
  // PyTorch divides by the samples then, whatever the classes weigh.
  const Tensor weights = tensor({1.0f, 2.0f, 3.0f});
  const Classification weighted(3, {.class_weights = weights});
  EXPECT_FALSE(weighted.weight(batch).defined());
  EXPECT_EQ(weighted.loss(logits, batch).item(),
            cross_entropy(logits, shares, {.weight = weights}).item());
}

TEST(Tasks, NetworksMayTakeSeveralFields) {
  class Pairs final : public data::Dataset {
   public:
    std::int64_t size() const override { return 4; }
    data::Sample get(const data::SampleKey& key) const override {
      const auto i = static_cast<float>(key.index);
      return {{"a", tensor({i, 0.0f})}, {"b", tensor({0.0f, 1.5f})}, {"labels", key.index / 2}};
    }
  };
  Echo echo;
  data::DataLoader loader{Pairs(), {.batch_size = 3}};
  const SequenceClassification task(
      2, {.forward = [](nn::Module& m, const data::Batch& b) { return m(b["a"]) + m(b["b"]); }});
  EXPECT_EQ(evaluate(echo, loader, task).at("accuracy"), 0.0);
  const auto outputs = outputs_of(echo, loader, task);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(task.predict(outputs[0]).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{1, 1, 0}));
  EXPECT_EQ(outputs[1].to_vector<float>(), (std::vector<float>{3, 1.5f}));
  const SequenceClassification elsewhere(2, {.targets = "gold"});
  EXPECT_NE(message_of<ValueError>([&] { evaluate(echo, loader, elsewhere); }).find("a, b, labels"),
            std::string::npos);
}

TEST(Tasks, RefuseOptionsThatMeanNothing) {
  EXPECT_THROW(Classification(2, {.label_smoothing = 1}), ValueError);
  EXPECT_THROW(Classification(-1), ValueError);
  EXPECT_THROW(Classification(2, {.class_weights = ones({2, 2})}), ValueError);
  EXPECT_THROW(MultiLabelClassification(0), ValueError);
  EXPECT_THROW(MultiLabelClassification(2, {.label_smoothing = 0.1}), ValueError);
  EXPECT_THROW(Regression({.class_weights = ones({2})}), ValueError);
}

}  // namespace
}  // namespace ingot::train
