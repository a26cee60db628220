// Crops, padding and flips: every pixel of the result is one of the image's, or the fill colour.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/data/functional.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <ingot/core/error.h>

#include "core/host_room.h"
#include "data/picture.h"
#include "data/resize.h"

namespace ingot::data::functional {
namespace {

constexpr std::int64_t kMaxEdge = 1 << 16;
constexpr std::int64_t kOutside = -1;

/// For each row (or column) of the result, the one of the image it comes from, or kOutside.
using Places = std::vector<std::int64_t>;

/// `length` places from `first` on; those beyond 0..size-1 are outside.
Places window(std::int64_t first, std::int64_t length, std::int64_t size) {
  Places places(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t at = first + i;
    places[static_cast<std::size_t>(i)] = at >= 0 && at < size ? at : kOutside;
  }
  return places;
}

/// Where a place beyond the edges looks.
std::int64_t folded(std::int64_t at, std::int64_t size, PaddingMode mode) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case PaddingMode::Edge:
      return std::clamp<std::int64_t>(at, 0, size - 1);
    case PaddingMode::Reflect: {
      if (size == 1) return 0;
      const std::int64_t period = 2 * (size - 1), rest = (at % period + period) % period;
      return std::min(rest, period - rest);
    }
    case PaddingMode::Symmetric: {
      const std::int64_t period = 2 * size, rest = (at % period + period) % period;
      return std::min(rest, period - 1 - rest);
    }
    default:
      return kOutside;
  }
}

/// One plane (or interleaved image) of pixels of `channels` values.
template <class T>
void gather(const T* in, std::int64_t in_width, std::int64_t channels, const Places& rows,
            const Places& columns, std::span<const T> fill, T* out) {
  for (const std::int64_t y : rows) {
    for (const std::int64_t x : columns) {
      const T* pixel =
          y == kOutside || x == kOutside ? fill.data() : in + (y * in_width + x) * channels;
      for (std::int64_t c = 0; c < channels; ++c) *out++ = pixel[c];
    }
  }
}

template <class T>
std::vector<T> colour(const std::vector<double>& fill, std::int64_t channels) {
  std::vector<T> values;
  for (std::int64_t c = 0; c < channels; ++c)
    values.push_back(static_cast<T>(fill[fill.size() == 1 ? 0 : static_cast<std::size_t>(c)]));
  return values;
}

Picture gathered(const Picture& picture, const Places& rows, const Places& columns,
                 const std::vector<double>& fill) {
  const auto height = static_cast<std::int64_t>(rows.size()),
             width = static_cast<std::int64_t>(columns.size());
  check_host_room("a picture", height * width * channels_of(picture),
                  std::holds_alternative<Image>(picture) ? 1 : sizeof(float));
  if (const auto* image = std::get_if<Image>(&picture)) {
    Image result{height, width, image->channels, {}};
    result.pixels.resize(static_cast<std::size_t>(height * width * image->channels));
    const auto values = colour<std::uint8_t>(fill, image->channels);
    gather<std::uint8_t>(image->pixels.data(), image->width, image->channels, rows, columns, values,
                         result.pixels.data());
    return result;
  }
  const auto& image = std::get<FloatImage>(picture);
  FloatImage result{image.channels, height, width, {}};
  result.values.resize(static_cast<std::size_t>(height * width * image.channels));
  const auto values = colour<float>(fill, image.channels);
  for (std::int64_t c = 0; c < image.channels; ++c) {
    gather<float>(image.values.data() + c * image.height * image.width, image.width, 1, rows,
                  columns, std::span(values).subspan(static_cast<std::size_t>(c), 1),
                  result.values.data() + c * height * width);
  }
  return result;
}

/// Throws ShapeError unless the picture holds the values its sizes promise.
void check_picture(const Picture& picture, const char* who) {
  if (std::holds_alternative<Image>(picture)) {
    expect_bytes(picture, who);
    return;
  }
  const auto& image = std::get<FloatImage>(picture);
  if (image.channels < 1 || image.height < 1 || image.width < 1 ||
      static_cast<std::int64_t>(image.values.size()) != image.channels * image.height * image.width)
    throw ShapeError(fmt::format("{}: not an image: {} x {} with {} channels and {} values", who,
                                 image.height, image.width, image.channels, image.values.size()));
}

void check_size(std::int64_t height, std::int64_t width, const char* who) {
  if (height < 1 || width < 1 || height > kMaxEdge || width > kMaxEdge)
    throw ValueError(
        fmt::format("{}: sizes must be in 1..{}, got {} x {}", who, kMaxEdge, height, width));
}

