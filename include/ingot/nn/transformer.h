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
class TransformerEncoderLayer : public Module {
 public:
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerEncoderLayerOptions& options = {});
  TransformerEncoderLayer(Module& owner, std::string name, std::int64_t d_model, std::int64_t nhead,
                          const TransformerEncoderLayerOptions& options = {});

  Tensor operator()(const Tensor& src, const TransformerCall& masks = {},
                    Site at = Site::current());
  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const TransformerCall& masks);

  MultiheadAttention self_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2;
  Dropout dropout1, dropout2;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Tensor attend(const Tensor& x, const TransformerCall& masks);
  Tensor feed_forward(const Tensor& x);

  TransformerEncoderLayerOptions options_;
};

/// `num_layers` copies of a layer one after the other ("layers.0", …), and then `norm` where given.
/// All copies start with the layer's values, as in PyTorch. Throws ValueError for num_layers < 1.
class TransformerEncoder : public Module {
 public:
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers,
                     std::unique_ptr<Module> norm = nullptr);
  TransformerEncoder(Module& owner, std::string name, const TransformerEncoderLayer& layer,
                     std::int64_t num_layers, std::unique_ptr<Module> norm = nullptr);

  Tensor operator()(const Tensor& src, const TransformerCall& masks = {},
                    Site at = Site::current());
  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const TransformerCall& masks);

  ModuleList layers{*this, "layers"};

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  TransformerEncoder() = default;
  Module* norm_ = nullptr;
};

}  // namespace ingot::nn
