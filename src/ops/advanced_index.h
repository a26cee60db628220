// What index tensors select, and other values in their place. An undefined tensor in the list keeps
// a dimension whole; at least one is defined.
#pragma once

#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::ops {

/// Records `index` (or masked_select).
Tensor select_by(const Tensor& x, const std::vector<Tensor>& indices, Site at);
/// Records `index_put` (or masked_fill). The values have x's dtype; errors name `op`.
Tensor put(const char* op, const Tensor& x, const std::vector<Tensor>& indices,
           const Operand& values, bool accumulate);

}  // namespace ingot::ops
