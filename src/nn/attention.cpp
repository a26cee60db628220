#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/attention.h>
#include <ingot/nn/init.h>
#include <ingot/ops/attention.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dropout.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/shape.h>

#include <cmath>
#include <limits>

#include "nn/checks.h"
#include "ops/attention.h"

namespace ingot::nn {

namespace {

constexpr const char* kLayer = "MultiheadAttention";

// A mask of PyTorch's sense as something to add to the scores.
Tensor additive(const Tensor& mask, DType dtype) {
  if (mask.dtype() != DType::Bool) return mask.to(dtype);
  const Tensor hidden =
      full({}, -std::numeric_limits<double>::infinity(), {.dtype = dtype, .device = mask.device()});
  return where(mask, hidden, zeros({}, {.dtype = dtype, .device = mask.device()}));
}

void check_mask(const char* what, const Tensor& mask, const Shape& shape, const Shape& other) {
  if (!(mask.shape() == shape) && !(mask.shape() == other))
    throw ShapeError(fmt::format("{}: {} must be {}{}, got {}", kLayer, what, shape.str(),
                                 shape == other ? "" : " or " + other.str(), mask.shape().str()));
  if (mask.dtype() != DType::Bool && !is_floating(mask.dtype()))
    throw DTypeError(
        fmt::format("{}: {} must be bool or floating, got {}", kLayer, what, name(mask.dtype())));
}

}  // namespace

void MultiheadAttention::check(std::int64_t embed_dim, std::int64_t num_heads,
                               const MultiheadAttentionOptions& o) {
  require_at_least(kLayer, "embed_dim", embed_dim, 1);
  require_at_least(kLayer, "num_heads", num_heads, 1);
  require_at_least(kLayer, "kdim", o.kdim.value_or(embed_dim), 1);
  require_at_least(kLayer, "vdim", o.vdim.value_or(embed_dim), 1);
  require_probability(kLayer, o.dropout);
  if (embed_dim % num_heads != 0)
    throw ValueError(
        fmt::format("{}: num_heads={} must divide embed_dim={}", kLayer, num_heads, embed_dim));
}

bool MultiheadAttention::same_dims() const {
  return kdim() == embed_dim() && vdim() == embed_dim();
}

Tensor MultiheadAttention::empty(bool wanted, const Shape& shape) {
  return wanted ? zeros(shape) : Tensor();
}

void MultiheadAttention::reset_parameters() {
  for (Tensor* w : {&in_proj_weight, &q_proj_weight, &k_proj_weight, &v_proj_weight})
    if (w->defined()) init::xavier_uniform_(*w);
  if (!in_proj_bias.defined()) return;
  init::zeros_(in_proj_bias);
  init::zeros_(out_proj.bias);
}

MultiheadAttention::Projected MultiheadAttention::project(const Tensor& query, const Tensor& key,
                                                          const Tensor& value) const {
  std::vector<Tensor> biases(3);
  if (in_proj_bias.defined()) biases = chunk(in_proj_bias, 3);
  if (!in_proj_weight.defined())
    return {linear(query, q_proj_weight, biases[0]), linear(key, k_proj_weight, biases[1]),
            linear(value, v_proj_weight, biases[2])};
  if (query.is_same(key) && key.is_same(value)) {
    const auto all = chunk(linear(query, in_proj_weight, in_proj_bias), 3, -1);
    return {all[0], all[1], all[2]};
  }
  const auto weights = chunk(in_proj_weight, 3);
  return {linear(query, weights[0], biases[0]), linear(key, weights[1], biases[1]),
          linear(value, weights[2], biases[2])};
}

// [N, L, embed_dim] (or [L, N, embed_dim]) to [N, num_heads, L, head_dim].
Tensor MultiheadAttention::heads(const Tensor& x) const {
  const Tensor split = x.reshape({x.size(0), x.size(1), num_heads(), embed_dim() / num_heads()});
  return split.permute(options().batch_first ? Dims{0, 2, 1, 3} : Dims{1, 2, 0, 3});
}

Tensor MultiheadAttention::combined_mask(const MultiheadAttentionCall& o, std::int64_t batch,
                                         std::int64_t queries, std::int64_t keys,
                                         DType dtype) const {
  Tensor mask, padding;
  if (o.attn_mask.defined()) {
    check_mask("attn_mask", o.attn_mask, {queries, keys}, {batch * num_heads(), queries, keys});
    mask = o.attn_mask.dim() == 3 ? o.attn_mask.reshape({batch, num_heads(), queries, keys})
                                  : o.attn_mask;
  } else if (o.is_causal && o.key_padding_mask.defined()) {
    const Tensor rows = arange(queries).unsqueeze(1);
    mask = (rows < arange(keys)).to(o.key_padding_mask.device());
  }
  if (o.key_padding_mask.defined()) {
    check_mask("key_padding_mask", o.key_padding_mask, {batch, keys}, {batch, keys});
    padding = o.key_padding_mask.reshape({batch, 1, 1, keys});
  }
  if (!mask.defined() && !padding.defined()) return {};
  const bool all_bool = (!mask.defined() || mask.dtype() == DType::Bool) &&
                        (!padding.defined() || padding.dtype() == DType::Bool);
  if (all_bool) {
    if (!padding.defined()) return logical_not(mask);
    return logical_not(mask.defined() ? logical_or(mask, padding) : padding);
  }
  if (!mask.defined()) return additive(padding, dtype);
  if (!padding.defined()) return additive(mask, dtype);
  return additive(mask, dtype) + additive(padding, dtype);
}

MultiheadAttentionResult MultiheadAttention::forward(const Tensor& query, const Tensor& key,
                                                     const Tensor& value,
                                                     const MultiheadAttentionCall& o) {
  const int rank = query.dim();
  const bool fits = (rank == 2 || rank == 3) && key.dim() == rank && value.dim() == rank &&
                    query.size(-1) == embed_dim() && key.size(-1) == kdim() &&
                    value.size(-1) == vdim();
  if (!fits)
    throw ShapeError(fmt::format(
        "{}: query must end with {}, key with {}, value with {} features, all with a batch or all "
        "without, got query{}, key{}, value{}",
        kLayer, embed_dim(), kdim(), vdim(), query.shape().str(), key.shape().str(),
        value.shape().str()));
  if (rank == 2) {
    MultiheadAttentionCall batched = o;
    if (o.key_padding_mask.defined()) batched.key_padding_mask = o.key_padding_mask.unsqueeze(0);
    const int batch_dim = this->options().batch_first ? 0 : 1;
    const Tensor q = query.unsqueeze(batch_dim);
    const Tensor k = key.is_same(query) ? q : key.unsqueeze(batch_dim);
    const Tensor v = value.is_same(key) ? k : value.unsqueeze(batch_dim);
    const MultiheadAttentionResult r = forward(q, k, v, batched);
    return {r.output.squeeze(batch_dim), r.weights.defined() ? r.weights.squeeze(0) : Tensor()};
  }
  if (o.is_causal && o.attn_mask.defined())
    throw ValueError(fmt::format("{}: is_causal and attn_mask exclude each other", kLayer));

  const Projected p = project(query, key, value);
  const Tensor q = heads(p.query), k = heads(p.key), v = heads(p.value);
  const std::int64_t batch = q.size(0), queries = q.size(2), keys = k.size(2);
  if (k.size(0) != batch || v.size(0) != batch || v.size(2) != keys)
    throw ShapeError(fmt::format("{}: batches or lengths differ: query{}, key{}, value{}", kLayer,
                                 query.shape().str(), key.shape().str(), value.shape().str()));
  const Tensor mask = combined_mask(o, batch, queries, keys, q.dtype());
  const bool causal = o.is_causal && !mask.defined();
  const double p_drop = is_training() ? this->options().dropout : 0;

  Tensor attended, weights;
  if (o.need_weights) {
    const double scale = 1 / std::sqrt(static_cast<double>(embed_dim() / num_heads()));
    weights = ops::attention_weights(q, k, mask, causal, scale, Site::current());
    weights = dropout(weights, p_drop);
    attended = matmul(weights, v);
    if (o.average_attn_weights) weights = weights.mean({1});
  } else {
    attended = scaled_dot_product_attention(
        q, k, v, {.mask = mask, .dropout_p = p_drop, .is_causal = causal});
  }
  const Tensor rows =
      attended.permute(this->options().batch_first ? Dims{0, 2, 1, 3} : Dims{2, 0, 1, 3})
          .reshape(query.shape());
  return {out_proj(rows), weights};
}

Tensor MultiheadAttention::forward(const Tensor& x) {
  return forward(x, x, x, {.need_weights = false}).output;
}

std::string MultiheadAttention::description() const {
  std::string text = fmt::format("{}, {}", embed_dim(), num_heads());
  if (options().dropout != 0) text += fmt::format(", dropout={}", options().dropout);
  if (options().kdim) text += fmt::format(", kdim={}", *options().kdim);
  if (options().vdim) text += fmt::format(", vdim={}", *options().vdim);
  if (!options().bias) text += ", bias=false";
  if (options().batch_first) text += ", batch_first=true";
  return text;
}

}  // namespace ingot::nn
