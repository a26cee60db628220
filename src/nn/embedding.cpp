#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/embedding.h>
#include <ingot/nn/init.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/index.h>

#include "nn/checks.h"

namespace ingot::nn {

void Embedding::check(std::int64_t rows, std::int64_t columns, const EmbeddingOptions& o) {
  require_at_least("Embedding", "num_embeddings", rows, 1);
  require_at_least("Embedding", "embedding_dim", columns, 1);
  if (o.max_norm)
    throw ValueError(
        "Embedding: max_norm is not there, because a lookup would change the table; scale its rows "
        "after optimizer.step()");
  if (o.padding_idx && (*o.padding_idx < -rows || *o.padding_idx >= rows))
    throw ValueError(
        fmt::format("Embedding: padding_idx {} is not one of {} rows", *o.padding_idx, rows));
}

std::int64_t Embedding::padding_row() const {
  const std::int64_t row = options().padding_idx.value_or(-1);
  return row < 0 && options().padding_idx ? row + argument<0>() : row;
}

void Embedding::draw(Tensor& table) const {
  init::normal_(table);
  if (padding_row() < 0) return;
  const NoGradGuard no_grad;
  table[padding_row()] = 0;
}

Tensor Embedding::first_weight() const {
  Tensor table = zeros({argument<0>(), argument<1>()});
  draw(table);
  return table;
}

void Embedding::reset_parameters() { draw(weight); }

Tensor Embedding::forward(const Tensor& x) { return embedding(weight, x, padding_row()); }

std::string Embedding::description() const {
  std::string text = fmt::format("{}, {}", num_embeddings(), embedding_dim());
  if (padding_row() >= 0) text += fmt::format(", padding_idx={}", padding_row());
  return text;
}

}  // namespace ingot::nn
