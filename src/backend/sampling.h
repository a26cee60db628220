// Where interpolation reads: for every output position along one axis, the input positions and
// their weights. Resizing is separable, so an image is two such tables.
#pragma once

#include <cstdint>
#include <vector>

#include "core/op_attrs.h"

namespace ingot {

/// Output position o reads input positions index[o · width + k] with weights weight[o · width + k],
/// k < width. Positions may repeat (at borders); unused ones have weight 0 and a valid index.
struct SamplingTable {
  std::int64_t width = 0;
  std::vector<std::int64_t> index;
  std::vector<double> weight;
};

/// The table of axis 0 (height) or 1 (width).
SamplingTable sampling_table(const InterpolateAttrs& attrs, int axis);

}  // namespace ingot
