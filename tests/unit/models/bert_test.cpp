// BERT beside Hugging Face's: values, gradients and three steps of AdamW, in float64 and float32.
// Weights, inputs and labels come from a formula (tests/fixtures/make_bert_fixtures.py).
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/bert.h>
#include <ingot/models/distilbert.h>
#include <ingot/models/roberta.h>
#include <ingot/models/sequence_classifier.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/reduction.h>
#include <ingot/optim/adam.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/expect.h"
#include "support/op_values.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::models {
namespace {

using nlohmann::json;
using optest::uniforms;
using test::message_of;
using test::values;

json fixture(const std::string& name) {
  std::ifstream file(testing::source_dir() + "/tests/fixtures/bert/" + name + ".json");
  if (!file) throw IoError("no fixture " + name);
  return json::parse(file);
}

bool is_norm(const std::string& key) {
  return key.find("LayerNorm.") != std::string::npos ||
         key.find("layer_norm.") != std::string::npos;
}

void fill(nn::Module& model) {
  const NoGradGuard no_grad;
  std::vector<Tensor> filled;
  for (auto [key, tensor] : model.state_dict()) {
    // Tied tensors have the values of their first name.
    if (std::ranges::any_of(filled, [&](const Tensor& t) { return t.is_same(tensor); })) continue;
    filled.push_back(tensor);
    std::vector<double> u = uniforms(key, static_cast<std::size_t>(tensor.numel()));
    const double fan_in = static_cast<double>(tensor.numel()) / static_cast<double>(tensor.size(0));
    for (double& v : u)
      v = is_norm(key)        ? (key.ends_with("weight") ? 0.5 + v : 0.2 * v - 0.1)
          : tensor.dim() == 1 ? 0.1 * (2 * v - 1)
                              : (2 * v - 1) * std::sqrt(6 / fan_in);
    tensor.copy_(from_vector(u, tensor.shape()).to(tensor.dtype()));
  }
}

Tensor int_tensor(const json& rows) {
  std::vector<std::int64_t> all;
  for (const auto& row : rows)
    for (const std::int64_t v : row) all.push_back(v);
  return from_vector(
      all, {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows.at(0).size())});
}

struct Inputs {
  Tensor ids;
  BertInputs more;
};

Inputs inputs_of(const json& f) {
  return {int_tensor(f.at("input_ids")),
          {.token_type_ids = int_tensor(f.at("token_type_ids")),
           .attention_mask = int_tensor(f.at("attention_mask"))}};
}

/// `t` beside its summary; in float32 as far off as PyTorch's own float32 may be.
void expect_summary(const Tensor& t, const json& wanted, const std::string& name, DType dtype,
                    double norm = 0) {
  SCOPED_TRACE(name);
  EXPECT_EQ(t.shape(), Shape(wanted.at("shape").get<std::vector<std::int64_t>>()));
  const std::vector<double> got = values(t);
  double l2 = 0, probe = 0;
  const std::vector<double> u = uniforms("probe:" + name, got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    l2 += got[i] * got[i];
    probe += got[i] * (2 * u[i] - 1);
  }
  l2 = std::sqrt(l2);
  if (wanted.value("zero", false)) {
    EXPECT_LT(l2, 1e-5 * norm);
    return;
  }
  const double scale = wanted.at("l2");
  const double bound =
      scale *
      (dtype == DType::Float64 ? 1e-9 : std::max(1e-3, 4 * wanted.at("dev32").get<double>()));
  EXPECT_NEAR(l2, scale, bound);
  EXPECT_NEAR(probe, wanted.at("probe").get<double>(), bound);
  const auto head = wanted.at("head").get<std::vector<double>>();
  for (std::size_t i = 0; i < head.size(); ++i) EXPECT_NEAR(got[i], head[i], bound) << i;
}

class Bert : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(DTypes, Bert, ::testing::Values(DType::Float64, DType::Float32),
                         [](const auto& which) { return std::string(name(which.param)); });