/// Half of a number, halves rounded to even, as Python's round() has it.
std::int64_t half(std::int64_t number) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(number) / 2.0));
}

Places backwards(std::int64_t size) {
  Places places(static_cast<std::size_t>(size));
  std::iota(places.rbegin(), places.rend(), std::int64_t{0});
  return places;
}

}  // namespace

Picture crop(const Picture& picture, std::int64_t top, std::int64_t left, std::int64_t height,
             std::int64_t width) {
  check_picture(picture, "crop");
  check_size(height, width, "crop");
  check_result(height, width, picture, "crop");
  return gathered(picture, window(top, height, height_of(picture)),
                  window(left, width, width_of(picture)), {0});
}

Picture center_crop(const Picture& picture, std::int64_t height, std::int64_t width) {
  check_picture(picture, "center_crop");
  check_size(height, width, "center_crop");
  const std::int64_t has_height = height_of(picture), has_width = width_of(picture);
  if (height > has_height || width > has_width) {
    const std::int64_t more_height = std::max<std::int64_t>(height - has_height, 0),
                       more_width = std::max<std::int64_t>(width - has_width, 0);
    return center_crop(pad(picture, {more_width / 2, more_height / 2, (more_width + 1) / 2,
                                     (more_height + 1) / 2}),
                       height, width);
  }
  return crop(picture, half(has_height - height), half(has_width - width), height, width);
}

Picture pad(const Picture& picture, const std::vector<std::int64_t>& padding,
            const std::vector<double>& fill, PaddingMode mode) {
  check_picture(picture, "pad");
  if ((padding.size() != 1 && padding.size() != 2 && padding.size() != 4) ||
      std::any_of(padding.begin(), padding.end(),
                  [](std::int64_t side) { return side < 0 || side > kMaxEdge; }))
    throw ValueError(fmt::format("pad: the padding is 1, 2 or 4 numbers in 0..{}, not [{}]",
                                 kMaxEdge, fmt::join(padding, ", ")));
  if (fill.size() != 1 && static_cast<std::int64_t>(fill.size()) != channels_of(picture))
    throw ValueError(
        fmt::format("pad: {} fill values for {} channels", fill.size(), channels_of(picture)));
  if (std::holds_alternative<Image>(picture) &&
      std::any_of(fill.begin(), fill.end(),
                  [](double value) { return !(value >= 0 && value <= 255); }))
    throw ValueError(fmt::format("pad: the fill of an 8-bit image is in 0..255, not [{}]",
                                 fmt::join(fill, ", ")));
  const std::int64_t left = padding[0], top = padding[padding.size() == 1 ? 0 : 1],
                     right = padding[padding.size() == 4 ? 2 : 0],
                     bottom = padding[padding.size() == 1   ? 0
                                      : padding.size() == 2 ? 1
                                                            : 3];
  check_result(height_of(picture) + top + bottom, width_of(picture) + left + right, picture, "pad");
  const auto places = [&](std::int64_t before, std::int64_t size, std::int64_t after) {
    Places result;
    for (std::int64_t i = -before; i < size + after; ++i) result.push_back(folded(i, size, mode));
    return result;
  };
  return gathered(picture, places(top, height_of(picture), bottom),
                  places(left, width_of(picture), right), fill);
}

Picture resized_crop(const Picture& picture, std::int64_t top, std::int64_t left,
                     std::int64_t height, std::int64_t width, std::int64_t out_height,
                     std::int64_t out_width) {
  expect_bytes(picture, "resized_crop");
  check_size(out_height, out_width, "resized_crop");
  if (height < 1 || width < 1)
    throw ValueError(
        fmt::format("resized_crop: sizes must be at least 1, got {} x {}", height, width));
  // A part of a long image may be longer than what crop() takes.
  check_result(height, width, picture, "resized_crop");
  const Picture part = gathered(picture, window(top, height, height_of(picture)),
                                window(left, width, width_of(picture)), {0});
  return resize_bilinear(std::get<Image>(part), out_height, out_width, "resized_crop");
}

Picture hflip(const Picture& picture) {
  check_picture(picture, "hflip");
  return gathered(picture, window(0, height_of(picture), height_of(picture)),
                  backwards(width_of(picture)), {0});
}

Picture vflip(const Picture& picture) {
  check_picture(picture, "vflip");
  return gathered(picture, backwards(height_of(picture)),
                  window(0, width_of(picture), width_of(picture)), {0});
}

}  // namespace ingot::data::functional
