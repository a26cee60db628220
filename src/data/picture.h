// What the transforms share.
#pragma once

#include <string>

#include <ingot/data/image.h>

namespace ingot::data {

/// The 8-bit image in `picture`. Throws ShapeError, beginning with `who`, for a float image or one
/// that is no image.
const Image& expect_bytes(const Picture& picture, const std::string& who);
Image& expect_bytes(Picture& picture, const std::string& who);

/// The most pixels that a transform makes of an image: what a decoder takes by default, or as many
/// as the image has itself. Throws IoError, since it is the file's sizes that ask for more, so that
/// such a file can be skipped (OnError::kSkip); the text begins with `who`.
void check_result(std::int64_t height, std::int64_t width, const Picture& image,
                  const std::string& who);

std::int64_t height_of(const Picture& picture);
std::int64_t width_of(const Picture& picture);
std::int64_t channels_of(const Picture& picture);

/// PIL's ITU-R 601-2 luma.
inline std::uint8_t luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16);
}

/// One channel.
Image to_grey(Image image);

}  // namespace ingot::data
