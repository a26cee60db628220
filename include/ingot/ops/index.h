// Selecting and adding by indices. Indices are int64 (int32 where said), count from 0 and are never
// negative; one outside its bounds throws IndexError when values are computed, naming the index,
// its position and the bound.
#pragma once

#include <string_view>

#include <ingot/core/tensor.h>

namespace ingot {

/// out[i][j][k] = x[i][index[i][j][k]][k] for dim 1, and so on: one int64 index per output element.
/// `index` has x's rank and in the other dimensions at most x's size.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index, Site at = Site::current());

/// x plus source's elements added at the places that gather would read: the reverse of gather.
/// `source` is at least as large as `index` in every dimension; what lies beyond is not used.
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                   Site at = Site::current());

/// x with the elements at the places that gather would read replaced by source's (a tensor of x's
/// dtype, used as in scatter_add) or by a number. Where an index names a place twice, the last one
/// stays.
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Operand& source);
/// The same, but what is there is increased ("add") or multiplied ("multiply") by the source.
/// Throws ValueError for another `reduce`.
Tensor scatter(const Tensor& x, std::int64_t dim, const Tensor& index, const Operand& source,
               std::string_view reduce);

/// x with source's elements joined to those at the places that gather would read: "sum", "prod",
/// "mean", "amax" or "amin". Without `include_self` x's own elements at these places do not count.
/// Equal largest elements share the gradient. Integer means are rounded down. Not for bool. Throws
/// ValueError for another `reduce`, else as scatter_add.
Tensor scatter_reduce(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self = true, Site at = Site::current());

/// The slices of x along `dim` that a vector of int64 or int32 indices names.
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index,
                    Site at = Site::current());

/// x plus alpha times source's slices added at the places that index_select would read.
Tensor index_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha = 1, Site at = Site::current());

/// Rows of weight[V, D] by int64 or int32 indices of any shape [...]: a tensor [..., D]. The row
/// `padding_idx` (if not negative) gets no gradient.
Tensor embedding(const Tensor& weight, const Tensor& indices, std::int64_t padding_idx = -1,
                 Site at = Site::current());

/// int64 tensor [..., classes] with a 1 at each index. With classes < 0 it is the largest index
/// plus 1, for which `indices` is evaluated.
Tensor one_hot(const Tensor& indices, std::int64_t classes = -1, Site at = Site::current());

/// x with `value` (a number or a 0-dim tensor, converted to x's dtype) where `mask` (bool,
/// broadcast) holds.
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value);

}  // namespace ingot