void expect_keys(const nn::Module& model, const json& f) {
  std::vector<std::string> keys;
  for (const auto& [key, tensor] : model.state_dict()) keys.push_back(key);
  // transformers' RobertaEmbeddings register their positions once more, at the end.
  const auto positions =
      std::ranges::find(keys, std::string("roberta.embeddings.position_embeddings.weight"));
  const auto last = std::ranges::find(keys, std::string("roberta.embeddings.LayerNorm.bias"));
  if (positions != keys.end() && last != keys.end())
    std::rotate(positions, positions + 1, last + 1);
  EXPECT_EQ(keys, f.at("keys").get<std::vector<std::string>>());
}

TEST_P(Bert, HiddenStatesAndPoolerEqualHuggingFace) {
  const json f = fixture("bert_model");
  BertModel model(BertConfig::from_json(f.at("config").dump()));
  expect_keys(model, f);
  model.to(GetParam());
  fill(model);
  model.eval();
  const auto [ids, more] = inputs_of(f);
  const BertOutput out = model(ids, more);
  const json& states = f.at("hidden_states (padding set to 0)");
  ASSERT_EQ(out.hidden_states.size(), states.size());
  const Tensor valid = more.attention_mask.unsqueeze(-1).to(GetParam());
  for (std::size_t i = 0; i < states.size(); ++i)
    expect_summary(out.hidden_states[i] * valid, states[i], "hidden:" + std::to_string(i),
                   GetParam());
  EXPECT_TRUE(out.output.is_same(out.hidden_states.back()));
  const std::vector<double> pooled = values(out.pooler_output);
  std::size_t i = 0;
  for (const auto& row : f.at("pooler_output"))
    for (const double v : row)
      EXPECT_NEAR(pooled.at(i++), v, GetParam() == DType::Float64 ? 1e-10 : 1e-4);
}

/// Three steps as the Trainer takes them.
void expect_training(const json& f, nn::Module& model, DType dtype, const char* output,
                     const std::function<Tensor()>& logits,
                     const std::function<Tensor(const Tensor&)>& loss_of) {
  expect_keys(model, f);
  model.to(dtype);
  fill(model);
  model.train();
  std::vector<Tensor> decayed, others;
  for (auto& [key, parameter] : model.named_parameters())
    (is_norm(key) || key.ends_with("bias") ? others : decayed).push_back(parameter);
  optim::AdamW adam(decayed, {.lr = 1e-3, .weight_decay = 0.01});
  adam.add_param_group(others, {.lr = 1e-3, .weight_decay = 0});
  const double bound = dtype == DType::Float64 ? 1e-9 : 1e-4;
  for (int step = 0; step < 3; ++step) {
    const Tensor out = logits();
    const Tensor loss = loss_of(out);
    adam.zero_grad();
    loss.backward();
    EXPECT_NEAR(values(loss)[0], f.at("losses").at(static_cast<std::size_t>(step)).get<double>(),
                bound);
    if (step == 0) {
      expect_summary(out, f.at("outputs").at(output), output, dtype);
      for (auto& [key, parameter] : model.named_parameters())
        expect_summary(parameter.grad(), f.at("grads").at(key), key, dtype, f.at("grad_norm"));
    }
    const Tensor norm = nn::utils::clip_grad_norm_(model.parameters(), 1);
    adam.set_lr(1e-3 * (3 - step) / 3);
    adam.step();
    EXPECT_NEAR(
        values(norm)[0] / f.at("grad_norms").at(static_cast<std::size_t>(step)).get<double>(), 1,
        dtype == DType::Float64 ? 1e-9 : 1e-3);
    const char* after = step == 0 ? "after_step" : step == 2 ? "after_all" : nullptr;
    if (after == nullptr) continue;
    for (const auto& [key, tensor] : model.state_dict()) {
      // Where the gradient is zero but for rounding, Adam's step is that rounding's sign.
      const json& grads = f.at("grads");
      if (grads.contains(key) && grads.at(key).at("zero").get<bool>()) continue;
      expect_summary(tensor, f.at(after).at(key), key, dtype);
    }
  }
}

