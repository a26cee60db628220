// Embedding: a table of vectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ingot/nn/layer.h>

namespace ingot::nn {

struct EmbeddingOptions {
  /// The row that stays as it is: it starts with zeros and gets no gradient. Negative ones count
  /// from the end.
  std::optional<std::int64_t> padding_idx = {};
  /// Not there: a lookup that changes the table. Anything but nothing throws ValueError.
  std::optional<double> max_norm = {};
};

/// ingot::embedding: rows of weight[num_embeddings, embedding_dim] by integer indices x[...],
/// giving
/// [..., embedding_dim]. The weight is drawn from N(0, 1), as in PyTorch. Throws ValueError for
/// sizes below 1 and a padding_idx that is not a row.
class Embedding : public Layer<Embedding, EmbeddingOptions, std::int64_t, std::int64_t> {
 public:
  using Layer::Layer;
  static void check(std::int64_t num_embeddings, std::int64_t embedding_dim,
                    const EmbeddingOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t num_embeddings() const { return weight.size(0); }
  std::int64_t embedding_dim() const { return weight.size(1); }

 private:
  std::int64_t padding_row() const;  ///< -1 for none
  void draw(Tensor& table) const;
  Tensor first_weight() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
};

}  // namespace ingot::nn
