#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/embedding.h>
#include <ingot/nn/init.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/index.h>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

Shape weight_shape(std::int64_t rows, std::int64_t columns, const EmbeddingOptions& o) {
  require_at_least("Embedding", "num_embeddings", rows, 1);
  require_at_least("Embedding", "embedding_dim", columns, 1);
  if (o.max_norm)
    throw ValueError(
        "Embedding: max_norm is not there, because a lookup would change the table; scale its rows "
        "after optimizer.step()");
  if (o.padding_idx && (*o.padding_idx < -rows || *o.padding_idx >= rows))
    throw ValueError(
        fmt::format("Embedding: padding_idx {} is not one of {} rows", *o.padding_idx, rows));
  return {rows, columns};
}

std::int64_t padding_row(std::int64_t rows, const EmbeddingOptions& o) {
  if (!o.padding_idx) return -1;
  return *o.padding_idx < 0 ? *o.padding_idx + rows : *o.padding_idx;
}

}  // namespace

Embedding::Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim,
                     const EmbeddingOptions& options)
    : weight(register_parameter("weight",
                                zeros(weight_shape(num_embeddings, embedding_dim, options)))),
      padding_idx_(padding_row(num_embeddings, options)) {
  reset_parameters();
}

Embedding::Embedding(Module& owner, std::string name, std::int64_t num_embeddings,
                     std::int64_t embedding_dim, const EmbeddingOptions& options)
    : Embedding(num_embeddings, embedding_dim, options) {
  attach_to(owner, std::move(name));
}

void Embedding::reset_parameters() {
  init::normal_(weight);
  if (padding_idx_ < 0) return;
  const NoGradGuard no_grad;
  weight[padding_idx_] = 0;
}

Tensor Embedding::forward(const Tensor& x) { return embedding(weight, x, padding_idx_); }

std::string Embedding::description() const {
  std::string text = fmt::format("{}, {}", num_embeddings(), embedding_dim());
  if (padding_idx_ >= 0) text += fmt::format(", padding_idx={}", padding_idx_);
  return text;
}

std::unique_ptr<Module> Embedding::make_same() const {
  EmbeddingOptions options;
  if (padding_idx_ >= 0) options.padding_idx = padding_idx_;
  return std::make_unique<Embedding>(num_embeddings(), embedding_dim(), options);
}

}  // namespace ingot::nn
