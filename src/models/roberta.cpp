#include <ingot/models/roberta.h>

#include <ingot/ops/activation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "models/pretrained.h"

namespace ingot::models {
namespace {

BertConfig checked(BertConfig config) {
  detail::require_type(config, "roberta", "RoBERTa");
  return detail::without_pooler(std::move(config));
}

}  // namespace

namespace detail {

Tensor RobertaClassifier::forward(const Tensor& x) {
  return out_proj(dropout(dense(dropout(x.select(1, 0))).tanh()));
}

Tensor RobertaMaskedHead::forward(const Tensor& x) { return decoder(norm(gelu(dense(x)))); }

}  // namespace detail

RobertaForSequenceClassification::RobertaForSequenceClassification(std::int64_t num_labels,
                                                                   BertConfig config)
    : TakesOptional(num_labels, checked(std::move(config))) {
  detail::draw(*this, options());
}

Tensor RobertaForSequenceClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(roberta(ids, inputs).output);
}

PretrainedTraits RobertaForSequenceClassification::traits() const {
  return {"RobertaForSequenceClassification",
          "roberta.",
          {"classifier"},
          &roberta.config(),
          classifier.out_proj.out_features()};
}

RobertaForTokenClassification::RobertaForTokenClassification(std::int64_t num_labels,
                                                             BertConfig config)
    : TakesOptional(num_labels, checked(std::move(config))) {
  detail::draw(*this, options());
}

Tensor RobertaForTokenClassification::forward(const Tensor& ids, const BertInputs& inputs) {
  return classifier(dropout(roberta(ids, inputs).output));
}

PretrainedTraits RobertaForTokenClassification::traits() const {
  return {"RobertaForTokenClassification",
          "roberta.",
          {"classifier"},
          &roberta.config(),
          classifier.out_features()};
}

RobertaForMaskedLM::RobertaForMaskedLM(BertConfig config)
    : TakesOptional(checked(std::move(config))) {
  detail::draw(*this, options());
  lm_head.decoder.weight = roberta.embeddings.word_embeddings.weight;
  lm_head.decoder.bias = lm_head.bias;
}

Tensor RobertaForMaskedLM::forward(const Tensor& ids, const BertInputs& inputs) {
  return lm_head(roberta(ids, inputs).output);
}

PretrainedTraits RobertaForMaskedLM::traits() const {
  return {"RobertaForMaskedLM", "roberta.", {"lm_head"}, &roberta.config()};
}

}  // namespace ingot::models
