// The real MiniLM on MRPC beside transformers: ten steps over the first 320 pairs, and logits of 64
// pairs before and after. The model is in the folder that MINILM names, MRPC's tsv files in the one
// that MRPC names; neither is part of Ingot. Numbers: see "what" in the fixture.
#include <gtest/gtest.h>
#include <ingot/core/grad_mode.h>
#include <ingot/models/sequence_classifier.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "glue/optimization.h"
#include "glue/tokens.h"
#include "support/op_values.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::glue {
namespace {

using nlohmann::json;

std::vector<std::int64_t> rows(std::int64_t begin, std::int64_t count) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), begin);
  return out;
}

TEST(MiniLm, TrainsOnMrpcAsWithHuggingFace) {
  const char *const folder = std::getenv("MINILM"), *const data = std::getenv("MRPC");
  if (folder == nullptr || data == nullptr)
    GTEST_SKIP() << "MINILM and MRPC name no folders: the real model is not compared";
  std::ifstream file(testing::source_dir() + "/tests/fixtures/bert/mrpc-parity.json");
  const json wanted = json::parse(file).at("float64");
  std::ifstream config_file(std::string(folder) + "/config.json");
  json config = json::parse(config_file);
  config["hidden_dropout_prob"] = config["attention_probs_dropout_prob"] = 0;
  const testing::ScratchFolder scratch;
  scratch.write("config.json", config.dump());

  const auto model = models::load_sequence_classifier(folder, 2, false, scratch.path());
  EXPECT_EQ(model.drawn.size(), 2U);
  {
    const NoGradGuard no_grad;
    for (auto [key, scale] : {std::pair("classifier.weight", 0.05), {"classifier.bias", 0.1}}) {
      Tensor tensor = model.module->state_dict().at(key);
      auto u = optest::uniforms(key, static_cast<std::size_t>(tensor.numel()));
      for (double& v : u) v = (2 * v - 1) * scale;
      tensor.copy_(from_vector(u, tensor.shape()).to(DType::Float32));
    }
  }
  const auto tokenizer = text::Tokenizer::from_pretrained(folder);
  const Sentences train = read_glue(data, glue_task("mrpc"), data::Split::Train);
  const Sentences dev = read_glue(data, glue_task("mrpc"), data::Split::Val);
  const Tokens train_tokens(tokenizer, train, 128, model.vocab_size);
  const Tokens dev_tokens(tokenizer, dev, 128, model.vocab_size);
  const Padding padding{.id = 0, .length = 128};
  const auto logits = [&](const Tokens& tokens, const std::vector<std::int64_t>& which) {
    const auto batch = tokens.batch(which, padding);
    return model.logits(batch.input_ids, {.token_type_ids = batch.token_type_ids,
                                          .attention_mask = batch.attention_mask});
  };
  const auto expect_logits = [&](const char* name, double bound) {
    const NoGradGuard no_grad;
    model.module->eval();
    const auto got = logits(dev_tokens, rows(0, 64)).to_vector<float>();
    std::size_t i = 0;
    for (const auto& row : wanted.at(name))
      for (const double value : row) EXPECT_NEAR(got.at(i++), value, bound) << name << " " << i;
    model.module->train();
  };
  expect_logits("dev_logits_before", 1e-5);
  TrainingArguments arguments;
  arguments.learning_rate = 2e-5;
  const auto optimizer = make_optimizer(*model.module, arguments);
  const auto schedule = make_schedule(arguments, 10);
  for (std::int64_t step = 0; step < 10; ++step) {
    const auto which = rows(32 * step, 32);
    std::vector<std::int64_t> labels;
    for (const std::int64_t row : which)
      labels.push_back(train.labels[static_cast<std::size_t>(row)]);
    const Tensor loss = cross_entropy(logits(train_tokens, which), from_vector(labels));
    optimizer->zero_grad();
    loss.backward();
    const Tensor norm = nn::utils::clip_grad_norm_(model.module->parameters(), 1);
    optimizer->set_lr(arguments.learning_rate * schedule(step));
    optimizer->step();
    const auto i = static_cast<std::size_t>(step);
    EXPECT_NEAR(loss.item(), wanted.at("losses").at(i).get<double>(), 1e-5) << step;
    EXPECT_NEAR(norm.item() / wanted.at("grad_norms").at(i).get<double>(), 1, 1e-4) << step;
  }
  expect_logits("dev_logits_after", 1e-4);
}

}  // namespace
}  // namespace ingot::glue
