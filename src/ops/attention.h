// The weights of attention, for those who want to see them.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot::ops {

/// softmax(scale · query · keyᵀ + mask) in the operands' dtype: [..., L, S]. Batches must be equal;
/// an undefined mask is none. Rows that see no key are zeros.
Tensor attention_weights(const Tensor& query, const Tensor& key, const Tensor& mask, bool causal,
                         const Scalar& scale, Site at);

}  // namespace ingot::ops
