#include "ops/broadcast.h"

#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

namespace ingot::ops {

Tensor sum_to(const Tensor& grad, const Shape& shape, Site at) {
  const Shape& from = grad.shape();
  if (from == shape) return grad;
  const int added = from.rank() - shape.rank();
  Dims dims;
  for (int i = 0; i < from.rank(); ++i)
    if (i < added || (shape[i - added] == 1 && from[i] != 1)) dims.push_back(i);
  const Tensor summed = dims.empty() ? grad : sum(grad, dims, true, at);
  return reshape(summed, shape, at);
}

}  // namespace ingot::ops
