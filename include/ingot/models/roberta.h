// RoBERTa, with Hugging Face's keys and configuration: BERT's layers (bert.h) with heads of its
// own. Positions count tokens that are no padding, from pad_token_id + 1.
//
// Source: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach" (2019); keys and
// defaults: transformers' RobertaModel.
#pragma once

#include <ingot/models/bert.h>

namespace ingot::models {

/// A BertModel whose config says "roberta".
using RobertaModel = BertModel;

namespace detail {

/// On the first token: dropout, a linear layer, tanh, dropout, a linear layer.
struct RobertaClassifier : nn::Layer<RobertaClassifier, BertConfig, std::int64_t> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  nn::Linear dense{*this, "dense", options().hidden_size, options().hidden_size};
  nn::Dropout dropout{*this, "dropout", classifier_dropout(options())};
  nn::Linear out_proj{*this, "out_proj", options().hidden_size, argument<0>()};
};

struct RobertaMaskedHead : nn::Layer<RobertaMaskedHead, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  Tensor& bias = register_parameter("bias", zeros({options().vocab_size}));
  nn::Linear dense{*this, "dense", options().hidden_size, options().hidden_size};
  nn::LayerNorm norm{*this, "layer_norm", options().hidden_size, {.eps = options().layer_norm_eps}};
  nn::Linear decoder{*this, "decoder", options().hidden_size, options().vocab_size};
};

}  // namespace detail

/// Logits [N, num_labels]. The three classes here throw ValueError for a config of another
/// model_type, and for num_labels below 1; from_pretrained is as BertModel's, and what a file lacks
/// of the head is drawn.
class RobertaForSequenceClassification
    : public nn::TakesOptional<
          nn::Layer<RobertaForSequenceClassification, BertConfig, std::int64_t>, Tensor,
          BertInputs>,
      public Pretrained {
 public:
  explicit RobertaForSequenceClassification(std::int64_t num_labels, BertConfig config);
  static std::unique_ptr<RobertaForSequenceClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel roberta{*this, "roberta", options()};
  detail::RobertaClassifier classifier{*this, "classifier", argument<0>(), options()};
};

/// Logits [N, T, num_labels].
class RobertaForTokenClassification
    : public nn::TakesOptional<nn::Layer<RobertaForTokenClassification, BertConfig, std::int64_t>,
                               Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit RobertaForTokenClassification(std::int64_t num_labels, BertConfig config);
  static std::unique_ptr<RobertaForTokenClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel roberta{*this, "roberta", options()};
  nn::Dropout dropout{*this, "dropout", detail::classifier_dropout(options())};
  nn::Linear classifier{*this, "classifier", options().hidden_size, argument<0>()};
};

/// Logits [N, T, vocab_size]. The decoder's weight is the table of word embeddings.
class RobertaForMaskedLM
    : public nn::TakesOptional<nn::Layer<RobertaForMaskedLM, BertConfig>, Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit RobertaForMaskedLM(BertConfig config);
  static std::unique_ptr<RobertaForMaskedLM> from_pretrained(const std::filesystem::path& folder);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel roberta{*this, "roberta", options()};
  detail::RobertaMaskedHead lm_head{*this, "lm_head", options()};
};

}  // namespace ingot::models
