// Forward convolution of channels-last float32 images without im2col: the products are summed in
// short chains, so that a long sum loses less than in libraries that keep one chain per output.
#pragma once

#include "backend/cpu/contraction.h"

namespace ingot::cpu {

/// nullptr unless float32, channels-last x and y, one group and at least 16 input channels.
std::unique_ptr<Kernel> lower_direct_convolution(const ConvDesc& desc);

}  // namespace ingot::cpu
