// Images as plain buffers, before they become tensors.
//
// Invariant of both types: the vector holds height * width * channels elements.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace ingot::data {

/// 8-bit pixels, interleaved (HWC): the layout of image files. channels is 1 (grey) or 3 (RGB).
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 1;
  std::vector<std::uint8_t> pixels;
};

/// float32 planes (CHW): the layout of models.
struct FloatImage {
  std::int64_t channels = 1;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> values;
};

/// What flows through a chain of transforms: 8-bit up to ToTensor, float after it.
using Picture = std::variant<Image, FloatImage>;

}  // namespace ingot::data
