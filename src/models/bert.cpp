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
#include <ingot/ops/order.h>
#include <ingot/ops/shape.h>

namespace ingot::models {
namespace detail {
namespace {

/// [T], the same for all texts; of RoBERTa [N, T]: padding has a position of its own, and counts
/// nowhere.
Tensor position_ids(const Tensor& ids, const BertConfig& config) {
  const auto pad = padded_position(config);
  if (!pad) return arange(ids.size(1)).to(ids.device());
  const Tensor real = (ids != *pad).to(DType::Int64);
  return cumsum(real, 1) * real + *pad;
}

// [N, T, hidden_size] to [N, heads, T, features of a head].
Tensor split_heads(const Tensor& x, std::int64_t count) {
  return x.reshape({x.size(0), x.size(1), count, x.size(2) / count}).permute({0, 2, 1, 3});
}

}  // namespace

std::optional<std::int64_t> padded_position(const BertConfig& config) {
  if (config.model_type != "roberta") return {};
  return config.pad_token_id;
}

Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, std::int64_t num_heads,
              const Tensor& mask, double dropout_p) {
  const Tensor seen = scaled_dot_product_attention(
      split_heads(query, num_heads), split_heads(key, num_heads), split_heads(value, num_heads),
      {.mask = mask, .dropout_p = dropout_p});
  return seen.permute({0, 2, 1, 3}).reshape(query.shape());
}

Tensor check_inputs(const Tensor& ids, const BertInputs& inputs, const BertConfig& config,
                    const char* who) {
  if (ids.dim() != 2)
    throw ShapeError(fmt::format("{}: ids must be [N, T], got {}", who, ids.shape().str()));
  if (ids.size(1) > config.max_length())
    throw ValueError(
        fmt::format("{}: {} tokens are more than the {} positions of the model "
                    "(max_position_embeddings); "
                    "encode with truncation",
                    who, ids.size(1), config.max_length()));
  for (const auto& [name, tensor] : {std::pair("token_type_ids", inputs.token_type_ids),
                                     std::pair("attention_mask", inputs.attention_mask)})
    if (tensor.defined() && tensor.shape() != ids.shape())
      throw ShapeError(fmt::format("{}: {} must have the shape of the ids, {}, got {}", who, name,
                                   ids.shape().str(), tensor.shape().str()));
  if (!inputs.attention_mask.defined()) return {};
  return (inputs.attention_mask != 0).reshape({ids.size(0), 1, 1, ids.size(1)});
}

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

double classifier_dropout(const BertConfig& config) {
  return config.classifier_dropout.value_or(config.hidden_dropout_prob);
}

Tensor BertEmbeddings::forward(const Tensor& ids, const Tensor& token_type_ids) {
  const Tensor positions = position_embeddings(position_ids(ids, options()));
  const Tensor types = token_type_embeddings(
      token_type_ids.defined() ? token_type_ids
                               : zeros({1, 1}, {.dtype = DType::Int64, .device = ids.device()}));
  return dropout(norm(word_embeddings(ids) + types + positions));
}

Tensor BertSelfAttention::forward(const Tensor& x, const Tensor& mask) {
  return attend(query(x), key(x), value(x), options().num_attention_heads, mask,
                is_training() ? options().attention_probs_dropout_prob : 0);
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

void BertModel::check(const BertConfig& config) {
  config.check();
  if (config.model_type == "distilbert")
    throw ValueError("BertModel: a config of DistilBERT is for a DistilBertModel");
}

BertModel::BertModel(const BertConfig& config) : TakesOptional(config) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    encoder.layer.add<detail::BertLayer>(config);
  if (config.add_pooling_layer)
    pooler_ = static_cast<detail::BertPooler*>(
        &register_module("pooler", std::make_unique<detail::BertPooler>(config)));
  detail::draw(*this, config);
}

BertModel::BertModel(nn::Module& owner, std::string name, const BertConfig& config)
    : BertModel(config) {
  attach_to(owner, std::move(name));
}

BertOutput BertModel::forward(const Tensor& ids, const BertInputs& inputs) {
  const Tensor mask = detail::check_inputs(ids, inputs, config(), "BertModel");
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
  detail::draw(*this, config);
}

Tensor BertForSequenceClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(bert(ids, inputs).pooler_output));
}

BertForTokenClassification::BertForTokenClassification(std::int64_t num_labels, BertConfig config)
    : TakesOptional(num_labels, detail::without_pooler(config)) {
  detail::draw(*this, config);
}

Tensor BertForTokenClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(bert(ids, inputs).output));
}

BertForMaskedLM::BertForMaskedLM(BertConfig config)
    : TakesOptional(detail::without_pooler(config)) {
  detail::draw(*this, config);
  // The table is drawn as the embedding's, its padding row included.
  cls.predictions.decoder.weight = bert.embeddings.word_embeddings.weight;
  cls.predictions.decoder.bias = cls.predictions.bias;
}

Tensor BertForMaskedLM::forward(const Tensor& ids, const BertInputs& inputs) {
  return cls(bert(ids, inputs).output);
}

PretrainedTraits BertModel::traits() const {
  return {.architecture = config().model_type == "roberta" ? "RobertaModel" : "BertModel",
          .prefix = "",
          .heads = {},
          .config = &config()};
}
PretrainedTraits BertForSequenceClassification::traits() const {
  return {"BertForSequenceClassification",
          "bert.",
          {"classifier"},
          &bert.config(),
          classifier.out_features()};
}
PretrainedTraits BertForTokenClassification::traits() const {
  return {"BertForTokenClassification",
          "bert.",
          {"classifier"},
          &bert.config(),
          classifier.out_features()};
}
PretrainedTraits BertForMaskedLM::traits() const {
  return {"BertForMaskedLM", "bert.", {"cls"}, &bert.config()};
}

}  // namespace ingot::models
