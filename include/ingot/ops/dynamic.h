// Operations whose result's shape depends on values: they evaluate what decides it when they are
// called (with everything else that is pending), and record an operation of known shape. So a
// program that uses them looks at its data there, and its plans are found again only for the same
// counts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// The indices of the elements that are not 0 (NaN is not), in row-major order: int64
/// [count, x.dim()]. Evaluates x. Not differentiable.
Tensor nonzero(const Tensor& x, Site at = Site::current());

/// The same as one int64 vector [count] for each dimension, which `x.index(…)` takes; a 0-dim x is
/// seen as one with a single element. PyTorch's `nonzero(as_tuple=True)`.
std::vector<Tensor> nonzero_as_tuple(const Tensor& x, Site at = Site::current());

/// The elements of x where `mask` (bool) holds, in row-major order: [count]. Both are broadcast to
/// one shape. Evaluates the mask. Throws DTypeError for another mask, ShapeError when the shapes do
/// not broadcast.
Tensor masked_select(const Tensor& x, const Tensor& mask, Site at = Site::current());

/// x with the elements where `mask` (bool) holds replaced by those of `source` (of x's dtype, any
/// shape), both in row-major order; x and mask are broadcast to one shape. Evaluates the mask.
/// Throws DTypeError for another mask or source, ShapeError when `source` has fewer elements than
/// the mask has places.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source,
                      Site at = Site::current());

struct UniqueOptions {
  bool return_inverse = false;
  bool return_counts = false;
  /// Compare the slices along this dimension; by default the elements.
  std::optional<std::int64_t> dim = {};
};

struct UniqueResult {
  Tensor values;   ///< [count]; with `dim`, x's shape with that dimension's size replaced
  Tensor inverse;  ///< int64: where in `values` each element (slice) of x is; x's shape, or [size]
  Tensor counts;   ///< int64 [count]: how often each occurs
};

/// The distinct elements of x, or its distinct slices, in ascending order (slices by their first
/// element that differs); NaN comes last and equals nothing, itself included. What was not asked
/// for stays undefined. Evaluates x. Not differentiable.
/// Throws IndexError for a dimension that x has not, ShapeError when the slices are empty.
UniqueResult unique(const Tensor& x, const UniqueOptions& options = {}, Site at = Site::current());

}  // namespace ingot
