// Layers of a transformer's encoder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ingot/nn/attention.h>
#include <ingot/nn/containers.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/module.h>
#include <ingot/nn/norm.h>

namespace ingot::nn {

enum class TransformerActivation { Relu, Gelu };

struct TransformerEncoderLayerOptions {
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  TransformerActivation activation = TransformerActivation::Relu;
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;  ///< normalise before, not after, attention and feed-forward
  bool bias = true;
};

/// Masks of a call, in the sense of MultiheadAttention: bool ones are true where a key is NOT seen.
struct TransformerCall {
  Tensor mask = {};                  ///< [L, L] or [N · nhead, L, L]
  Tensor src_key_padding_mask = {};  ///< [N, L]
  bool is_causal = false;            ///< without mask
};

/// Self-attention and two linear layers, each with dropout, a residual and a LayerNorm.
/// Submodules as in PyTorch: self_attn, linear1, dropout, linear2, norm1, norm2, dropout1,
/// dropout2. Throws ValueError for sizes below 1, a d_model that nhead does not divide, a dropout
/// outside [0, 1]. Source: Vaswani et al. (2017); norm_first: Xiong et al. (2020).
class TransformerEncoderLayer
    : public TakesOptional<Layer<TransformerEncoderLayer, TransformerEncoderLayerOptions,
                                 std::int64_t, std::int64_t>,
                           Tensor, TransformerCall> {
 public:
  using TakesOptional::TakesOptional;
  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const TransformerCall& masks) override;
  std::string description() const override { return {}; }

  MultiheadAttention self_attn{
      *this,
      "self_attn",
      argument<0>(),
      argument<1>(),
      {.dropout = options().dropout, .bias = options().bias, .batch_first = options().batch_first}};
  Linear linear1{
      *this, "linear1", argument<0>(), options().dim_feedforward, {.bias = options().bias}};
  Dropout dropout{*this, "dropout", options().dropout};
  Linear linear2{
      *this, "linear2", options().dim_feedforward, argument<0>(), {.bias = options().bias}};
  LayerNorm norm1{
      *this, "norm1", argument<0>(), {.eps = options().layer_norm_eps, .bias = options().bias}};
  LayerNorm norm2{
      *this, "norm2", argument<0>(), {.eps = options().layer_norm_eps, .bias = options().bias}};
  Dropout dropout1{*this, "dropout1", options().dropout};
  Dropout dropout2{*this, "dropout2", options().dropout};

 private:
  Tensor attend(const Tensor& x, const TransformerCall& masks);
  Tensor feed_forward(const Tensor& x);
};

/// `num_layers` copies of a layer one after the other ("layers.0", …), and then `norm` where given.
/// All copies start with the layer's values, as in PyTorch. Throws ValueError for num_layers < 1.
class TransformerEncoder : public TakesOptional<Module, Tensor, TransformerCall> {
 public:
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers,
                     std::unique_ptr<Module> norm = nullptr);
  TransformerEncoder(Module& owner, std::string name, const TransformerEncoderLayer& layer,
                     std::int64_t num_layers, std::unique_ptr<Module> norm = nullptr);

  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const TransformerCall& masks) override;

  ModuleList layers{*this, "layers"};

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  TransformerEncoder() = default;
  Module* norm_ = nullptr;
};

}  // namespace ingot::nn
