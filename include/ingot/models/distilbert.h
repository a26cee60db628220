// DistilBERT, with Hugging Face's keys and configuration (BertConfig with the names that it has
// there: dim, n_layers, …). It knows one kind of text: token_type_ids change nothing.
//
// Source: Sanh et al., "DistilBERT, a distilled version of BERT" (2019); keys and defaults:
// transformers' DistilBertModel.
#pragma once

#include <ingot/models/bert.h>

namespace ingot::models {
namespace detail {

struct DistilBertEmbeddings : nn::Layer<DistilBertEmbeddings, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& ids) override;

  nn::Embedding word_embeddings{*this,
                                "word_embeddings",
                                options().vocab_size,
                                options().hidden_size,
                                {.padding_idx = options().pad_token_id}};
  nn::Embedding position_embeddings{*this, "position_embeddings", options().max_position_embeddings,
                                    options().hidden_size};
  nn::LayerNorm norm{*this, "LayerNorm", options().hidden_size, {.eps = options().layer_norm_eps}};
  nn::Dropout dropout{*this, "dropout", options().hidden_dropout_prob};
};

struct DistilBertAttention : nn::Takes<nn::Layer<DistilBertAttention, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& mask) override;

  nn::Linear q_lin{*this, "q_lin", options().hidden_size, options().hidden_size};
  nn::Linear k_lin{*this, "k_lin", options().hidden_size, options().hidden_size};
  nn::Linear v_lin{*this, "v_lin", options().hidden_size, options().hidden_size};
  nn::Linear out_lin{*this, "out_lin", options().hidden_size, options().hidden_size};
};

struct DistilBertFeedForward : nn::Layer<DistilBertFeedForward, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  nn::Dropout dropout{*this, "dropout", options().hidden_dropout_prob};
  nn::Linear lin1{*this, "lin1", options().hidden_size, options().intermediate_size};
  nn::Linear lin2{*this, "lin2", options().intermediate_size, options().hidden_size};
};

struct DistilBertLayer : nn::Takes<nn::Layer<DistilBertLayer, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& mask) override;

  DistilBertAttention attention{*this, "attention", options()};
  nn::LayerNorm sa_layer_norm{
      *this, "sa_layer_norm", options().hidden_size, {.eps = options().layer_norm_eps}};
  DistilBertFeedForward ffn{*this, "ffn", options()};
  nn::LayerNorm output_layer_norm{
      *this, "output_layer_norm", options().hidden_size, {.eps = options().layer_norm_eps}};
};

struct DistilBertTransformer : nn::Layer<DistilBertTransformer, BertConfig> {
  using Layer::Layer;
  nn::ModuleList layer{*this, "layer"};
};

}  // namespace detail

/// Ids [N, T] give hidden states; there is no pooler. Throws ValueError for a config of another
/// model_type, else as BertModel.
class DistilBertModel
    : public nn::TakesOptional<nn::Layer<DistilBertModel, BertConfig>, BertOutput, BertInputs>,
      public Pretrained {
 public:
  explicit DistilBertModel(const BertConfig& config);
  DistilBertModel(nn::Module& owner, std::string name, const BertConfig& config);
  static void check(const BertConfig& config);
  static std::unique_ptr<DistilBertModel> from_pretrained(const std::filesystem::path& folder);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  BertOutput forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  const BertConfig& config() const { return options(); }

  detail::DistilBertEmbeddings embeddings{*this, "embeddings", options()};
  detail::DistilBertTransformer transformer{*this, "transformer", options()};
};

/// Logits [N, num_labels]: of the first token, a linear layer, relu, dropout, a linear layer. What
/// a file lacks of a head is drawn.
class DistilBertForSequenceClassification
    : public nn::TakesOptional<
          nn::Layer<DistilBertForSequenceClassification, BertConfig, std::int64_t>, Tensor,
          BertInputs>,
      public Pretrained {
 public:
  explicit DistilBertForSequenceClassification(std::int64_t num_labels, const BertConfig& config);
  static std::unique_ptr<DistilBertForSequenceClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  DistilBertModel distilbert{*this, "distilbert", options()};
  nn::Linear pre_classifier{*this, "pre_classifier", options().hidden_size, options().hidden_size};
  nn::Linear classifier{*this, "classifier", options().hidden_size, argument<0>()};
  nn::Dropout dropout{*this, "dropout", detail::classifier_dropout(options())};
};

/// Logits [N, T, num_labels].
class DistilBertForTokenClassification
    : public nn::TakesOptional<
          nn::Layer<DistilBertForTokenClassification, BertConfig, std::int64_t>, Tensor,
          BertInputs>,
      public Pretrained {
 public:
  explicit DistilBertForTokenClassification(std::int64_t num_labels, const BertConfig& config);
  static std::unique_ptr<DistilBertForTokenClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  DistilBertModel distilbert{*this, "distilbert", options()};
  nn::Dropout dropout{*this, "dropout", options().hidden_dropout_prob};
  nn::Linear classifier{*this, "classifier", options().hidden_size, argument<0>()};
};

/// Logits [N, T, vocab_size]. The projector's weight is the table of word embeddings.
class DistilBertForMaskedLM
    : public nn::TakesOptional<nn::Layer<DistilBertForMaskedLM, BertConfig>, Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit DistilBertForMaskedLM(const BertConfig& config);
  static std::unique_ptr<DistilBertForMaskedLM> from_pretrained(
      const std::filesystem::path& folder);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  DistilBertModel distilbert{*this, "distilbert", options()};
  nn::Linear vocab_transform{*this, "vocab_transform", options().hidden_size,
                             options().hidden_size};
  nn::LayerNorm vocab_layer_norm{
      *this, "vocab_layer_norm", options().hidden_size, {.eps = options().layer_norm_eps}};
  nn::Linear vocab_projector{*this, "vocab_projector", options().hidden_size, options().vocab_size};
};

}  // namespace ingot::models