TEST_P(Bert, ClassificationTrainsAsWithHuggingFace) {
  const json f = fixture("bert_classification");
  BertForSequenceClassification model(3, BertConfig::from_json(f.at("config").dump()));
  const auto [ids, more] = inputs_of(f);
  const Tensor labels = from_vector(f.at("labels").get<std::vector<std::int64_t>>());
  expect_training(
      f, model, GetParam(), "logits", [&] { return model(ids, more); },
      [&](const Tensor& logits) { return cross_entropy(logits, labels); });
}

TEST_P(Bert, RegressionTrainsAsWithHuggingFace) {
  const json f = fixture("bert_regression");
  BertForSequenceClassification model(1, BertConfig::from_json(f.at("config").dump()));
  const auto [ids, more] = inputs_of(f);
  const Tensor targets = from_vector(f.at("targets").get<std::vector<double>>()).to(GetParam());
  expect_training(
      f, model, GetParam(), "logits", [&] { return model(ids, more); },
      [&](const Tensor& logits) { return mse_loss(logits.squeeze(-1), targets); });
}

TEST_P(Bert, MaskedLanguageModelTrainsAsWithHuggingFace) {
  const json f = fixture("bert_masked_lm");
  BertForMaskedLM model(BertConfig::from_json(f.at("config").dump()));
  const auto [ids, more] = inputs_of(f);
  const Tensor labels = int_tensor(f.at("labels"));
  Tensor logits;
  const Tensor valid = more.attention_mask.unsqueeze(-1).to(GetParam());
  expect_training(
      f, model, GetParam(), "logits (padding set to 0)",
      [&] {
        logits = model(ids, more);
        return logits * valid;
      },
      [&](const Tensor&) { return cross_entropy(logits.flatten(0, 1), labels.flatten()); });
}

/// The three heads of a family.
template <class Texts, class Words, class Masked>
void expect_family(const std::string& name, DType dtype) {
  const auto config = [](const json& f) { return BertConfig::from_json(f.at("config").dump()); };
  {
    SCOPED_TRACE(name + " classification");
    const json f = fixture(name + "_classification");
    Texts model(3, config(f));
    const auto [ids, more] = inputs_of(f);
    const Tensor labels = from_vector(f.at("labels").get<std::vector<std::int64_t>>());
    expect_training(
        f, model, dtype, "logits", [&] { return model(ids, more); },
        [&](const Tensor& logits) { return cross_entropy(logits, labels); });
  }
  const auto expect_tokens = [&](const json& f, auto& model) {
    const auto [ids, more] = inputs_of(f);
    const Tensor labels = int_tensor(f.at("labels"));
    const Tensor valid = more.attention_mask.unsqueeze(-1).to(dtype);
    Tensor logits;
    expect_training(
        f, model, dtype, "logits (padding set to 0)",
        [&, ids = ids, more = more] {
          logits = model(ids, more);
          return logits * valid;
        },
        [&](const Tensor&) { return cross_entropy(logits.flatten(0, 1), labels.flatten()); });
  };
  {
    SCOPED_TRACE(name + " token classification");
    const json f = fixture(name + "_token_classification");
    Words model(3, config(f));
    expect_tokens(f, model);
  }
  {
    SCOPED_TRACE(name + " masked LM");
    const json f = fixture(name + "_masked_lm");
    Masked model(config(f));
    expect_tokens(f, model);
  }
}

TEST_P(Bert, RobertaTrainsAsWithHuggingFace) {
  expect_family<RobertaForSequenceClassification, RobertaForTokenClassification,
                RobertaForMaskedLM>("roberta", GetParam());
}

