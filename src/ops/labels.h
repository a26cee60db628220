// Checks of values that several families share: of class labels, and of probabilities.
#pragma once

#include <ingot/core/tensor.h>

#include "core/op_attrs.h"

namespace ingot::ops {

/// The labels (int64) unchanged, ignored ones as 0; evaluation throws IndexError for others outside
/// [0, classes), naming the label, its position and the number of classes.
Tensor check_labels(const Tensor& labels, const LabelAttrs& attrs, Site at);

/// `p` (floating) unchanged; evaluation throws ValueError, beginning with `what`, unless all of it
/// is in [0, 1].
Tensor check_unit(const Tensor& p, std::string what, Site at);

}  // namespace ingot::ops
