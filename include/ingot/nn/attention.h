// Multi-head attention.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ingot/nn/layer.h>
#include <ingot/nn/linear.h>

namespace ingot::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;                     ///< of the weights, in training
  bool bias = true;                       ///< of all four projections
  std::optional<std::int64_t> kdim = {};  ///< features of the keys, embed_dim unless given
  std::optional<std::int64_t> vdim = {};  ///< features of the values, embed_dim unless given
  bool batch_first = false;
};

/// Masks follow torch.nn.MultiheadAttention: bool ones are true where a key is NOT seen, floating
/// ones are added to the scores.
struct MultiheadAttentionCall {
  Tensor key_padding_mask = {};  ///< [N, S], or [S] without a batch
  Tensor attn_mask = {};         ///< [L, S] or [N · num_heads, L, S]
  bool need_weights = true;      ///< without them attention is one op
  bool average_attn_weights = true;
  bool is_causal = false;  ///< query i sees keys 0 … i; without attn_mask
};

struct MultiheadAttentionResult {
  Tensor output;   ///< like the query
  Tensor weights;  ///< [N, L, S], or [N, num_heads, L, S] unless averaged; undefined if not needed
};

/// Attention of num_heads heads between projections of query[L, N, embed_dim], key[S, N, kdim] and
/// value[S, N, vdim] (N first with batch_first; or without N), projected once more.
/// Parameters as in PyTorch: in_proj_weight[3 · embed_dim, embed_dim] (q_proj_weight, k_proj_weight
/// and v_proj_weight where kdim or vdim differ) from Xavier's uniform distribution, in_proj_bias =
/// 0 and out_proj, a Linear with bias = 0. Throws ValueError for sizes below 1, an embed_dim that
/// num_heads does not divide and a dropout outside [0, 1]; ShapeError for operands that do not fit.
/// Source: Vaswani et al. (2017).
class MultiheadAttention
    : public TakesOptional<
          Layer<MultiheadAttention, MultiheadAttentionOptions, std::int64_t, std::int64_t>,
          MultiheadAttentionResult, MultiheadAttentionCall, Tensor, Tensor> {
 public:
  using TakesOptional::TakesOptional;
  static void check(std::int64_t embed_dim, std::int64_t num_heads,
                    const MultiheadAttentionOptions& options);
  using TakesOptional::operator();
  using Module::operator();
  MultiheadAttentionResult forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const MultiheadAttentionCall& options) override;
  /// Self-attention, the output alone.
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t embed_dim() const { return argument<0>(); }
  std::int64_t num_heads() const { return argument<1>(); }

 private:
  bool same_dims() const;
  std::int64_t kdim() const { return options().kdim.value_or(embed_dim()); }
  std::int64_t vdim() const { return options().vdim.value_or(embed_dim()); }

 public:
  Tensor& in_proj_weight =  ///< undefined where kdim or vdim differ
      register_parameter("in_proj_weight", empty(same_dims(), {3 * embed_dim(), embed_dim()}));
  Tensor& q_proj_weight =  ///< undefined unless kdim or vdim differ
      register_parameter("q_proj_weight", empty(!same_dims(), {embed_dim(), embed_dim()}));
  Tensor& k_proj_weight =
      register_parameter("k_proj_weight", empty(!same_dims(), {embed_dim(), kdim()}));
  Tensor& v_proj_weight =
      register_parameter("v_proj_weight", empty(!same_dims(), {embed_dim(), vdim()}));
  Tensor& in_proj_bias =  ///< undefined without bias
      register_parameter("in_proj_bias", empty(options().bias, 3 * embed_dim()));
  Linear out_proj{*this, "out_proj", embed_dim(), embed_dim(), {.bias = options().bias}};

 private:
  struct Projected {
    Tensor query, key, value;
  };
  Projected project(const Tensor& query, const Tensor& key, const Tensor& value) const;
  Tensor heads(const Tensor& x) const;
  Tensor combined_mask(const MultiheadAttentionCall& options, std::int64_t batch,
                       std::int64_t queries, std::int64_t keys, DType dtype) const;

  static Tensor empty(bool wanted, const Shape& shape);

  // Draws the values once everything is there.
  struct FirstDraw {
    explicit FirstDraw(MultiheadAttention& all) { all.reset_parameters(); }
  } first_draw_{*this};
};

}  // namespace ingot::nn
