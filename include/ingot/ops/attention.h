// Attention.
#pragma once

#include <optional>

#include <ingot/core/generator.h>
#include <ingot/core/tensor.h>

namespace ingot {

struct AttentionOptions {
  /// Broadcasts to [..., L, S]. bool: where it is false a key is not seen; floating: is added to
  /// the scores.
  Tensor mask = {};
  double dropout_p = 0;              ///< of the weights; there is no switch for evaluation
  bool is_causal = false;            ///< query i sees keys 0 … i; not together with a mask
  std::optional<double> scale = {};  ///< 1/sqrt(E) unless given
  Generator* generator = nullptr;
};

/// softmax(scale · query · keyᵀ + mask) · value, PyTorch's scaled_dot_product_attention.
/// query[..., L, E], key[..., S, E], value[..., S, V] give [..., L, V]; leading dimensions
/// broadcast. Floating dtypes; float16 and bfloat16 are computed in float32. A query that sees no
/// key gives zeros. Throws ShapeError for operands that do not fit, ValueError for a mask together
/// with is_causal and for a dropout_p outside [0, 1].
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options = {},
                                    Site at = Site::current());

}  // namespace ingot
