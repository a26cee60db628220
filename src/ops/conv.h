// The nodes of convolution as the public functions record them.
#pragma once

#include <ingot/core/tensor.h>

#include "core/op_attrs.h"

namespace ingot::ops {

/// conv2d of a batch; an undefined bias is none. `attrs.shape` is empty.
Tensor record_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                     const ConvAttrs& attrs, Site at);
/// What conv2d's gradient is with respect to an image of shape `attrs.shape`.
Tensor record_conv2d_backward_input(const Tensor& grad, const Tensor& weight,
                                    const ConvAttrs& attrs, Site at);

}  // namespace ingot::ops
