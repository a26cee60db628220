// Views as arithmetic on strides.
#pragma once

#include <optional>

#include <ingot/core/shape.h>

#include "backend/step.h"

namespace ingot::plan {

/// Strides of `from` seen as the larger shape `to`: 0 where it is repeated.
Dims broadcast_strides(const Shape& from, const Dims& strides, const Shape& to);

/// Strides of the same memory under another shape, if there are such.
std::optional<Dims> reshape_strides(const Shape& from, const Dims& strides, const Shape& to);

/// The same memory order: strides agree wherever a dimension has more than one entry.
bool same_order(const TensorDesc& wanted, const Dims& actual);

}  // namespace ingot::plan
