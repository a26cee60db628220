// Sorting and running sums along one dimension. NaN counts as larger than everything. A 0-dim
// tensor is taken as one element. All throw IndexError for a dimension that does not exist.
#pragma once

#include <utility>

#include <ingot/core/tensor.h>

namespace ingot {

/// The elements along `dim` in order, and where each was (int64). Equal elements keep their order,
/// so every sort is stable. The gradient goes back to where the elements came from.
ValuesAndIndices sort(const Tensor& x, std::int64_t dim = -1, bool descending = false,
                      Site at = Site::current());
/// The places that sort gives.
Tensor argsort(const Tensor& x, std::int64_t dim = -1, bool descending = false,
               Site at = Site::current());
/// The k largest (or smallest) elements along `dim` in order, and where they were; of equal ones
/// the first. Throws ValueError when there are not as many.
ValuesAndIndices topk(const Tensor& x, std::int64_t k, std::int64_t dim = -1, bool largest = true,
                      Site at = Site::current());
/// The k-th smallest element along `dim`, counted from 1, and where it was. Throws ValueError
/// unless there is one.
ValuesAndIndices kthvalue(const Tensor& x, std::int64_t k, std::int64_t dim = -1,
                          bool keepdim = false, Site at = Site::current());
/// The median along `dim` (of an even number the lower one; NaN if there is one), and where it was.
/// Throws ShapeError for an empty dimension.
ValuesAndIndices median(const Tensor& x, std::int64_t dim, bool keepdim = false,
                        Site at = Site::current());
/// The median of all elements.
Tensor median(const Tensor& x, Site at = Site::current());

/// out[i] = x[0] + … + x[i]. Integers and bool are summed as int64.
Tensor cumsum(const Tensor& x, std::int64_t dim, Site at = Site::current());
/// out[i] = x[0] · … · x[i]. Integers and bool are multiplied as int64.
Tensor cumprod(const Tensor& x, std::int64_t dim, Site at = Site::current());

/// The largest (smallest) of x[0] … x[i], and where it is: the last of equal ones. A NaN wins, and
/// stays. The gradient goes to where the elements came from.
ValuesAndIndices cummax(const Tensor& x, std::int64_t dim, Site at = Site::current());
ValuesAndIndices cummin(const Tensor& x, std::int64_t dim, Site at = Site::current());

}  // namespace ingot
