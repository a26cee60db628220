// Initial weights that several models share: torchvision's.
#pragma once

#include <functional>

#include <ingot/nn/conv.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/module.h>

namespace ingot::models {

/// Every convolution of the model: weights N(0, 2 / fan_out), biases 0. He et al. (2015).
void init_convolutions_for_relu(nn::Module& model);
/// Every linear layer: `weights` fills the weight, the bias becomes 0.
void init_linears(nn::Module& model, const std::function<void(nn::Linear&)>& weights);

}  // namespace ingot::models
