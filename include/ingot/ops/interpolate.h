// Resizing of image batches and sequences.
#pragma once

#include <optional>
#include <type_traits>

#include <ingot/core/tensor.h>
#include <ingot/ops/pair.h>

namespace ingot {

enum class Interpolation {
  Nearest,       ///< element floor(i · scale), as PyTorch and OpenCV count
  NearestExact,  ///< element floor((i + 1/2) · scale), as Pillow counts
  Linear,        ///< of sequences
  Bilinear,      ///< of images
  Bicubic        ///< of images; Keys' kernel with a = -3/4 (with antialias: -1/2)
};

/// Factors for height and width, or one for both.
struct ScaleFactor {
  double h = 0;
  double w = 0;

  template <class T>
    requires std::is_arithmetic_v<T>
  constexpr ScaleFactor(T both) : h(static_cast<double>(both)), w(static_cast<double>(both)) {}
  constexpr ScaleFactor(double height, double width) : h(height), w(width) {}
};

/// Exactly one of `size` and `scale_factor` is given. Of a sequence the width counts.
struct InterpolateOptions {
  std::optional<Pair> size = {};
  std::optional<ScaleFactor> scale_factor = {};
  Interpolation mode = Interpolation::Nearest;
  /// The corner elements' centres fall on each other, instead of the corners themselves.
  bool align_corners = false;
  /// Sample by the ratio of the sizes, not by the factor that was given.
  bool recompute_scale_factor = false;
  /// When shrinking, widen the kernel so that every input element counts (Bilinear, Bicubic).
  bool antialias = false;
};

/// x[N, C, H, W] or a sequence x[N, C, L] at another size; with a factor, at floor(size · factor).
/// Floating dtypes; the nearest modes take uint8, too. Throws ShapeError for other ranks and empty
/// images, ValueError for options that contradict each other or the rank.
Tensor interpolate(const Tensor& x, const InterpolateOptions& options, Site at = Site::current());

}  // namespace ingot
