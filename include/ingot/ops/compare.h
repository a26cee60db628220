// Whether tensors agree. equal and allclose look at the values: they evaluate.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// bool, elementwise and broadcast: a equals b, or both are finite and |a − b| ≤ atol + rtol·|b|.
/// Two NaN count as close with `equal_nan`. Throws DTypeError for different dtypes, ValueError for
/// negative tolerances.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false, Site at = Site::current());
/// All elements are close.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false, Site at = Site::current());
/// The same shape and the same elements; NaN equals nothing. Throws DTypeError for different
/// dtypes.
bool equal(const Tensor& a, const Tensor& b, Site at = Site::current());

}  // namespace ingot
