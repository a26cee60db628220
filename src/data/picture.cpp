#include "data/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include <ingot/core/error.h>
#include <ingot/data/image_file.h>

namespace ingot::data {

const Image& expect_bytes(const Picture& picture, const std::string& who) {
  const auto* image = std::get_if<Image>(&picture);
  if (image == nullptr) {
    throw ShapeError(
        fmt::format("{}: takes an 8-bit image, got a float one; put it before ToTensor()", who));
  }
  const auto numel = image->height * image->width * image->channels;
  if (image->height < 1 || image->width < 1 || (image->channels != 1 && image->channels != 3) ||
      static_cast<std::int64_t>(image->pixels.size()) != numel) {
    throw ShapeError(
        fmt::format("{}: not an image: {} x {} with {} channels (1 or 3 are possible) "
                    "and {} bytes",
                    who, image->height, image->width, image->channels, image->pixels.size()));
  }
  return *image;
}

Image& expect_bytes(Picture& picture, const std::string& who) {
  return const_cast<Image&>(expect_bytes(std::as_const(picture), who));
}

void check_result(std::int64_t height, std::int64_t width, const Picture& image,
                  const std::string& who) {
  const std::int64_t most =
      std::max(DecodeOptions{}.max_pixels, height_of(image) * width_of(image));
  if (height <= most / std::max<std::int64_t>(width, 1)) return;
  throw IoError(fmt::format(
      "{}: the image of {} x {} pixels (height x width) would become one of {} x {}, more than {}",
      who, height_of(image), width_of(image), height, width, most));
}

std::int64_t height_of(const Picture& picture) {
  return std::visit([](const auto& image) { return image.height; }, picture);
}
std::int64_t width_of(const Picture& picture) {
  return std::visit([](const auto& image) { return image.width; }, picture);
}
std::int64_t channels_of(const Picture& picture) {
  return std::visit([](const auto& image) { return image.channels; }, picture);
}

Image to_grey(Image image) {
  if (image.channels == 1) return image;
  Image grey{image.height, image.width, 1, {}};
  const std::size_t count = image.pixels.size() / 3;
  grey.pixels.resize(count);
  const std::uint8_t* rgb = image.pixels.data();
  for (std::size_t i = 0; i < count; ++i, rgb += 3) grey.pixels[i] = luma(rgb[0], rgb[1], rgb[2]);
  return grey;
}

}  // namespace ingot::data
