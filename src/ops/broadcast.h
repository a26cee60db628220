// Undoing a broadcast: what every gradient of a broadcasting op does last.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot::ops {

/// Sums `grad` over the dimensions that broadcasting added to or stretched in `shape`; the result
/// has exactly `shape`. Returns `grad` itself when there is nothing to do.
Tensor sum_to(const Tensor& grad, const Shape& shape, Site at = Site::current());

}  // namespace ingot::ops
