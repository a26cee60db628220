// Pooling of images.
#pragma once

#include <optional>

#include <ingot/core/tensor.h>
#include <ingot/ops/pair.h>

namespace ingot {

struct MaxPool2dOptions {
  std::optional<Pair> stride = {};  ///< the kernel's size unless given
  Pair padding = 0;  ///< at most half of what the kernel reaches over; padded places never win
  Pair dilation = 1;
  bool ceil_mode = false;  ///< a last, partial window counts
};

/// Largest element of each window of x[N, C, H, W] (or [C, H, W]); NaN wins over everything.
/// All dtypes but bool. Throws ShapeError when no window fits, ValueError for impossible options.
Tensor max_pool2d(const Tensor& x, Pair kernel_size, const MaxPool2dOptions& options = {},
                  Site at = Site::current());

/// Options by position, in PyTorch's order: `max_pool2d(x, 3, 2, 1)`.
inline Tensor max_pool2d(const Tensor& x, Pair kernel_size, Pair stride, Pair padding = 0,
                         Pair dilation = 1, Site at = Site::current()) {
  return max_pool2d(x, kernel_size, {.stride = stride, .padding = padding, .dilation = dilation},
                    at);
}

struct MaxPoolResult {
  Tensor output;
  Tensor indices;  ///< int64 positions h·W + w in each element's image plane
};

/// The same, and where each element came from.
MaxPoolResult max_pool2d_with_indices(const Tensor& x, Pair kernel_size,
                                      const MaxPool2dOptions& options = {},
                                      Site at = Site::current());

struct AvgPool2dOptions {
  std::optional<Pair> stride = {};  ///< the kernel's size unless given
  Pair padding = 0;                 ///< at most half the kernel
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< padded zeros count in the divisor
  /// What sums are divided by, instead of the window's size; not 0.
  std::optional<std::int64_t> divisor_override = {};
};

/// Mean of each window of x[N, C, H, W] (or [C, H, W]); floating dtypes.
Tensor avg_pool2d(const Tensor& x, Pair kernel_size, const AvgPool2dOptions& options = {},
                  Site at = Site::current());

/// Options by position, in PyTorch's order: `avg_pool2d(x, 3, 2, 1)`.
inline Tensor avg_pool2d(const Tensor& x, Pair kernel_size, Pair stride, Pair padding = 0,
                         Site at = Site::current()) {
  return avg_pool2d(x, kernel_size, {.stride = stride, .padding = padding}, at);
}

/// Means over OH × OW windows that cover x[N, C, H, W] (or [C, H, W]) evenly; floating dtypes.
/// Window i spans rows floor(i·H/OH) to ceil((i + 1)·H/OH).
Tensor adaptive_avg_pool2d(const Tensor& x, Pair output_size, Site at = Site::current());

/// Largest elements of the windows of adaptive_avg_pool2d; NaN wins. All dtypes but bool.
Tensor adaptive_max_pool2d(const Tensor& x, Pair output_size, Site at = Site::current());

/// The same, and where each element came from.
MaxPoolResult adaptive_max_pool2d_with_indices(const Tensor& x, Pair output_size,
                                               Site at = Site::current());

}  // namespace ingot
