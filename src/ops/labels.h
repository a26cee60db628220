// The range check of class labels that losses and one_hot share.
#pragma once

#include <ingot/core/tensor.h>

#include "core/op_attrs.h"

namespace ingot::ops {

/// The labels (int64) unchanged, ignored ones as 0; evaluation throws IndexError for others outside
/// [0, classes), naming the label, its position and the number of classes.
Tensor check_labels(const Tensor& labels, const LabelAttrs& attrs, Site at);

}  // namespace ingot::ops
