// BERT, with the keys and the configuration of Hugging Face's. RoBERTa is the same model with other
// positions (roberta.h); DistilBERT has layers of its own (distilbert.h). All three share their
// configuration, and how they are read and written.
//
// Source: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
// Understanding" (2019); keys and defaults: transformers' BertModel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/nn/containers.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/embedding.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/creation.h>

namespace ingot::models {

/// Sizes of a BERT, RoBERTa or DistilBERT, as BERT's config.json names them. (DistilBERT's calls
/// hidden_size dim, and so on; it is read and written as such.)
struct BertConfig {
  std::string model_type = "bert";  ///< or "roberta", "distilbert"
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  std::int64_t pad_token_id = 0;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  /// Of the dropout before a head; hidden_dropout_prob without it.
  std::optional<double> classifier_dropout = {};
  double layer_norm_eps = 1e-12;
  double initializer_range = 0.02;
  /// The layer behind the first token; models of tokens have none. Not in config.json.
  bool add_pooling_layer = true;
  /// Fields of a config.json that are none of the above, as a JSON object: to_json() keeps them.
  std::string other = "{}";

  /// Tokens that have a position: max_position_embeddings, of which RoBERTa leaves out those up to
  /// pad_token_id.
  std::int64_t max_length() const;
  /// Throws ValueError for an unknown model_type, sizes below 1, heads that do not divide
  /// hidden_size, probabilities outside [0, 1] and a pad_token_id outside of the vocabulary.
  void check() const;
  /// The fields above of a config.json; those it lacks keep the family's defaults. Throws IoError,
  /// with `name`, for what is no JSON, for fields of another kind, another model_type, and an
  /// activation or kind of positions other than "gelu" and "absolute".
  static BertConfig from_json(std::string_view json, const std::string& name = "config.json");
  /// A config.json.
  std::string to_json() const;
};

/// What reading and writing a class needs to know of it.
struct PretrainedTraits {
  std::string architecture;        ///< "BertForSequenceClassification"
  std::string prefix;              ///< of the keys that are not the head's: "bert."
  std::vector<std::string> heads;  ///< modules that are drawn where a file lacks them
  const BertConfig* config = nullptr;
  std::int64_t num_labels = 0;  ///< 0: no labels
};

/// A model that has a folder's form.
class Pretrained {
 public:
  virtual ~Pretrained() = default;
  virtual PretrainedTraits traits() const = 0;
};

/// Writes config.json and model.safetensors into `folder`, which is made if it is not there: what
/// Hugging Face's from_pretrained reads. `model` is one of BERT's family, whose class and number of
/// labels are written, too. Throws ValueError for another model; IoError; files are replaced whole
/// or not at all.
/// `fields`, a JSON object, goes into config.json, over fields that are there already.
void save_pretrained(const nn::Module& model, const std::filesystem::path& folder,
                     std::string_view fields = "{}");

/// What goes into a BERT beside ids [N, T]; all int64 [N, T] where given.
struct BertInputs {
  Tensor token_type_ids = {};  ///< 0 unless given
  Tensor attention_mask = {};  ///< 0 where a token is not seen: padding; bool is taken, too
};

struct BertOutput {
  Tensor output;                      ///< [N, T, hidden_size], of the last layer
  Tensor pooler_output;               ///< [N, hidden_size]; undefined without a pooler
  std::vector<Tensor> hidden_states;  ///< [N, T, hidden_size]: embeddings, and after each layer
};

namespace detail {

/// RoBERTa's position of what pads.
std::optional<std::int64_t> padded_position(const BertConfig& config);
/// What attention_mask says, for scaled_dot_product_attention; undefined without one. Throws
/// ShapeError and ValueError for inputs that `who` cannot take.
Tensor check_inputs(const Tensor& ids, const BertInputs& inputs, const BertConfig& config,
                    const char* who);
/// Attention of so many heads between projections [N, T, hidden_size].
Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, std::int64_t num_heads,
              const Tensor& mask, double dropout_p);
/// Hugging Face's first values: weights from N(0, initializer_range²), biases 0.
void draw(nn::Module& model, const BertConfig& config);
BertConfig without_pooler(BertConfig config);
double classifier_dropout(const BertConfig& config);

struct BertEmbeddings : nn::Takes<nn::Layer<BertEmbeddings, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& ids, const Tensor& token_type_ids) override;

  nn::Embedding word_embeddings{*this,
                                "word_embeddings",
                                options().vocab_size,
                                options().hidden_size,
                                {.padding_idx = options().pad_token_id}};
  nn::Embedding position_embeddings{*this,
                                    "position_embeddings",
                                    options().max_position_embeddings,
                                    options().hidden_size,
                                    {.padding_idx = padded_position(options())}};
  nn::Embedding token_type_embeddings{*this, "token_type_embeddings", options().type_vocab_size,
                                      options().hidden_size};
  nn::LayerNorm norm{*this, "LayerNorm", options().hidden_size, {.eps = options().layer_norm_eps}};
  nn::Dropout dropout{*this, "dropout", options().hidden_dropout_prob};
};

struct BertSelfAttention : nn::Takes<nn::Layer<BertSelfAttention, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& mask) override;

  nn::Linear query{*this, "query", options().hidden_size, options().hidden_size};
  nn::Linear key{*this, "key", options().hidden_size, options().hidden_size};
  nn::Linear value{*this, "value", options().hidden_size, options().hidden_size};
};

/// A linear layer from `argument` features, dropout, the residual, a LayerNorm.
struct BertJoin : nn::Takes<nn::Layer<BertJoin, BertConfig, std::int64_t>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& residual) override;

  nn::Linear dense{*this, "dense", argument<0>(), options().hidden_size};
  nn::LayerNorm norm{*this, "LayerNorm", options().hidden_size, {.eps = options().layer_norm_eps}};
  nn::Dropout dropout{*this, "dropout", options().hidden_dropout_prob};
};

