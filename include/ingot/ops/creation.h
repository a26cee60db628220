// Tensors from nothing: constants and sequences. All throw ShapeError for negative sizes and
// DeviceError for a device that is not available. A number that the dtype cannot hold (300 in
// uint8, NaN in int32, 1e300 in float32) is a ValueError.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// Every element `value`; the dtype follows the number (bool, int64 or float32).
Tensor full(const Shape& shape, const Scalar& value, Site at = Site::current());
/// Every element `value`, converted to options.dtype.
Tensor full(const Shape& shape, const Scalar& value, const TensorOptions& options,
            Site at = Site::current());
Tensor zeros(const Shape& shape, const TensorOptions& options = {}, Site at = Site::current());
Tensor ones(const Shape& shape, const TensorOptions& options = {}, Site at = Site::current());
/// Shape, dtype and device of `x`.
Tensor full_like(const Tensor& x, const Scalar& value, Site at = Site::current());
Tensor zeros_like(const Tensor& x, Site at = Site::current());
Tensor ones_like(const Tensor& x, Site at = Site::current());
/// The same of another dtype.
Tensor full_like(const Tensor& x, const Scalar& value, DType dtype, Site at = Site::current());
Tensor zeros_like(const Tensor& x, DType dtype, Site at = Site::current());
Tensor ones_like(const Tensor& x, DType dtype, Site at = Site::current());
/// A 0-dim tensor of the number.
Tensor scalar_tensor(const Scalar& value, DType dtype, Device device = {},
                     Site at = Site::current());

/// start, start + step, … while before `end`. The dtype is int64 when all three are integers, else
/// float32. Throws ValueError for a step of 0 or one that leads away from `end`, and when the
/// values are too many to count.
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step = 1,
              std::optional<DType> dtype = {}, Device device = {}, Site at = Site::current());
/// 0, 1, … below `end`.
Tensor arange(const Scalar& end, Site at = Site::current());
/// `steps` values from `start` to `end`, both included; the second half is counted from the end,
/// as in PyTorch.
Tensor linspace(const Scalar& start, const Scalar& end, std::int64_t steps,
                const TensorOptions& options = {}, Site at = Site::current());
/// [n, m] with ones on the diagonal; m = n unless given.
Tensor eye(std::int64_t n, std::optional<std::int64_t> m = {}, const TensorOptions& options = {},
           Site at = Site::current());

}  // namespace ingot
