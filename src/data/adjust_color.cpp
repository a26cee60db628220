// Brightness, contrast, saturation and hue in the 8-bit arithmetic of PIL, on which torchvision's
// functions of the same names rest: ImageEnhance is Image.blend with a degenerate image, hue goes
// through PIL's HSV.
#include <fmt/format.h>
#include <ingot/data/functional.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <ingot/core/error.h>

#include "data/blend.h"
#include "data/picture.h"

namespace ingot::data::functional {
namespace {

/// Blends every value with one and the same.
Image blend_with(Image image, std::uint8_t from, double factor) {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t v = 0; v < 256; ++v)
    table[v] = blend(from, static_cast<std::uint8_t>(v), static_cast<float>(factor));
  for (auto& value : image.pixels) value = table[value];
  return image;
}

struct Hsv {
  std::uint8_t hue, saturation, value;
};

std::uint8_t byte_of(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// float where PIL has float, double where it has double: both round on the way.
Hsv to_hsv(const std::uint8_t* rgb) {
  const std::uint8_t high = std::max({rgb[0], rgb[1], rgb[2]}),
                     low = std::min({rgb[0], rgb[1], rgb[2]});
  if (high == low) return {0, 0, high};
  const auto range = static_cast<float>(high - low);
  const auto away = [&](std::size_t c) { return static_cast<float>(high - rgb[c]) / range; };
  float sector;  // sixths of a turn
  if (rgb[0] == high) {
    sector = away(2) - away(1);
  } else if (rgb[1] == high) {
    sector = static_cast<float>(2.0 + static_cast<double>(away(0)) - static_cast<double>(away(2)));
  } else {
    sector = static_cast<float>(4.0 + static_cast<double>(away(1)) - static_cast<double>(away(0)));
  }
  const auto turn = static_cast<float>(std::fmod(static_cast<double>(sector) / 6.0 + 1.0, 1.0));
  const float saturation = range / static_cast<float>(high);
  return {byte_of(static_cast<int>(static_cast<double>(turn) * 255.0)),
          byte_of(static_cast<int>(static_cast<double>(saturation) * 255.0)), high};
}

void to_rgb(const Hsv& hsv, std::uint8_t* rgb) {
  if (hsv.saturation == 0) {
    rgb[0] = rgb[1] = rgb[2] = hsv.value;
    return;
  }
  const double sixths = static_cast<double>(static_cast<float>(hsv.hue)) * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(sixths));
  const auto rest = static_cast<float>(sixths - static_cast<double>(static_cast<float>(sector)));
  const auto share = static_cast<float>(static_cast<double>(hsv.saturation) / 255.0);
  const double value = hsv.value;
  const auto part = [&](double taken) {
    return byte_of(static_cast<int>(std::round(value * (1.0 - taken))));
  };
  const double s = share, f = rest;
  const std::uint8_t p = part(s), q = part(static_cast<double>(share * rest)),
                     t = part(s * (1.0 - f)), v = hsv.value;
  const std::uint8_t colors[6][3] = {{v, t, p}, {q, v, p}, {p, v, t},
                                     {p, q, v}, {t, p, v}, {v, p, q}};
  std::copy_n(colors[sector % 6], 3, rgb);
}

}  // namespace

Picture adjust_brightness(const Picture& picture, double factor) {
  check_factor(factor, "adjust_brightness");
  return blend_with(expect_bytes(picture, "adjust_brightness"), 0, factor);
}

Picture adjust_contrast(const Picture& picture, double factor) {
  check_factor(factor, "adjust_contrast");
  const Image& image = expect_bytes(picture, "adjust_contrast");
  const Image grey = to_grey(image);
  std::uint64_t sum = 0;
  for (const std::uint8_t value : grey.pixels) sum += value;
  const double mean = static_cast<double>(sum) / static_cast<double>(grey.pixels.size());
  return blend_with(image, static_cast<std::uint8_t>(std::floor(mean + 0.5)), factor);
}

Picture adjust_saturation(const Picture& picture, double factor) {
  check_factor(factor, "adjust_saturation");
  Image image = expect_bytes(picture, "adjust_saturation");
  if (image.channels == 1) return image;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    std::uint8_t* rgb = image.pixels.data() + i;
    const std::uint8_t grey = luma(rgb[0], rgb[1], rgb[2]);
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = blend(grey, rgb[c], static_cast<float>(factor));
  }
  return image;
}

Picture adjust_hue(const Picture& picture, double factor) {
  if (!(factor >= -0.5 && factor <= 0.5))
    throw ValueError(fmt::format("adjust_hue: the factor must be in -0.5..0.5, got {}", factor));
  Image image = expect_bytes(picture, "adjust_hue");
  if (image.channels == 1) return image;
  const auto shift = static_cast<std::uint8_t>(static_cast<int>(factor * 255));
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    std::uint8_t* rgb = image.pixels.data() + i;
    Hsv hsv = to_hsv(rgb);
    hsv.hue = static_cast<std::uint8_t>(hsv.hue + shift);  // modulo 256
    to_rgb(hsv, rgb);
  }
  return image;
}

}  // namespace ingot::data::functional