struct BertAttention : nn::Takes<nn::Layer<BertAttention, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& mask) override;

  BertSelfAttention self{*this, "self", options()};
  BertJoin output{*this, "output", options().hidden_size, options()};
};

struct BertIntermediate : nn::Layer<BertIntermediate, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  nn::Linear dense{*this, "dense", options().hidden_size, options().intermediate_size};
};

struct BertLayer : nn::Takes<nn::Layer<BertLayer, BertConfig>, Tensor, Tensor> {
  using Takes::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& mask) override;

  BertAttention attention{*this, "attention", options()};
  BertIntermediate intermediate{*this, "intermediate", options()};
  BertJoin output{*this, "output", options().intermediate_size, options()};
};

struct BertEncoder : nn::Layer<BertEncoder, BertConfig> {
  using Layer::Layer;
  nn::ModuleList layer{*this, "layer"};
};

struct BertPooler : nn::Layer<BertPooler, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  nn::Linear dense{*this, "dense", options().hidden_size, options().hidden_size};
};

struct BertTransform : nn::Layer<BertTransform, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  nn::Linear dense{*this, "dense", options().hidden_size, options().hidden_size};
  nn::LayerNorm norm{*this, "LayerNorm", options().hidden_size, {.eps = options().layer_norm_eps}};
};

struct BertPredictions : nn::Layer<BertPredictions, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  Tensor& bias = register_parameter("bias", zeros({options().vocab_size}));
  BertTransform transform{*this, "transform", options()};
  nn::Linear decoder{*this, "decoder", options().hidden_size, options().vocab_size};
};

struct BertMaskedHead : nn::Layer<BertMaskedHead, BertConfig> {
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;

  BertPredictions predictions{*this, "predictions", options()};
};

}  // namespace detail

/// Ids [N, T] give hidden states. Submodules are Hugging Face's: embeddings, encoder.layer.0 …,
/// pooler. Linear and embedding weights are drawn from N(0, initializer_range²), biases are 0.
/// Throws ShapeError for ids that are no [N, T], ValueError for a T above max_length(). With a
/// config of RoBERTa it is a RobertaModel: positions count tokens that are no padding, from
/// pad_token_id + 1.
///
///   models::BertModel bert{models::BertConfig::from_json(…)};
///   auto [hidden, pooled, states] = bert(ids, {.attention_mask = mask});
class BertModel
    : public nn::TakesOptional<nn::Layer<BertModel, BertConfig>, BertOutput, BertInputs>,
      public Pretrained {
 public:
  explicit BertModel(const BertConfig& config = {});
  BertModel(nn::Module& owner, std::string name, const BertConfig& config);
  static void check(const BertConfig& config);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  BertOutput forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  const BertConfig& config() const { return options(); }

  /// What is in `folder`: config.json, and the weights in model.safetensors or pytorch_model.bin,
  /// with or without "bert." before their keys; heads are left out. Throws IoError for files that
  /// are missing or damaged, ValueError that lists every key that is missing or misshapen.
  static std::unique_ptr<BertModel> from_pretrained(const std::filesystem::path& folder);

  detail::BertEmbeddings embeddings{*this, "embeddings", options()};
  detail::BertEncoder encoder{*this, "encoder", options()};

 private:
  detail::BertPooler* pooler_ = nullptr;
};

/// A linear layer on the pooled output: logits [N, num_labels]. Throws ValueError for num_labels
/// below 1.
class BertForSequenceClassification
    : public nn::TakesOptional<nn::Layer<BertForSequenceClassification, BertConfig, std::int64_t>,
                               Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit BertForSequenceClassification(std::int64_t num_labels, const BertConfig& config = {});
  /// As BertModel's; the head's weights are taken if there are some for as many labels.
  static std::unique_ptr<BertForSequenceClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel bert{*this, "bert", options()};
  nn::Dropout dropout{*this, "dropout", detail::classifier_dropout(options())};
  nn::Linear classifier{*this, "classifier", options().hidden_size, argument<0>()};
};

/// A linear layer on every token: logits [N, T, num_labels]. Throws ValueError for num_labels
/// below 1.
class BertForTokenClassification
    : public nn::TakesOptional<nn::Layer<BertForTokenClassification, BertConfig, std::int64_t>,
                               Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit BertForTokenClassification(std::int64_t num_labels, BertConfig config = {});
  /// As BertModel's; the head's weights are taken if there are some for as many labels.
  static std::unique_ptr<BertForTokenClassification> from_pretrained(
      const std::filesystem::path& folder, std::int64_t num_labels);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel bert{*this, "bert", options()};
  nn::Dropout dropout{*this, "dropout", detail::classifier_dropout(options())};
  nn::Linear classifier{*this, "classifier", options().hidden_size, argument<0>()};
};

/// Logits [N, T, vocab_size] of the tokens that stood where [MASK] is. The decoder's weight is the
/// table of word embeddings.
class BertForMaskedLM
    : public nn::TakesOptional<nn::Layer<BertForMaskedLM, BertConfig>, Tensor, BertInputs>,
      public Pretrained {
 public:
  explicit BertForMaskedLM(BertConfig config = {});
  /// As BertModel's; what the file lacks of the head is drawn.
  static std::unique_ptr<BertForMaskedLM> from_pretrained(const std::filesystem::path& folder);
  PretrainedTraits traits() const override;
  using TakesOptional::forward;
  Tensor forward(const Tensor& ids, const BertInputs& inputs) override;
  std::string description() const override { return {}; }

  BertModel bert{*this, "bert", options()};
  detail::BertMaskedHead cls{*this, "cls", options()};
};

}  // namespace ingot::models
