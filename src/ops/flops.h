// How many operations on floating-point numbers an op's definition asks for: functions for
// OpDef::flops, which says what counts. Integers count nothing. Families with rules of their own
// (contractions, pools) have them beside their ops.
#pragma once

#include "core/op_def.h"

namespace ingot::ops {

/// Moves elements, looks at integers, or fills.
inline double no_flops(const FlopsContext&) { return 0; }

/// 1 where the op computes with floating-point numbers, else 0: a factor.
inline double counts(const FlopsContext& c) { return is_floating(c.outputs[0].dtype) ? 1 : 0; }

/// Reductions: to join n elements takes n − 1 operations; also where the result is a position.
inline double flops_joined(const FlopsContext& c) {
  if (!is_floating(c.inputs[0].dtype)) return 0;
  return c.numel_in(0) > c.numel_out() ? c.numel_in(0) - c.numel_out() : 0;
}

/// Running sums, products and extremes along one axis: n − 1 for n elements.
inline double flops_scanned(const FlopsContext& c) {
  const Shape& x = c.in(0);
  if (!is_floating(c.inputs[0].dtype) || x.numel() == 0) return 0;
  return c.numel_in(0) * (1 - 1 / static_cast<double>(x[static_cast<int>(c.as<AxisAttrs>().dim)]));
}

/// Each element of input `i` is added to (multiplied with, compared with) one that is there.
template <int i>
double flops_into(const FlopsContext& c) {
  return counts(c) * c.numel_in(i);
}

/// A product and a sum for each factor that meets another one: 2 · outputs · `terms`.
inline double flops_of_products(const FlopsContext& c, double outputs, double terms) {
  return counts(c) * 2 * outputs * terms;
}

}  // namespace ingot::ops
