// The last step of every loss: mean, sum, or nothing.
#pragma once

#include <string_view>

#include <ingot/ops/loss.h>

namespace ingot::ops {

/// Losses of single elements, reduced. BatchMean is the sum over the size of dimension 0.
/// Throws ValueError for BatchMean unless `op` is kl_div.
Tensor reduced(std::string_view op, const Tensor& losses, Reduction r, Site at);

}  // namespace ingot::ops
