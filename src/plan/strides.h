// Views as arithmetic on strides.
#pragma once

#include <optional>

#include <ingot/core/shape.h>

namespace ingot::plan {

/// Strides of the same memory under another shape, if there are such.
std::optional<Dims> reshape_strides(const Shape& from, const Dims& strides, const Shape& to);

}  // namespace ingot::plan
