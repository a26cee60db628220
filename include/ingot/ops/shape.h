// Other shapes and orders of the same elements, parts and joins. As everywhere in Ingot the results
// are values of their own: an in-place operation on a part throws ViewError and says what to write.
#pragma once

#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// The same elements, row-major, in another shape; one size may be -1. Throws ShapeError when the
/// element counts differ.
Tensor reshape(const Tensor& x, const Shape& shape, Site at = Site::current());
/// Joins dimensions start … end (both included) into one.
Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t end = -1,
               Site at = Site::current());
/// Output dimension i is input dimension dims[i].
Tensor permute(const Tensor& x, const Dims& dims, Site at = Site::current());
Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b, Site at = Site::current());
/// Repeats dimensions of size 1 to `shape`; -1 keeps a size. PyTorch's expand.
Tensor broadcast_to(const Tensor& x, const Shape& shape, Site at = Site::current());
/// Removes dimension `dim` if its size is 1; all such dimensions without `dim`.
Tensor squeeze(const Tensor& x, std::optional<std::int64_t> dim = {}, Site at = Site::current());
Tensor unsqueeze(const Tensor& x, std::int64_t dim, Site at = Site::current());
/// Reverses the order along each of `dims`.
Tensor flip(const Tensor& x, const Dims& dims, Site at = Site::current());

/// Elements start, start + step, … below end along `dim`; negative start and end count from the
/// end, and both are clipped as in Python. Throws ValueError unless step is positive.
Tensor slice(const Tensor& x, std::int64_t dim, std::int64_t start = 0,
             std::optional<std::int64_t> end = {}, std::int64_t step = 1,
             Site at = Site::current());
/// `length` elements from `start` on. Throws IndexError when they are not all there.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length,
              Site at = Site::current());
/// Entry `index` of dimension `dim`, which goes away. Throws IndexError.
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index, Site at = Site::current());
/// `x` with the elements of slice(x, dim, start, end, step) replaced by `source`.
Tensor slice_scatter(const Tensor& x, const Tensor& source, std::int64_t dim,
                     std::int64_t start = 0, std::optional<std::int64_t> end = {},
                     std::int64_t step = 1, Site at = Site::current());

/// Joins along an existing dimension; the other sizes must agree. 1-d tensors without elements are
/// skipped, as in PyTorch.
Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0, Site at = Site::current());
/// Joins tensors of one shape along a new dimension.
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0, Site at = Site::current());
/// Parts of `size` along `dim`; the last may be smaller.
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim = 0,
                          Site at = Site::current());
/// Parts of the given sizes, which must add up.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes,
                          std::int64_t dim = 0, Site at = Site::current());
/// The entries of dimension `dim`, which goes away. Their gradients are joined, not added up.
std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim = 0, Site at = Site::current());
/// At most `chunks` parts of equal size (the last may be smaller).
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim = 0,
                          Site at = Site::current());

}  // namespace ingot
