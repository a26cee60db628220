// Matrix products.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// Matrix product with PyTorch's rules: vector · vector gives a 0-dim tensor, a vector on the left
/// is a row and on the right a column, further dimensions are batches and broadcast.
/// All dtypes but bool; both operands must have the same. Throws ShapeError when the inner
/// dimensions differ or the batches do not broadcast.
Tensor matmul(const Tensor& a, const Tensor& b, Site at = Site::current());

/// a[M, K] · b[K, N]; matrices only.
Tensor mm(const Tensor& a, const Tensor& b, Site at = Site::current());

/// a[B, M, K] · b[B, K, N]; batches of matrices only, nothing broadcasts.
Tensor bmm(const Tensor& a, const Tensor& b, Site at = Site::current());

/// beta · x + alpha · (a · b) for matrices a[M, K], b[K, N] and an x that broadcasts to [M, N].
/// With beta 0 the values of x, NaN included, do not count. Throws DTypeError for a broken factor
/// of integer matrices.
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
             const Scalar& alpha = 1, Site at = Site::current());

/// The same for batches: a[B, M, K], b[B, K, N] and an x that broadcasts to [B, M, N].
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
               const Scalar& alpha = 1, Site at = Site::current());

/// Sum of products of two vectors of the same length: a 0-dim tensor.
Tensor dot(const Tensor& a, const Tensor& b, Site at = Site::current());

/// out[i, j] = a[i] · b[j] of two vectors.
Tensor outer(const Tensor& a, const Tensor& b, Site at = Site::current());

/// x · weightᵀ + bias for x[..., K], weight[N, K] and an optional bias[N]: shape [..., N].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              Site at = Site::current());

}  // namespace ingot