TEST_P(Bert, DistilBertTrainsAsWithHuggingFace) {
  expect_family<DistilBertForSequenceClassification, DistilBertForTokenClassification,
                DistilBertForMaskedLM>("distilbert", GetParam());
}

BertConfig tiny() {
  BertConfig config;
  config.vocab_size = 20;
  config.hidden_size = 8;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.intermediate_size = 12;
  config.max_position_embeddings = 6;
  return config;
}

TEST(BertModels, PaddingChangesNothing) {
  BertModel model(tiny());
  model.eval();
  const Tensor alone = model(from_vector<std::int64_t>({3, 4, 5}, {1, 3})).output;
  const Tensor padded =
      model(from_vector<std::int64_t>({3, 4, 5, 0, 0}, {1, 5}),
            {.attention_mask = from_vector<std::int64_t>({1, 1, 1, 0, 0}, {1, 5})})
          .output;
  const auto a = values(alone), b = values(padded.narrow(1, 0, 3));
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

TEST(BertModels, TokensHaveLogitsOfTheirOwn) {
  BertForTokenClassification model(5, tiny());
  EXPECT_EQ(model(from_vector<std::int64_t>({3, 4, 5, 6}, {2, 2})).shape(), (Shape{2, 2, 5}));
  for (const auto& [key, tensor] : model.state_dict())
    EXPECT_EQ(key.find("pooler"), std::string::npos) << key;
}

TEST(BertModels, ACloneIsTheSame) {
  BertForSequenceClassification model(3, tiny());
  model.eval();
  const auto copy = model.clone();
  auto& same = dynamic_cast<BertForSequenceClassification&>(*copy);
  const Tensor ids = from_vector<std::int64_t>({3, 4, 5, 6}, {2, 2});
  EXPECT_EQ(values(model(ids)), values(same(ids)));
}

TEST(BertModels, FoldersOfHuggingFaceAreRead) {
  const testing::ScratchFolder folder;
  folder.write("config.json", R"({"model_type": "bert", "vocab_size": 20, "hidden_size": 8,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
    "max_position_embeddings": 6, "id2label": {"0": "no"}})");
  BertForSequenceClassification model(3, tiny());
  model.eval();
  const Tensor ids = from_vector<std::int64_t>({3, 4, 5, 6}, {2, 2});
  StateDict old;  // keys of the first files
  for (const auto& [key, tensor] : model.state_dict()) {
    std::string name = key;
    if (name.ends_with("LayerNorm.weight")) name.replace(name.size() - 6, 6, "gamma");
    if (name.ends_with("LayerNorm.bias")) name.replace(name.size() - 4, 4, "beta");
    old.insert(name, tensor);
  }
  old.insert("bert.embeddings.position_ids", arange(6));
  old.insert("cls.predictions.bias", zeros({20}));
  for (const bool modern : {true, false}) {
    save(modern ? model.state_dict() : old, folder / "model.safetensors");
    const auto again = BertForSequenceClassification::from_pretrained(folder.path(), 3);
    again->eval();
    EXPECT_EQ(values((*again)(ids)), values(model(ids)));
    const auto bare = BertModel::from_pretrained(folder.path());
    bare->eval();
    EXPECT_EQ(values((*bare)(ids).output), values(model.bert(ids).output));
    save(bare->state_dict(), folder / "model.safetensors");  // without "bert."
    const auto tokens = BertForTokenClassification::from_pretrained(folder.path(), 5);
    tokens->eval();
    EXPECT_EQ(values(tokens->bert(ids).output), values(model.bert(ids).output));
  }
  save({{"embeddings.word_embeddings.weight", zeros({20, 8})}}, folder / "model.safetensors");
  EXPECT_NE(message_of<ValueError>([&] {
              BertModel::from_pretrained(folder.path());
            }).find("pooler.dense.weight"),
            std::string::npos);
  std::filesystem::remove(folder / "model.safetensors");
  EXPECT_NE(message_of<IoError>([&] {
              BertModel::from_pretrained(folder.path());
            }).find("model.safetensors"),
            std::string::npos);
  std::filesystem::remove(folder / "config.json");
  EXPECT_NE(
      message_of<IoError>([&] { BertModel::from_pretrained(folder.path()); }).find("config.json"),
      std::string::npos);
}

