// Indexing by tensors, as NumPy and PyTorch do it: `x.index({rows, columns})`, `x[mask]`, and the
// assignments `x[mask] = value` and `index_put`.
//
// The list names x's dimensions from the first on. An entry is
//   - a tensor of int64 or int32 indices, for one dimension; negative ones count from the end;
//   - a mask (bool) of r dimensions, for r of x's dimensions, whose sizes it must have: the same
//     as the r vectors of nonzero_as_tuple(mask). It is evaluated when recorded;
//   - an undefined tensor, for one dimension that is kept whole (":").
// The index tensors are broadcast to one shape, which takes the place of the dimensions they
// name: where these are neighbours there, else in front. Dimensions beyond the list are kept.
#pragma once

#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// The selected elements. Throws IndexError for more entries than dimensions or a mask of another
/// shape, ShapeError when index tensors do not broadcast, DTypeError for other index dtypes; an
/// index outside its dimension throws IndexError when values are computed.
Tensor index(const Tensor& x, const std::vector<Tensor>& indices, Site at = Site::current());

/// x with the elements that index() would select replaced by `values` (a number, or a tensor of x's
/// dtype that broadcasts to the selection's shape), or with `accumulate` increased by them. Of
/// several values for one place the last in row-major order stays; accumulated ones are all added.
/// Throws what index() does, and ShapeError or DTypeError for values that do not fit.
Tensor index_put(const Tensor& x, const std::vector<Tensor>& indices, const Operand& values,
                 bool accumulate = false);

}  // namespace ingot
