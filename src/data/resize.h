// Antialiased bilinear resize of 8-bit images, bit-equal to Pillow's Image.resize(BILINEAR).
#pragma once

#include <string>

#include "ingot/data/image.h"

namespace ingot::data {

/// Returns `image` resized to height x width (both >= 1; the image must not be empty).
///
/// Arithmetic of Pillow's Resample.c for 8 bits per channel: triangle filter widened by the scale
/// factor, coefficients rounded to 22 fractional bits, a horizontal pass that rounds to 8 bits,
/// then a vertical pass; a pass whose size does not change is left out. Pillow 13 runs the passes
/// in the other order when the height shrinks much more than the width, and rounds a few pixels
/// differently by 1 there; the order here is that of every Pillow up to 12, on which torchvision's
/// results rest.
///
/// Throws IoError, beginning with `who`, when the result or what lies between the passes would be
/// larger than check_result (picture.h) allows, or an edge is longer than any picture's.
Image resize_bilinear(const Image& image, std::int64_t height, std::int64_t width,
                      const std::string& who = "resize");

}  // namespace ingot::data
