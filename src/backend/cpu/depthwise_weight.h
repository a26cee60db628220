// The gradient of a depthwise convolution's weights, for channels-last float32 images.
#pragma once

#include "backend/cpu/contraction.h"

namespace ingot::cpu {

/// nullptr unless BackwardWeight, float32, one group for each channel and output, channels-last x
/// and y, at least 16 channels, and more than 3×3 taps or gaps between them.
std::unique_ptr<Kernel> lower_depthwise_weight(const ConvDesc& desc);

}  // namespace ingot::cpu
