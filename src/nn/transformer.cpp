#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/transformer.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/elementwise.h>

#include "nn/checks.h"

namespace ingot::nn {

Tensor TransformerEncoderLayer::attend(const Tensor& x, const TransformerCall& masks) {
  return dropout1(self_attn(x, x, x,
                            {.key_padding_mask = masks.src_key_padding_mask,
                             .attn_mask = masks.mask,
                             .need_weights = false,
                             .is_causal = masks.is_causal})
                      .output);
}

Tensor TransformerEncoderLayer::feed_forward(const Tensor& x) {
  const Tensor hidden = linear1(x);
  const Tensor active =
      options().activation == TransformerActivation::Gelu ? gelu(hidden) : relu(hidden);
  return dropout2(linear2(dropout(active)));
}

Tensor TransformerEncoderLayer::forward(const Tensor& src, const TransformerCall& masks) {
  if (options().norm_first) {
    const Tensor x = src + attend(norm1(src), masks);
    return x + feed_forward(norm2(x));
  }
  const Tensor x = norm1(src + attend(src, masks));
  return norm2(x + feed_forward(x));
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer,
                                       std::int64_t num_layers, std::unique_ptr<Module> norm) {
  require_at_least("TransformerEncoder", "num_layers", num_layers, 1);
  for (std::int64_t i = 0; i < num_layers; ++i) layers.append(layer.clone());
  if (norm) norm_ = &register_module("norm", std::move(norm));
}

TransformerEncoder::TransformerEncoder(Module& owner, std::string name,
                                       const TransformerEncoderLayer& layer,
                                       std::int64_t num_layers, std::unique_ptr<Module> norm)
    : TransformerEncoder(layer, num_layers, std::move(norm)) {
  attach_to(owner, std::move(name));
}

Tensor TransformerEncoder::forward(const Tensor& src, const TransformerCall& masks) {
  Tensor x = src;
  for (Module* layer : layers.children()) {
    auto* encoder = dynamic_cast<TransformerEncoderLayer*>(layer);
    x = encoder ? (*encoder)(x, masks) : (*layer)(x);
  }
  return norm_ ? (*norm_)(x) : x;
}

// The layers and the norm are children that are copied.
std::unique_ptr<Module> TransformerEncoder::make_same() const {
  std::unique_ptr<TransformerEncoder> same(new TransformerEncoder());
  for (const auto& [key, module] : named_children())
    if (key == "norm") same->norm_ = &same->register_module(key, module->clone());
  return same;
}

}  // namespace ingot::nn
