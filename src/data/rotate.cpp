// Rotation in the arithmetic of PIL's Image.rotate, by the inverse map from result to image.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/data/functional.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ingot/core/error.h>

#include "data/picture.h"

namespace ingot::data::functional {
namespace {

/// x' = a x + b y + c, y' = d x + e y + f.
struct Affine {
  double a, b, c, d, e, f;
};

/// Python's round(value, 15), which rounds the exact value: the sine of 45 degrees times 1e15 is so
/// near to a half that the rounding of the product decides.
double rounded(double value) {
  const double product = value * 1e15, lost = std::fma(value, 1e15, -product);
  const double below = std::floor(product), rest = product - below + lost;
  const bool up = rest > 0.5 || (rest == 0.5 && std::fmod(below, 2.0) != 0);
  return (up ? below + 1 : below) / 1e15;
}

Affine turn(double degrees, double width, double height) {
  const double angle = -(degrees * (std::numbers::pi / 180.0));
  Affine m{rounded(std::cos(angle)),  rounded(std::sin(angle)), 0,
           rounded(-std::sin(angle)), rounded(std::cos(angle)), 0};
  const double x = width / 2.0, y = height / 2.0;
  m.c = m.a * -x + m.b * -y + m.c + x;
  m.f = m.d * -x + m.e * -y + m.f + y;
  return m;
}

std::int64_t fixed(double value) {
  return static_cast<std::int64_t>(std::floor(value * 65536.0 + 0.5));
}

/// In steps of 1/65536 pixel, as PIL does it for sizes that allow it.
void rotate_nearest(const Image& in, const Affine& m, Image& out) {
  const std::int64_t a = fixed(m.a), b = fixed(m.b), d = fixed(m.d), e = fixed(m.e);
  std::int64_t row_x = fixed(m.c + m.a * 0.5 + m.b * 0.5);
  std::int64_t row_y = fixed(m.f + m.d * 0.5 + m.e * 0.5);
  std::uint8_t* target = out.pixels.data();
  for (std::int64_t y = 0; y < out.height; ++y, row_x += b, row_y += e) {
    std::int64_t at_x = row_x, at_y = row_y;
    for (std::int64_t x = 0; x < out.width; ++x, at_x += a, at_y += d, target += out.channels) {
      const std::int64_t from_x = at_x >> 16, from_y = at_y >> 16;
      if (from_x < 0 || from_x >= in.width || from_y < 0 || from_y >= in.height) continue;
      std::copy_n(in.pixels.data() + (from_y * in.width + from_x) * in.channels, in.channels,
                  target);
    }
  }
}

void rotate_bilinear(const Image& in, const Affine& m, Image& out) {
  const auto width = static_cast<double>(in.width), height = static_cast<double>(in.height);
  std::uint8_t* target = out.pixels.data();
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x, target += out.channels) {
      const double to_x = static_cast<double>(x) + 0.5, to_y = static_cast<double>(y) + 0.5;
      const double from_x = m.a * to_x + m.b * to_y + m.c;
      const double from_y = m.d * to_x + m.e * to_y + m.f;
      if (from_x < 0 || from_x >= width || from_y < 0 || from_y >= height) continue;
      const double left = std::floor(from_x - 0.5), top = std::floor(from_y - 0.5);
      const double dx = from_x - 0.5 - left, dy = from_y - 0.5 - top;
      const auto clipped = [](double at, std::int64_t size) {
        return std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, size - 1);
      };
      const std::int64_t x0 = clipped(left, in.width), x1 = clipped(left + 1, in.width);
      const std::int64_t y0 = clipped(top, in.height), y1 = clipped(top + 1, in.height);
      for (std::int64_t c = 0; c < in.channels; ++c) {
        const auto at = [&](std::int64_t row, std::int64_t column) {
          return static_cast<double>(
              in.pixels[static_cast<std::size_t>((row * in.width + column) * in.channels + c)]);
        };
        const auto mix = [](double p, double q, double share) { return p + (q - p) * share; };
        const double upper = mix(at(y0, x0), at(y0, x1), dx);
        const double lower = mix(at(y1, x0), at(y1, x1), dx);
        target[c] = static_cast<std::uint8_t>(mix(upper, lower, dy));
      }
    }
  }
}

/// A quarter turn against the clock of a square image.
Image quarter_turn(const Image& in) {
  Image out{in.width, in.height, in.channels, {}};
  out.pixels.resize(in.pixels.size());
  std::uint8_t* target = out.pixels.data();
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x, target += in.channels)
      std::copy_n(in.pixels.data() + (x * in.width + (in.width - 1 - y)) * in.channels, in.channels,
                  target);
  }
  return out;
}

}  // namespace

Picture rotate(const Picture& picture, double degrees, Interpolation interpolation,
               const std::vector<double>& fill) {
  const Image& image = expect_bytes(picture, "rotate");
  constexpr std::int64_t kMaxEdge = 32767;  // of the fixed-point arithmetic
  if (image.width > kMaxEdge || image.height > kMaxEdge)
    throw IoError(fmt::format("rotate: the image is larger than {} x {}", kMaxEdge, kMaxEdge));
  if (interpolation != Interpolation::Nearest && interpolation != Interpolation::Bilinear)
    throw ValueError("rotate: interpolation is Nearest or Bilinear");
  if (!std::isfinite(degrees))
    throw ValueError(fmt::format("rotate: the angle must be finite, got {}", degrees));
  if ((fill.size() != 1 && static_cast<std::int64_t>(fill.size()) != image.channels) ||
      std::any_of(fill.begin(), fill.end(),
                  [](double value) { return !(value >= 0 && value <= 255); }))
    throw ValueError(
        fmt::format("rotate: fill is one number or one per channel in 0..255, not [{}]",
                    fmt::join(fill, ", ")));
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  // Turns that only move pixels are exact.
  if (angle == 0) return image;
  if (angle == 180) return hflip(vflip(picture));
  if (image.width == image.height && angle == 90) return quarter_turn(image);
  if (image.width == image.height && angle == 270) return hflip(vflip(quarter_turn(image)));

  Image out{image.height, image.width, image.channels, {}};
  out.pixels.resize(image.pixels.size());
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < out.pixels.size(); ++i)
    out.pixels[i] = static_cast<std::uint8_t>(fill[fill.size() == 1 ? 0 : i % channels]);
  const Affine m = turn(angle, static_cast<double>(image.width), static_cast<double>(image.height));
  if (interpolation == Interpolation::Nearest)
    rotate_nearest(image, m, out);
  else
    rotate_bilinear(image, m, out);
  return out;
}

}  // namespace ingot::data::functional
