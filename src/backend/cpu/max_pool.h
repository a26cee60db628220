// Maximum pooling of float32 channels-last images, a vector of channels at a time.
#pragma once

#include <memory>

#include "backend/step.h"

namespace ingot::cpu {

/// Kernels of max_pool2d and max_pool2d_backward; nullptr unless both images are channels-last
/// float32 with at least a vector of channels.
std::unique_ptr<Kernel> lower_vector_max_pool(const StepDesc& step);
std::unique_ptr<Kernel> lower_vector_max_pool_backward(const StepDesc& step);

}  // namespace ingot::cpu
