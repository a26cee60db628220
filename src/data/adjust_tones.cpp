// Sharpness, posterize, solarize, autocontrast and equalize as PIL's ImageEnhance, ImageFilter and
// ImageOps have them, on which torchvision's functions of the same names rest.
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

using Table = std::array<std::uint8_t, 256>;

/// Every value of channel c becomes tables(c)[value].
template <class TableOf>
Image map_channels(Image image, TableOf table_of) {
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const Table table = table_of(c);
    for (std::size_t i = c; i < image.pixels.size(); i += channels)
      image.pixels[i] = table[image.pixels[i]];
  }
  return image;
}

std::array<std::int64_t, 256> histogram(const Image& image, std::size_t channel) {
  std::array<std::int64_t, 256> counts{};
  for (std::size_t i = channel; i < image.pixels.size();
       i += static_cast<std::size_t>(image.channels))
    ++counts[image.pixels[i]];
  return counts;
}

Table unchanged() {
  Table table{};
  for (std::size_t v = 0; v < 256; ++v) table[v] = static_cast<std::uint8_t>(v);
  return table;
}

/// PIL's filter in float32 and what it truncates come to this: sums of thirteenths are never half
/// way.
Image smooth(const Image& image) {
  Image out = image;
  const std::int64_t channels = image.channels, row = image.width * channels;
  for (std::int64_t y = 1; y + 1 < image.height; ++y)
    for (std::int64_t at = channels; at < row - channels; ++at) {
      const std::uint8_t* middle = image.pixels.data() + y * row + at;
      int sum = 4 * *middle;
      for (const std::int64_t dy : {-row, std::int64_t{0}, row})
        for (const std::int64_t dx : {-channels, std::int64_t{0}, channels}) sum += middle[dy + dx];
      out.pixels[static_cast<std::size_t>(y * row + at)] =
          static_cast<std::uint8_t>((2 * sum + 13) / 26);
    }
  return out;
}

}  // namespace

Picture adjust_sharpness(const Picture& picture, double factor) {
  check_factor(factor, "adjust_sharpness");
  Image image = expect_bytes(picture, "adjust_sharpness");
  const Image from = smooth(image);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = blend(from.pixels[i], image.pixels[i], static_cast<float>(factor));
  return image;
}

Picture posterize(const Picture& picture, int bits) {
  if (bits < 0 || bits > 8)
    throw ValueError(fmt::format("posterize: bits must be in 0..8, got {}", bits));
  Image image = expect_bytes(picture, "posterize");
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits));
  for (std::uint8_t& value : image.pixels) value &= mask;
  return image;
}

Picture solarize(const Picture& picture, double threshold) {
  Image image = expect_bytes(picture, "solarize");
  for (std::uint8_t& value : image.pixels)
    if (!(value < threshold)) value = static_cast<std::uint8_t>(255 - value);
  return image;
}

Picture autocontrast(const Picture& picture) {
  const Image& image = expect_bytes(picture, "autocontrast");
  return map_channels(image, [&](std::size_t channel) {
    const auto counts = histogram(image, channel);
    int low = 0, high = 255;
    while (low < 255 && counts[static_cast<std::size_t>(low)] == 0) ++low;
    while (high > 0 && counts[static_cast<std::size_t>(high)] == 0) --high;
    Table table = unchanged();
    if (high <= low) return table;
    const double scale = 255.0 / (high - low), offset = -low * scale;
    for (std::size_t v = 0; v < 256; ++v)
      table[v] = static_cast<std::uint8_t>(
          std::clamp(static_cast<int>(static_cast<double>(v) * scale + offset), 0, 255));
    return table;
  });
}

Picture equalize(const Picture& picture) {
  const Image& image = expect_bytes(picture, "equalize");
  return map_channels(image, [&](std::size_t channel) {
    const auto counts = histogram(image, channel);
    std::int64_t sum = 0, last = 0, levels = 0;
    for (const std::int64_t count : counts) {
      sum += count;
      if (count > 0) last = count;
      levels += count > 0;
    }
    Table table = unchanged();
    const std::int64_t step = (sum - last) / 255;
    if (levels <= 1 || step == 0) return table;
    std::int64_t n = step / 2;
    for (std::size_t v = 0; v < 256; ++v) {
      table[v] = static_cast<std::uint8_t>(std::min<std::int64_t>(n / step, 255));
      n += counts[v];
    }
    return table;
  });
}

}  // namespace ingot::data::functional
