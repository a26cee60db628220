#include <ingot/models/bert.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/nn/init.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/attention.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include <nlohmann/json.hpp>

namespace ingot::models {
namespace {

/// Hugging Face's first values.
void draw(nn::Module& model, const BertConfig& config) {
  for (nn::Module* module : model.modules()) {
    if (auto* linear = dynamic_cast<nn::Linear*>(module)) {
      nn::init::normal_(linear->weight, 0, config.initializer_range);
      nn::init::zeros_(linear->bias);
    } else if (auto* table = dynamic_cast<nn::Embedding*>(module)) {
      nn::init::normal_(table->weight, 0, config.initializer_range);
      const NoGradGuard no_grad;
      if (table->options().padding_idx) table->weight[*table->options().padding_idx] = 0;
    }
  }
}

BertConfig without_pooler(BertConfig config) {
  config.add_pooling_layer = false;
  return config;
}

void require(bool right, const char* field, const auto& value, const char* what) {
  if (!right) throw ValueError(fmt::format("BertConfig: {} is {}: {}", field, value, what));
}

}  // namespace

void BertConfig::check() const {
  const auto positive = [](const char* field, std::int64_t value) {
    require(value >= 1, field, value, "must be at least 1");
  };
  positive("vocab_size", vocab_size);
  positive("hidden_size", hidden_size);
  positive("num_hidden_layers", num_hidden_layers);
  positive("num_attention_heads", num_attention_heads);
  positive("intermediate_size", intermediate_size);
  positive("max_position_embeddings", max_position_embeddings);
  positive("type_vocab_size", type_vocab_size);
  require(hidden_size % num_attention_heads == 0, "num_attention_heads", num_attention_heads,
          "must divide hidden_size");
  require(pad_token_id >= 0 && pad_token_id < vocab_size, "pad_token_id", pad_token_id,
          "must be in the vocabulary");
  const auto probability = [](const char* field, double value) {
    require(value >= 0 && value <= 1, field, value, "must be in [0, 1]");
  };
  probability("hidden_dropout_prob", hidden_dropout_prob);
  probability("attention_probs_dropout_prob", attention_probs_dropout_prob);
  require(layer_norm_eps >= 0, "layer_norm_eps", layer_norm_eps, "must not be negative");
  require(initializer_range >= 0, "initializer_range", initializer_range, "must not be negative");
}

BertConfig BertConfig::from_json(std::string_view json, const std::string& name) {
  BertConfig out;
  try {
    const auto file = nlohmann::json::parse(json);
    if (!file.is_object()) throw IoError(fmt::format("{}: is no JSON object", name));
    const auto read = [&](const char* key, auto& field) {
      if (file.contains(key) && !file.at(key).is_null()) file.at(key).get_to(field);
    };
    const auto expect = [&](const char* key, const std::string& wanted) {
      std::string value = wanted;
      read(key, value);
      if (value != wanted)
        throw IoError(
            fmt::format("{}: {} '{}' is not supported; there is: {}", name, key, value, wanted));
    };
    expect("model_type", "bert");
    expect("hidden_act", "gelu");
    expect("position_embedding_type", "absolute");
    read("vocab_size", out.vocab_size);
    read("hidden_size", out.hidden_size);
    read("num_hidden_layers", out.num_hidden_layers);
    read("num_attention_heads", out.num_attention_heads);
    read("intermediate_size", out.intermediate_size);
    read("max_position_embeddings", out.max_position_embeddings);
    read("type_vocab_size", out.type_vocab_size);
    read("pad_token_id", out.pad_token_id);
    read("hidden_dropout_prob", out.hidden_dropout_prob);
    read("attention_probs_dropout_prob", out.attention_probs_dropout_prob);
    read("layer_norm_eps", out.layer_norm_eps);
    read("initializer_range", out.initializer_range);
    out.check();
    auto other = file;
    const auto known = nlohmann::json::parse(BertConfig().to_json());
    for (const auto& field : known.items()) other.erase(field.key());
    out.other = other.dump();
  } catch (const nlohmann::json::exception& error) {
    throw IoError(fmt::format("{}: {}", name, error.what()));
  } catch (const ValueError& error) {
    throw IoError(fmt::format("{}: {}", name, error.what()));
  }
  return out;
}

std::string BertConfig::to_json() const {
  nlohmann::ordered_json file = nlohmann::ordered_json::parse(other);
  file["model_type"] = "bert";
  file["hidden_act"] = "gelu";
  file["position_embedding_type"] = "absolute";
  file["vocab_size"] = vocab_size;
  file["hidden_size"] = hidden_size;
  file["num_hidden_layers"] = num_hidden_layers;
  file["num_attention_heads"] = num_attention_heads;
  file["intermediate_size"] = intermediate_size;
  file["max_position_embeddings"] = max_position_embeddings;
  file["type_vocab_size"] = type_vocab_size;
  file["pad_token_id"] = pad_token_id;
  file["hidden_dropout_prob"] = hidden_dropout_prob;
  file["attention_probs_dropout_prob"] = attention_probs_dropout_prob;
  file["layer_norm_eps"] = layer_norm_eps;
  file["initializer_range"] = initializer_range;
  return file.dump(2) + "\n";
}

namespace detail {

Tensor BertEmbeddings::forward(const Tensor& ids, const Tensor& token_type_ids) {
  const std::int64_t length = ids.size(1);
  const Tensor positions = position_embeddings(arange(length).to(ids.device()));
  const Tensor types = token_type_embeddings(
      token_type_ids.defined() ? token_type_ids
                               : zeros({1, 1}, {.dtype = DType::Int64, .device = ids.device()}));
  return dropout(norm(word_embeddings(ids) + types + positions));
}

// [N, T, hidden_size] to [N, heads, T, features of a head].
Tensor BertSelfAttention::heads(const Tensor& x) const {
  const std::int64_t count = options().num_attention_heads;
  return x.reshape({x.size(0), x.size(1), count, x.size(2) / count}).permute({0, 2, 1, 3});
}

Tensor BertSelfAttention::forward(const Tensor& x, const Tensor& mask) {
  const Tensor seen = scaled_dot_product_attention(
      heads(query(x)), heads(key(x)), heads(value(x)),
      {.mask = mask, .dropout_p = is_training() ? options().attention_probs_dropout_prob : 0});
  return seen.permute({0, 2, 1, 3}).reshape(x.shape());
}

Tensor BertJoin::forward(const Tensor& x, const Tensor& residual) {
  return norm(dropout(dense(x)) + residual);
}

Tensor BertAttention::forward(const Tensor& x, const Tensor& mask) {
  return output(self(x, mask), x);
}

Tensor BertIntermediate::forward(const Tensor& x) { return gelu(dense(x)); }

Tensor BertLayer::forward(const Tensor& x, const Tensor& mask) {
  const Tensor seen = attention(x, mask);
  return output(intermediate(seen), seen);
}

Tensor BertTransform::forward(const Tensor& x) { return norm(gelu(dense(x))); }

Tensor BertPredictions::forward(const Tensor& x) { return decoder(transform(x)); }

Tensor BertMaskedHead::forward(const Tensor& x) { return predictions(x); }

Tensor BertPooler::forward(const Tensor& x) { return dense(x.select(1, 0)).tanh(); }

}  // namespace detail

BertModel::BertModel(const BertConfig& config) : TakesOptional(config) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    encoder.layer.add<detail::BertLayer>(config);
  if (config.add_pooling_layer)
    pooler_ = static_cast<detail::BertPooler*>(
        &register_module("pooler", std::make_unique<detail::BertPooler>(config)));
  draw(*this, config);
}

