// Reductions over some or all dimensions. An empty list of dimensions means all; `keepdim` keeps
// reduced dimensions with size 1. All throw IndexError for a dimension that does not exist and
// ValueError for one named twice.
#pragma once

#include <concepts>
#include <type_traits>

#include <ingot/core/tensor.h>

namespace ingot {

/// Integers and bool are summed as int64.
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false, Site at = Site::current());
/// Floating dtypes; NaN over no elements.
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false,
            Site at = Site::current());
/// The squared distance to the mean, over count - 1 (unbiased) or count. Floating dtypes.
Tensor var(const Tensor& x, const Dims& dims = {}, bool unbiased = true, bool keepdim = false,
           Site at = Site::current());
/// Square root of var.
Tensor std(const Tensor& x, const Dims& dims = {}, bool unbiased = true, bool keepdim = false,
           Site at = Site::current());
struct VarOptions {
  std::int64_t correction = 1;  ///< the sum of squares is divided by the count less this
  bool keepdim = false;
};
Tensor var(const Tensor& x, const Dims& dims, const VarOptions& options, Site at = Site::current());
Tensor std(const Tensor& x, const Dims& dims, const VarOptions& options, Site at = Site::current());
/// Integers and bool are multiplied as int64.
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false,
            Site at = Site::current());
/// Largest element; NaN wins; equal elements share the gradient. Throws ShapeError when a reduced
/// dimension is empty.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false,
            Site at = Site::current());
/// Smallest element, else as amax.
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false,
            Site at = Site::current());
/// int64 position of the first largest element along `dim`, or in the flattened tensor; a NaN
/// counts as largest. Throws ShapeError when the dimension is empty.
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false,
              Site at = Site::current());
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false,
              Site at = Site::current());
/// amax and amin over all elements.
Tensor max(const Tensor& x, Site at = Site::current());
Tensor min(const Tensor& x, Site at = Site::current());
/// The largest (smallest) element along `dim` and where it is: the first of equal ones, which takes
/// the whole gradient; a NaN wins. Throws ShapeError when the dimension is empty.
ValuesAndIndices max(const Tensor& x, std::int64_t dim, bool keepdim = false,
                     Site at = Site::current());
ValuesAndIndices min(const Tensor& x, std::int64_t dim, bool keepdim = false,
                     Site at = Site::current());
/// maximum and minimum.
Tensor max(const Tensor& a, const Tensor& b, Site at = Site::current());
Tensor min(const Tensor& a, const Tensor& b, Site at = Site::current());
/// bool: some element is not zero.
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false, Site at = Site::current());
/// bool: no element is zero.
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false, Site at = Site::current());
/// (Σ |x|^p)^(1/p); the largest |x| for p = ∞, the smallest for p = −∞, the number of elements that
/// are not zero for p = 0. Floating dtypes. Throws ShapeError for |p| = ∞ over no elements.
Tensor vector_norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false,
                   Site at = Site::current());
namespace detail {
auto euclidean_norm(const Tensor& x, const Dims& dims, bool keepdim, Site at) -> Tensor;
}
/// Euclidean norm. Floating dtypes. A number alone is p, as in PyTorch: `norm(x, {0})` for a
/// dimension.
template <class List = Dims>
  requires(!std::is_arithmetic_v<List> && std::convertible_to<const List&, Dims>)
Tensor norm(const Tensor& x, const List& dims = {}, bool keepdim = false,
            Site at = Site::current()) {
  return detail::euclidean_norm(x, dims, keepdim, at);
}
/// The p-norm, vector_norm: `norm(x, 1)`, `norm(x, 3, {0}, true)`. As in PyTorch there are no
/// matrix norms here.
template <class T>
  requires std::is_arithmetic_v<T>
Tensor norm(const Tensor& x, T p, const Dims& dims = {}, bool keepdim = false,
            Site at = Site::current()) {
  return vector_norm(x, static_cast<double>(p), dims, keepdim, at);
}
/// log(sum(exp(x))) without overflow. Floating dtypes.
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false,
                 Site at = Site::current());

}  // namespace ingot
