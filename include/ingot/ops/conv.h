// Convolutions of images and sequences, and transposed ones.
#pragma once

#include <concepts>

#include <ingot/core/tensor.h>
#include <ingot/ops/pair.h>

namespace ingot {

/// How many zeros surround an image: a number for each side, "valid" (none) or "same" (so many that
/// the output has the input's size; stride 1 only. Of an odd number the larger half is at the end).
/// Throws ValueError for another word.
struct ConvPadding : Pair {
  bool same = false;

  template <std::integral T>
  constexpr ConvPadding(T both) : Pair(both) {}
  constexpr ConvPadding(std::int64_t height, std::int64_t width) : Pair(height, width) {}
  constexpr ConvPadding(Pair sides) : Pair(sides) {}
  ConvPadding(const char* mode);
};

struct Conv2dOptions {
  Pair stride = 1;
  ConvPadding padding = 0;  ///< zeros added on each side, "same" or "valid"
  Pair dilation = 1;
  std::int64_t groups = 1;
};

/// Cross-correlation of x[N, C, H, W] (or [C, H, W]) with weight[O, C/groups, KH, KW], plus an
/// optional bias[O]: [N, O, OH, OW] with OH = (H + 2·padding − dilation·(KH − 1) − 1)/stride + 1.
/// Floating dtypes. Throws ShapeError naming the operand that does not fit.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {}, Site at = Site::current());

/// Options by position, in PyTorch's order: `conv2d(x, weight, bias, 2, 1)`.
inline Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, Pair stride,
                     ConvPadding padding = 0, Pair dilation = 1, std::int64_t groups = 1,
                     Site at = Site::current()) {
  return conv2d(x, weight, bias,
                {.stride = stride, .padding = padding, .dilation = dilation, .groups = groups}, at);
}

/// The same in one dimension: a number, "valid" or "same".
struct ConvPadding1d {
  std::int64_t size = 0;
  bool same = false;

  template <std::integral T>
  constexpr ConvPadding1d(T both) : size(both) {}
  ConvPadding1d(const char* mode);
};

struct Conv1dOptions {
  std::int64_t stride = 1;
  ConvPadding1d padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
};

/// conv2d of sequences: x[N, C, L] (or [C, L]), weight[O, C/groups, K], bias[O]; gives [N, O, OL].
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv1dOptions& options = {}, Site at = Site::current());

struct ConvTranspose2dOptions {
  Pair stride = 1;
  Pair padding = 0;         ///< what the convolution that is reversed would add on each side
  Pair output_padding = 0;  ///< rows and columns more at the end; less than stride or dilation
  std::int64_t groups = 1;
  Pair dilation = 1;
};

/// The gradient of conv2d with respect to its image, as an operation of its own ("deconvolution"):
/// x[N, C, H, W] (or [C, H, W]), weight[C, O/groups, KH, KW], bias[O] give [N, O, OH, OW] with
/// OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1.
/// Floating dtypes. Throws ShapeError naming the operand that does not fit, ValueError for
/// impossible options.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {}, Site at = Site::current());

struct ConvTranspose1dOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t output_padding = 0;
  std::int64_t groups = 1;
  std::int64_t dilation = 1;
};

/// conv_transpose2d of sequences: x[N, C, L] (or [C, L]), weight[C, O/groups, K], bias[O].
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose1dOptions& options = {}, Site at = Site::current());

}  // namespace ingot
