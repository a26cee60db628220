// The image operations behind the transforms, with every parameter given: torchvision's
// transforms.functional. What a random transform draws and does is one of these.
//
// All of them take 8-bit images; those that only move pixels (crop, pad, flips) take float images
// as well. Results are bit-equal to torchvision's on PIL images (docs/transforms.md). They throw
// ShapeError for an image they cannot take.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <ingot/data/image.h>
#include <ingot/ops/interpolate.h>

namespace ingot::data {

/// What lies beyond an image's edge.
enum class PaddingMode {
  Constant,   ///< a colour
  Edge,       ///< the pixel at the edge: aa|abcd|dd
  Reflect,    ///< a mirror in the pixel at the edge: cb|abcd|cb
  Symmetric,  ///< a mirror beyond the edge: ba|abcd|dc
};

/// Which pixels a rotated pixel takes its value from: the nearest one or, bilinear, the four
/// around.
using ingot::Interpolation;

namespace functional {

/// The height x width pixels whose upper left corner is (top, left); what lies outside the image is
/// 0. Throws ValueError when height or width is < 1.
Picture crop(const Picture& picture, std::int64_t top, std::int64_t left, std::int64_t height,
             std::int64_t width);

/// The middle height x width pixels, (size - wanted) / 2 from the upper left, halves rounded to
/// even; an image that is too small is padded with 0 first, the odd pixel at the right and below.
Picture center_crop(const Picture& picture, std::int64_t height, std::int64_t width);

/// `padding`: one number for all sides, two (left and right, top and bottom), or four (left, top,
/// right, bottom), not negative. `fill`: the colour of kConstant, one number or one per channel, in
/// the units of the image. Throws ValueError for other lists.
Picture pad(const Picture& picture, const std::vector<std::int64_t>& padding,
            const std::vector<double>& fill = {0}, PaddingMode mode = PaddingMode::Constant);

/// crop, then Resize to out_height x out_width.
Picture resized_crop(const Picture& picture, std::int64_t top, std::int64_t left,
                     std::int64_t height, std::int64_t width, std::int64_t out_height,
                     std::int64_t out_width);

Picture hflip(const Picture& picture);  ///< left becomes right
Picture vflip(const Picture& picture);  ///< top becomes bottom

/// Mixes the image with black: 0 is black, 1 the image, more is brighter. These three throw
/// ValueError for a negative factor. Arithmetic: float32 a + factor (b - a), cut to 0..255 and
/// truncated, as PIL's Image.blend.
Picture adjust_brightness(const Picture& picture, double factor);
/// Mixes it with its mean grey value, rounded.
Picture adjust_contrast(const Picture& picture, double factor);
/// Mixes it with its own grey image; grey images stay as they are.
Picture adjust_saturation(const Picture& picture, double factor);
/// Turns the hue by `factor` of a whole turn, -0.5 to 0.5, by way of 8-bit HSV as PIL has it; grey
/// images stay as they are. Throws ValueError outside that range.
Picture adjust_hue(const Picture& picture, double factor);

/// Turns the image by `degrees` against the clock around its middle; the size stays, corners that
/// come from outside get `fill`.
Picture rotate(const Picture& picture, double degrees,
               Interpolation interpolation = Interpolation::Nearest,
               const std::vector<double>& fill = {0});

/// Turns by `degrees` with the clock, scales, shears (x then y, in degrees) and moves by
/// `translate` pixels (right, down), around `center` (x, y; the middle unless given); the size
/// stays, what comes from outside gets `fill`. The matrix is torchvision's, the pixels are PIL's
/// Image.transform. Throws ValueError for a scale that is not above 0 and numbers that are not
/// finite.
Picture affine(const Picture& picture, double degrees, std::array<double, 2> translate,
               double scale, std::array<double, 2> shear,
               Interpolation interpolation = Interpolation::Nearest,
               const std::vector<double>& fill = {0},
               const std::optional<std::array<double, 2>>& center = std::nullopt);

/// Mixes the image with a smooth one (PIL's ImageFilter.SMOOTH: the neighbours once, the pixel five
/// times; pixels at the edge stay): 0 is smooth, 1 the image, more is sharper. Throws ValueError
/// for a negative factor.
Picture adjust_sharpness(const Picture& picture, double factor);
/// Keeps the highest `bits` of each value, 0 to 8. Throws ValueError for others.
Picture posterize(const Picture& picture, int bits);
/// Inverts the values from `threshold` on.
Picture solarize(const Picture& picture, double threshold);
/// Stretches each channel so that its smallest value becomes 0 and its largest 255.
Picture autocontrast(const Picture& picture);
/// Makes the values of each channel about equally frequent, as PIL's ImageOps.equalize.
Picture equalize(const Picture& picture);

}  // namespace functional
}  // namespace ingot::data
