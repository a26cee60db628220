// Indexing as in PyTorch: `x.index({rows, columns})`, `x[mask]`, `x.index({Slice(), 0})`, and the
// assignments `x[…] = value` and `index_put`. What may stand in a list: ingot/core/indexing.h.
//
// The list names x's dimensions from the first on; dimensions beyond it are kept. An entry is
//   - a number: one entry of its dimension, which goes away;
//   - a Slice: a range; `Slice()`, `{}` and an undefined tensor keep a dimension whole;
//   - None: a new dimension of size 1;
//   - Ellipsis or "...": as many whole dimensions as the others leave over;
//   - a tensor of int64 or int32 indices, for one dimension; negative ones count from the end;
//   - a mask (bool) of r dimensions, for r of x's dimensions, whose sizes it must have: the same
//     as the r vectors of nonzero_as_tuple(mask). It is evaluated when recorded.
// The index tensors are broadcast to one shape, which takes the place of the dimensions they
// name: where these are neighbours (numbers between them do not count) there, else in front.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// The selected elements. Throws IndexError for more entries than dimensions, a number out of
/// range, two Ellipsis or a mask of another shape, ValueError for an empty list or a step below 1,
/// ShapeError when index tensors do not broadcast, DTypeError for other index dtypes; a tensor's
/// index outside its dimension throws IndexError when values are computed.
Tensor index(const Tensor& x, const IndexList& indices, Site at = Site::current());

/// x with the elements that index() would select replaced by `values` (a number, or a tensor of x's
/// dtype that broadcasts to the selection's shape), or with `accumulate` increased by them. Of
/// several values for one place the last in row-major order stays; accumulated ones are all added.
/// Throws what index() does, and ShapeError or DTypeError for values that do not fit.
Tensor index_put(const Tensor& x, const IndexList& indices, const Operand& values,
                 bool accumulate = false);

}  // namespace ingot