TEST(BertModels, ASavedModelIsTheSame) {
  const testing::ScratchFolder folder;
  BertConfig config = tiny();
  config.other = R"({"torch_dtype": "float32", "id2label": {"0": "no", "1": "yes"}})";
  const Tensor ids = from_vector<std::int64_t>({3, 4, 5, 6}, {2, 2});
  for (const std::int64_t labels : {2, 3}) {
    BertForSequenceClassification model(labels, config);
    model.eval();
    save_pretrained(model, folder / "a/b");
    const auto again = BertForSequenceClassification::from_pretrained(folder / "a/b", labels);
    again->eval();
    EXPECT_EQ(values((*again)(ids)), values(model(ids)));
    const json file = json::parse(folder.read("a/b/config.json"));
    EXPECT_EQ(file.at("torch_dtype"), "float32");
    EXPECT_EQ(file.at("architectures"), json::array({"BertForSequenceClassification"}));
    EXPECT_EQ(file.at("id2label").at("1"), labels == 2 ? "yes" : "LABEL_1");
    EXPECT_EQ(file.at("hidden_size"), 8);
    EXPECT_EQ(BertConfig::from_json(file.dump()).to_json(),
              BertConfig::from_json(BertConfig::from_json(file.dump()).to_json()).to_json());
  }
  BertForMaskedLM masked(tiny());
  save_pretrained(masked, folder.path());
  EXPECT_NE(folder.read("config.json").find("BertForMaskedLM"), std::string::npos);
  const nn::Linear other(2, 2);
  EXPECT_NE(message_of<ValueError>([&] { save_pretrained(other, folder.path()); }).find("no BERT"),
            std::string::npos);
}

