// Clipping of gradients, between backward() and step(), as PyTorch's torch.nn.utils has it. Nothing
// is computed here: the clipped gradients join the plan of the optimizer's step.
#pragma once

#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::nn::utils {

/// Scales the gradients of `params` so that all of them together, as one vector, have a norm of at
/// most `max_norm`; returns the norm they had, a zero-dim tensor. `norm_type` is 1, 2, any number
/// above 0, or infinity (the largest absolute value). Parameters without a gradient are left out.
/// With `error_if_nonfinite` the norm is computed at once, and ValueError thrown when it is
/// infinite or not a number. Throws ValueError for a norm_type that is not above 0 and a negative
/// max_norm.
Tensor clip_grad_norm_(const std::vector<Tensor>& params, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false, Site at = Site::current());

/// Clamps every element of the gradients to [-clip_value, clip_value]. Throws ValueError for a
/// negative clip_value.
void clip_grad_value_(const std::vector<Tensor>& params, double clip_value,
                      Site at = Site::current());

}  // namespace ingot::nn::utils
