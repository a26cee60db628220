// The same elements in other places: padded, rolled, repeated, and the triangles of matrices.
#pragma once

#include <string_view>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// `padding` holds pairs (before, after) of elements to add, the last dimension first, as in
/// PyTorch. `mode` says what is added:
///   "constant"   `value`; negative numbers take elements away
///   "reflect"    the elements mirrored at the edge, without the edge; fewer than there are
///   "replicate"  the element at the edge
///   "circular"   the elements from the other end; at most as many as there are
/// Throws ValueError and ShapeError for what cannot be.
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& padding,
           std::string_view mode = "constant", const Scalar& value = 0, Site at = Site::current());

/// Element i moves to place i + shift, and what leaves at one end comes in at the other. Without
/// `dims` the flattened tensor is rolled; else there is one shift for each.
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims = {}, Site at = Site::current());

/// The tensor `sizes[d]` times along each dimension; more sizes than dimensions add dimensions in
/// front. Throws ValueError for fewer or negative ones.
Tensor repeat(const Tensor& x, const Dims& sizes, Site at = Site::current());
/// The same, but fewer sizes are filled up with ones in front.
Tensor tile(const Tensor& x, const Dims& sizes, Site at = Site::current());

/// Matrices [..., R, C] with zeros above the diagonal; `diagonal` counts upwards from the main one.
/// Throws ShapeError for fewer than two dimensions.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0, Site at = Site::current());
/// Zeros below the diagonal.
Tensor triu(const Tensor& x, std::int64_t diagonal = 0, Site at = Site::current());

}  // namespace ingot
