// Convolution of images.
#pragma once

#include <ingot/core/tensor.h>
#include <ingot/ops/pair.h>

namespace ingot {

struct Conv2dOptions {
  Pair stride = 1;
  Pair padding = 0;  ///< zeros added on each side
  Pair dilation = 1;
  std::int64_t groups = 1;
};

/// Cross-correlation of x[N, C, H, W] (or [C, H, W]) with weight[O, C/groups, KH, KW], plus an
/// optional bias[O]: [N, O, OH, OW] with OH = (H + 2·padding − dilation·(KH − 1) − 1)/stride + 1.
/// Floating dtypes. Throws ShapeError naming the operand that does not fit.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {}, Site at = Site::current());

}  // namespace ingot
