// scaled_dot_product_attention: one node, so that a backend may have a kernel for it; elsewhere it
// is two products and a softmax. Its gradient is that of the expansion: the scores are computed
// again in backward rather than kept (in a plan that holds both directions they are merged).
#include <ingot/ops/attention.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include <ingot/ops/creation.h>
#include <ingot/ops/dropout.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/softmax.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"
#include "ops/attention.h"

namespace ingot {
namespace ops {

namespace {

// The integer 1 stands for "scaled already". Its kind is structure, as a number's value is not.
const Scalar kScaled = 1;
bool is_one(const Scalar& scale) { return scale.kind() == kScaled.kind(); }

}  // namespace

Tensor attention_weights(const Tensor& query, const Tensor& key, const Tensor& mask, bool causal,
                         const Scalar& scale, Site at) {
  const At s{at};
  const double hidden = -std::numeric_limits<double>::infinity();
  const Tensor scaled = is_one(scale) ? query : s(query) * scale;
  Tensor scores = matmul(scaled, key.transpose(-2, -1, at), at);
  if (scores.numel() == 0) return scores;
  const std::int64_t queries = scores.size(-2), keys = scores.size(-1);
  if (causal) {
    const Device device = query.device();
    const Tensor rows = arange(0, queries, 1, DType::Int64, device, at).unsqueeze(1, at);
    const Tensor columns = arange(0, keys, 1, DType::Int64, device, at);
    scores = where(s(rows) >= columns, scores, s(hidden));
  }
  if (!mask.defined()) return softmax(scores, -1, at);
  if (mask.dtype() == DType::Bool)
    scores = where(mask, scores, s(hidden));
  else
    scores = s(scores) + mask;
  // The softmax of a row without keys would be 0/0, here and in every gradient.
  const Tensor blind = s(amax(scores, {-1}, true, at)) == hidden;
  const Tensor weights = softmax(where(blind, s(0.0), scores), -1, at);
  return where(blind, s(0.0), weights);
}

namespace {

// attention(query, key, value[, mask]); slot 0 is the scale, the integer 1 for a scaled query.
void infer_attention(InferContext& c) {
  const Shape &q = c.shape(0), &k = c.shape(1), &v = c.shape(2);
  const int r = q.rank();
  if (q[r - 1] != k[r - 1])
    c.shape_error(fmt::format("query{} and key{} differ in their last dimension ({} ≠ {})", q.str(),
                              k.str(), q[r - 1], k[r - 1]));
  if (k[r - 2] != v[r - 2])
    c.shape_error(fmt::format("key{} and value{} differ in their number of keys ({} ≠ {})", k.str(),
                              v.str(), k[r - 2], v[r - 2]));
  for (int i = 0; i < 3; ++i) {
    c.require_floating(i);
    if (c.dtype(i) != c.dtype(0))
      c.dtype_error(
          fmt::format("operands have different dtypes: query is {}, {} is {}; convert "
                      "one with .to(dtype)",
                      name(c.dtype(0)), i == 1 ? "key" : "value", name(c.dtype(i))));
  }
  if (c.num_inputs() == 4) {
    Shape scores = q;
    scores[r - 1] = k[r - 2];
    const Shape& m = c.shape(3);
    bool fits = m.rank() <= r;
    for (int i = 1; fits && i <= m.rank(); ++i)
      fits = m[m.rank() - i] == 1 || m[m.rank() - i] == scores[r - i];
    if (!fits)
      c.shape_error(fmt::format("the mask must broadcast to the scores' shape {}, got {}",
                                scores.str(), m.str()));
    if (c.dtype(3) != DType::Bool && c.dtype(3) != c.dtype(0))
      c.dtype_error(fmt::format("the mask must be bool or {} like the query, got {}",
                                name(c.dtype(0)), name(c.dtype(3))));
  }
  Shape out = q;
  out[r - 1] = v[r - 1];
  c.out(out, c.dtype(0));
}

void expand_attention(ExpandContext& c) {
  const Site at = Site::current();
  const DType dtype = c.in(0).dtype(), wide = compute_dtype(dtype);
  Tensor mask = c.num_inputs() == 4 ? c.in(3) : Tensor();
  if (mask.defined() && mask.dtype() != DType::Bool) mask = mask.to(wide);
  const Tensor weights = attention_weights(c.in(0).to(wide), c.in(1).to(wide), mask,
                                           c.as<AttentionAttrs>().causal, c.slot(0), at);
  c.result(matmul(weights, c.in(2).to(wide), at).to(dtype));
}

const OpDef kAttention{.name = "scaled_dot_product_attention",
                       .infer = infer_attention,
                       .gradient = Gradient::Expand,
                       .expand = expand_attention};

constexpr const char* kName = "scaled_dot_product_attention";

Shape batch_of(const Shape& s) { return Shape(s.data(), static_cast<std::size_t>(s.rank() - 2)); }

Tensor with_batch(const Tensor& x, const Shape& batch, Site at) {
  Shape full = batch;
  full.push_back(x.size(-2));
  full.push_back(x.size(-1));
  return x.shape() == full ? x : x.expand(full, at);
}

Shape common_batch(const Tensor& query, const Tensor& key, const Tensor& value, Site at) {
  for (const Tensor* t : {&query, &key, &value})
    if (defined(kName, *t, at).dim() < 2)
      fail<ShapeError>(kName,
                       fmt::format("operands need at least 2 dimensions: query{}, key{}, value{}",
                                   query.shape().str(), key.shape().str(), value.shape().str()),
                       at);
  try {
    const Shape keys = broadcast_shapes(batch_of(key.shape()), batch_of(value.shape()));
    return broadcast_shapes(batch_of(query.shape()), keys);
  } catch (const ShapeError&) {
    fail<ShapeError>(kName,
                     fmt::format("batches do not broadcast: query{}, key{}, value{}",
                                 query.shape().str(), key.shape().str(), value.shape().str()),
                     at);
  }
}

}  // namespace

INGOT_EXPORT_OPS(attention, &kAttention)

}  // namespace ops

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& o, Site at) {
  const Shape batch = ops::common_batch(query, key, value, at);
  if (o.mask.defined() && o.is_causal)
    ops::fail<ValueError>(ops::kName,
                          "a mask and is_causal exclude each other; put both into the mask", at);
  if (!(o.dropout_p >= 0 && o.dropout_p <= 1))
    ops::fail<ValueError>(ops::kName,
                          fmt::format("dropout_p must lie in [0, 1], got {}", o.dropout_p), at);
  const bool repeated =
      !(ops::batch_of(query.shape()) == batch && ops::batch_of(key.shape()) == batch &&
        ops::batch_of(value.shape()) == batch);
  if (const ops::Widened w(at, {&query, &key, &value}); w && (repeated || o.dropout_p > 0)) {
    AttentionOptions wide = o;
    if (o.mask.defined() && is_reduced_float(o.mask.dtype()))
      wide.mask = o.mask.to(DType::Float32, at);
    return w.rounded(scaled_dot_product_attention(w[0], w[1], w[2], wide, at));
  }
  Tensor q = ops::with_batch(query, batch, at);
  const Tensor k = ops::with_batch(key, batch, at), v = ops::with_batch(value, batch, at);
  const double width = std::max<double>(1, static_cast<double>(q.size(-1)));
  Scalar scale = o.scale.value_or(1 / std::sqrt(width));
  // The scale's value is no part of a plan, so forward's and backward's scores would not be known
  // to be the same if each multiplied by it. Narrow dtypes are widened first, in the expansion.
  if (!is_reduced_float(q.dtype()) && is_floating(q.dtype()) && q.dtype() == k.dtype()) {
    const ops::At s{at};
    q = s(q) * scale;
    scale = ops::kScaled;
  }
  // The node checks the operands also where dropout has to look inside; then nothing needs it.
  const Tensor* inputs[] = {&q, &k, &v, &o.mask};
  const std::size_t count = o.mask.defined() ? 4 : 3;
  const Tensor whole = record_multi(ops::kAttention, std::span(inputs).first(count),
                                    AttentionAttrs{o.is_causal}, at, std::span(&scale, 1))[0];
  if (o.dropout_p == 0) return whole;
  const Tensor weights = ops::attention_weights(q, k, o.mask, o.is_causal, scale, at);
  return matmul(dropout(weights, o.dropout_p, true, o.generator, at), v, at);
}

}  // namespace ingot
