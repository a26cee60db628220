// Where interpolation reads: for every output position along one axis, the input positions and
// their weights. Resizing is separable, so an image is two such tables.
#pragma once

#include <cstdint>
#include <vector>

#include "core/op_attrs.h"

namespace ingot {

/// How an axis is sampled, for kernels that compute positions and weights themselves.
struct SamplingRule {
  enum class Kind { Copy, Nearest, Linear, Cubic, AntialiasedLinear, AntialiasedCubic };
  Kind kind = Kind::Copy;
  std::int64_t in = 0, out = 0;          ///< elements before and after
  std::int64_t width = 1;                ///< input positions that an output position reads
  bool align = false;                    ///< the corners' centres stay where they are
  double step = 1;                       ///< distance of output positions, in input elements
  float near_step = 1, near_offset = 0;  ///< Nearest: floor((o + near_offset) * near_step)
};

/// The rule of axis 0 (height) or 1 (width).
SamplingRule sampling_rule(const InterpolateAttrs& attrs, int axis);

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
