#include <ingot/models/distilbert.h>

#include <ingot/ops/activation.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "models/pretrained.h"

namespace ingot::models {
namespace detail {

Tensor DistilBertEmbeddings::forward(const Tensor& ids) {
  const Tensor positions = position_embeddings(arange(ids.size(1)).to(ids.device()));
  return dropout(norm(word_embeddings(ids) + positions));
}

Tensor DistilBertAttention::forward(const Tensor& x, const Tensor& mask) {
  return out_lin(attend(q_lin(x), k_lin(x), v_lin(x), options().num_attention_heads, mask,
                        is_training() ? options().attention_probs_dropout_prob : 0));
}

Tensor DistilBertFeedForward::forward(const Tensor& x) { return dropout(lin2(gelu(lin1(x)))); }

Tensor DistilBertLayer::forward(const Tensor& x, const Tensor& mask) {
  const Tensor seen = sa_layer_norm(attention(x, mask) + x);
  return output_layer_norm(ffn(seen) + seen);
}

}  // namespace detail

void DistilBertModel::check(const BertConfig& config) {
  detail::require_type(config, "distilbert", "DistilBERT");
  config.check();
}

DistilBertModel::DistilBertModel(const BertConfig& config) : TakesOptional(config) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    transformer.layer.add<detail::DistilBertLayer>(config);
  detail::draw(*this, config);
}

DistilBertModel::DistilBertModel(nn::Module& owner, std::string name, const BertConfig& config)
    : DistilBertModel(config) {
  attach_to(owner, std::move(name));
}

BertOutput DistilBertModel::forward(const Tensor& ids, const BertInputs& inputs) {
  const Tensor mask = detail::check_inputs(ids, inputs, config(), "DistilBertModel");
  BertOutput out;
  out.output = embeddings(ids);
  out.hidden_states.push_back(out.output);
  for (nn::Module& layer : transformer.layer) {
    out.output = static_cast<detail::DistilBertLayer&>(layer)(out.output, mask);
    out.hidden_states.push_back(out.output);
  }
  return out;
}

PretrainedTraits DistilBertModel::traits() const { return {"DistilBertModel", "", {}, &config()}; }

DistilBertForSequenceClassification::DistilBertForSequenceClassification(std::int64_t num_labels,
                                                                         const BertConfig& config)
    : TakesOptional(num_labels, config) {
  detail::draw(*this, config);
}

Tensor DistilBertForSequenceClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  const Tensor first = distilbert(ids, inputs).output.select(1, 0);
  return classifier(dropout(relu(pre_classifier(first))));
}

PretrainedTraits DistilBertForSequenceClassification::traits() const {
  return {"DistilBertForSequenceClassification",
          "distilbert.",
          {"pre_classifier", "classifier"},
          &distilbert.config(),
          classifier.out_features()};
}

DistilBertForTokenClassification::DistilBertForTokenClassification(std::int64_t num_labels,
                                                                   const BertConfig& config)
    : TakesOptional(num_labels, config) {
  detail::draw(*this, config);
}

Tensor DistilBertForTokenClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(distilbert(ids, inputs).output));
}

PretrainedTraits DistilBertForTokenClassification::traits() const {
  return {"DistilBertForTokenClassification",
          "distilbert.",
          {"classifier"},
          &distilbert.config(),
          classifier.out_features()};
}

DistilBertForMaskedLM::DistilBertForMaskedLM(const BertConfig& config) : TakesOptional(config) {
  detail::draw(*this, config);
  vocab_projector.weight = distilbert.embeddings.word_embeddings.weight;
}

Tensor DistilBertForMaskedLM::forward(const Tensor& ids, const BertInputs& inputs) {
  return vocab_projector(vocab_layer_norm(gelu(vocab_transform(distilbert(ids, inputs).output))));
}

PretrainedTraits DistilBertForMaskedLM::traits() const {
  return {"DistilBertForMaskedLM",
          "distilbert.",
          {"vocab_transform", "vocab_layer_norm", "vocab_projector"},
          &distilbert.config()};
}

}  // namespace ingot::models