template <class Texts, class Masked>
void expect_folder(const char* type, const char* field) {
  SCOPED_TRACE(type);
  const testing::ScratchFolder folder;
  BertConfig config = tiny();
  config.model_type = type;
  config.max_position_embeddings = 8;
  const Tensor ids = from_vector<std::int64_t>({3, 4, 5, 6}, {2, 2});
  Texts model(3, config);
  model.eval();
  save_pretrained(model, folder.path(), R"({"id2label": {"0": "a", "1": "b", "2": "c"}})");
  const json file = json::parse(folder.read("config.json"));
  EXPECT_EQ(file.at("model_type"), type);
  EXPECT_EQ(file.at(field), 8);
  const auto again = Texts::from_pretrained(folder.path(), 3);
  again->eval();
  EXPECT_EQ(values((*again)(ids)), values(model(ids)));
  SequenceClassifier any = load_sequence_classifier(folder.path(), 3);
  any.module->eval();
  EXPECT_EQ(values(any.logits(ids, {})), values(model(ids)));
  EXPECT_TRUE(any.drawn.empty() && any.left_out.empty());
  EXPECT_EQ(label_names(folder.path()).names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_NE(message_of<ValueError>([&] {
              load_sequence_classifier(folder.path(), 2);
            }).find("[3, 8] in the file, [2, 8] here"),
            std::string::npos);
  EXPECT_FALSE(load_sequence_classifier(folder.path(), 2, true).drawn.empty());
  // The body of another head's file; a tied tensor is there once.
  const auto masked = Masked::from_pretrained(folder.path());
  masked->eval();
  save_pretrained(*masked, folder.path());
  StateDict once;
  for (const auto& [key, tensor] : masked->state_dict())
    if (!key.ends_with("decoder.weight") && !key.ends_with("projector.weight"))
      once.insert(key, tensor);
  save(once, folder / "model.safetensors");
  const auto masked_again = Masked::from_pretrained(folder.path());
  masked_again->eval();
  EXPECT_EQ(values((*masked_again)(ids)), values((*masked)(ids)));
}

TEST(BertModels, RelativesAreReadAndWritten) {
  expect_folder<BertForSequenceClassification, BertForMaskedLM>("bert", "hidden_size");
  expect_folder<RobertaForSequenceClassification, RobertaForMaskedLM>("roberta", "hidden_size");
  expect_folder<DistilBertForSequenceClassification, DistilBertForMaskedLM>("distilbert", "dim");
  EXPECT_NE(message_of<ValueError>([] { DistilBertModel m(tiny()); }).find("none of DistilBERT"),
            std::string::npos);
}

TEST(BertModels, WeightsMayBeInSeveralFiles) {
  const testing::ScratchFolder folder;
  BertModel model(tiny());
  model.eval();
  save_pretrained(model, folder.path());
  StateDict parts[2];
  json map = json::object();
  for (const auto& [key, tensor] : model.state_dict()) {
    const int part = key.starts_with("encoder.") ? 1 : 0;
    parts[part].insert(key, tensor);
    map[key] = "part" + std::to_string(part) + ".safetensors";
  }
  std::filesystem::remove(folder / "model.safetensors");
  for (int i = 0; i < 2; ++i)
    save(parts[i], folder / ("part" + std::to_string(i) + ".safetensors"));
  folder.write("model.safetensors.index.json", json{{"weight_map", map}}.dump());
  const auto again = BertModel::from_pretrained(folder.path());
  again->eval();
  const Tensor ids = from_vector<std::int64_t>({3, 4}, {1, 2});
  EXPECT_EQ(values((*again)(ids).output), values(model(ids).output));
  map["pooler.dense.bias"] = "../part0.safetensors";
  folder.write("model.safetensors.index.json", json{{"weight_map", map}}.dump());
  EXPECT_NE(message_of<IoError>([&] {
              BertModel::from_pretrained(folder.path());
            }).find("is no name of a file beside this one"),
            std::string::npos);
}

TEST(BertModels, ErrorsSayWhatDoesNotFit) {
  BertModel model(tiny());
  const Tensor seven = from_vector<std::int64_t>({1, 2, 3, 4, 5, 6, 7}, {1, 7});
  EXPECT_NE(message_of<ValueError>([&] { model(seven); }).find("7 tokens are more than the 6"),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([&] {
              model(from_vector<std::int64_t>({1, 2}));
            }).find("[N, T]"),
            std::string::npos);
  const Tensor ids = from_vector<std::int64_t>({1, 2}, {1, 2});
  EXPECT_NE(
      message_of<ShapeError>([&] { model(ids, {.attention_mask = seven}); }).find("attention_mask"),
      std::string::npos);
  EXPECT_THROW(values(model(from_vector<std::int64_t>({1, 20}, {1, 2})).output), IndexError);
  BertConfig odd = tiny();
  odd.num_attention_heads = 3;
  EXPECT_NE(message_of<ValueError>([&] { BertModel m(odd); }).find("num_attention_heads is 3"),
            std::string::npos);
}

TEST(BertModels, ConfigsSayWhatIsWrong) {
  const auto says = [](const char* text, const char* part) {
    const std::string message =
        message_of<IoError>([&] { static_cast<void>(BertConfig::from_json(text, "c.json")); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find("c.json"), 0u) << message;
  };
  says("{", "parse error");
  says(R"({"model_type": "gpt2"})", "'gpt2'");
  says(R"({"hidden_act": "relu"})", "'relu'");
  says(R"({"hidden_size": "many"})", "type");
  says(R"({"hidden_size": 0})", "hidden_size is 0");
  says("[]", "no JSON object");
  EXPECT_EQ(BertConfig::from_json(R"({"hidden_size": 24, "pad_token_id": null})").hidden_size, 24);
}

}  // namespace
}  // namespace ingot::models