BertModel::BertModel(nn::Module& owner, std::string name, const BertConfig& config)
    : BertModel(config) {
  attach_to(owner, std::move(name));
}

BertOutput BertModel::forward(const Tensor& ids, const BertInputs& inputs) {
  if (ids.dim() != 2)
    throw ShapeError(fmt::format("BertModel: ids must be [N, T], got {}", ids.shape().str()));
  if (ids.size(1) > config().max_position_embeddings)
    throw ValueError(
        fmt::format("BertModel: {} tokens are more than the {} positions of the model "
                    "(max_position_embeddings); "
                    "encode with truncation",
                    ids.size(1), config().max_position_embeddings));
  for (const auto& [name, tensor] : {std::pair("token_type_ids", inputs.token_type_ids),
                                     std::pair("attention_mask", inputs.attention_mask)})
    if (tensor.defined() && tensor.shape() != ids.shape())
      throw ShapeError(fmt::format("BertModel: {} must have the shape of the ids, {}, got {}", name,
                                   ids.shape().str(), tensor.shape().str()));
  Tensor mask;
  if (inputs.attention_mask.defined())
    mask = (inputs.attention_mask != 0).reshape({ids.size(0), 1, 1, ids.size(1)});
  BertOutput out;
  out.output = embeddings(ids, inputs.token_type_ids);
  out.hidden_states.push_back(out.output);
  for (nn::Module& layer : encoder.layer) {
    out.output = static_cast<detail::BertLayer&>(layer)(out.output, mask);
    out.hidden_states.push_back(out.output);
  }
  if (pooler_ != nullptr) out.pooler_output = (*pooler_)(out.output);
  return out;
}

BertForSequenceClassification::BertForSequenceClassification(std::int64_t num_labels,
                                                             const BertConfig& config)
    : TakesOptional(num_labels, config) {
  draw(*this, config);
}

Tensor BertForSequenceClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(bert(ids, inputs).pooler_output));
}

BertForTokenClassification::BertForTokenClassification(std::int64_t num_labels, BertConfig config)
    : TakesOptional(num_labels, without_pooler(config)) {
  draw(*this, config);
}

Tensor BertForTokenClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(bert(ids, inputs).output));
}

BertForMaskedLM::BertForMaskedLM(BertConfig config) : TakesOptional(without_pooler(config)) {
  draw(*this, config);
  // The table is drawn as the embedding's, its padding row included.
  cls.predictions.decoder.weight = bert.embeddings.word_embeddings.weight;
  cls.predictions.decoder.bias = cls.predictions.bias;
}

Tensor BertForMaskedLM::forward(const Tensor& ids, const BertInputs& inputs) {
  return cls(bert(ids, inputs).output);
}

}  // namespace ingot::models
