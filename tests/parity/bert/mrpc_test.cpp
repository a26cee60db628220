// A real BERT on real pairs, beside transformers: tokenizer, weights, ten steps of training. By
// hand:
//
//   INGOT_MINILM=FOLDER       all-MiniLM-L6-v2 in Hugging Face's form
//   INGOT_MRPC=FOLDER         train.tsv and dev.tsv of the Microsoft Research Paraphrase Corpus
//   INGOT_MRPC_PARITY=FILE    what transformers computes: losses, gradient norms, logits
//   ctest --preset release -C ByHand -R bert_parity --verbose
#include <gtest/gtest.h>
#include <ingot/core/grad_mode.h>
#include <ingot/models/bert.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/loss.h>
#include <ingot/optim/adam.h>
#include <ingot/text/tokenizer.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/op_values.h"

namespace ingot {
namespace {

namespace fs = std::filesystem;

struct Rows {
  std::vector<std::string> first, second;
  std::vector<std::int64_t> labels;
};

/// `count` rows of a tsv without quoting, whose head and first row's mark are left out.
Rows rows_of(const fs::path& path, std::size_t begin, std::size_t count) {
  std::ifstream file(path, std::ios::binary);
  Rows out;
  std::string line;
  for (std::size_t i = 0; std::getline(file, line) && i < begin + count + 1; ++i) {
    if (i < begin + 1) continue;
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    out.labels.push_back(std::stoll(cells.at(0)));
    out.first.push_back(cells.at(3));
    out.second.push_back(cells.at(4));
  }
  return out;
}

/// u(name, i) of tests/fixtures/formula.py.
std::vector<float> uniform(const std::string& name, std::size_t count) {
  const std::vector<double> u = optest::uniforms(name, count);
  return {u.begin(), u.end()};
}

class MrpcParity : public ::testing::Test {
 protected:
  Tensor logits_of(const Rows& rows) {
    const text::TokenBatch batch =
        text::to_tensors(tokenizer->encode_batch(rows.first, rows.second,
                                                 {.truncation = text::Truncation::LongestFirst,
                                                  .max_length = 128,
                                                  .padding = text::Padding::MaxLength}));
    return (*model)(batch.input_ids, {.token_type_ids = batch.token_type_ids,
                                      .attention_mask = batch.attention_mask});
  }

  void expect_logits(const nlohmann::json& wanted, double bound) {
    const NoGradGuard no_grad;
    const std::vector<float> got = logits_of(rows_of(mrpc / "dev.tsv", 0, 64)).to_vector<float>();
    std::size_t i = 0;
    for (const auto& row : wanted)
      for (const double v : row) EXPECT_NEAR(got.at(i++), v, bound);
  }

  fs::path mrpc;
  std::optional<text::Tokenizer> tokenizer;
  std::unique_ptr<models::BertForSequenceClassification> model;
};

TEST_F(MrpcParity, TenStepsOfMiniLmAreThoseOfTransformers) {
  const char* minilm = std::getenv("INGOT_MINILM");
  const char* folder = std::getenv("INGOT_MRPC");
  const char* wanted_file = std::getenv("INGOT_MRPC_PARITY");
  ASSERT_TRUE(minilm && folder && wanted_file)
      << "INGOT_MINILM, INGOT_MRPC or INGOT_MRPC_PARITY is not set";
  mrpc = folder;
  std::ifstream stream(wanted_file);
  const auto wanted = nlohmann::json::parse(stream).at("float64");
  tokenizer = text::Tokenizer::from_pretrained(minilm);
  model = models::BertForSequenceClassification::from_pretrained(minilm, 2);
  model->eval();  // no dropout
  {
    const NoGradGuard no_grad;
    std::vector<float> weight = uniform("classifier.weight", 768),
                       bias = uniform("classifier.bias", 2);
    for (float& v : weight) v = (2 * v - 1) * 0.05f;
    for (float& v : bias) v = (2 * v - 1) * 0.1f;
    model->classifier.weight.copy_(from_vector(weight, {2, 384}));
    model->classifier.bias.copy_(from_vector(bias));
  }
  expect_logits(wanted.at("dev_logits_before"), 1e-5);
  optim::AdamW adam(model->parameters(), {.lr = 2e-5, .weight_decay = 0});
  for (std::size_t step = 0; step < 10; ++step) {
    const Rows rows = rows_of(mrpc / "train.tsv", 32 * step, 32);
    const Tensor loss = cross_entropy(logits_of(rows), from_vector(rows.labels));
    adam.zero_grad();
    loss.backward();
    const Tensor norm = nn::utils::clip_grad_norm_(model->parameters(), 1);
    adam.set_lr(2e-5 * static_cast<double>(10 - step) / 10);
    adam.step();
    EXPECT_NEAR(loss.item(), wanted.at("losses").at(step).get<double>(), 1e-5) << step;
    EXPECT_NEAR(norm.item(), wanted.at("grad_norms").at(step).get<double>(), 1e-4) << step;
  }
  expect_logits(wanted.at("dev_logits_after"), 1e-4);
}

}  // namespace
}  // namespace ingot
