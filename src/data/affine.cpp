// Rotation in the arithmetic of PIL's Image.rotate, and other affine maps in that of its
// Image.transform, by the inverse map from result to image.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/data/functional.h>

#include <algorithm>
#include <array>
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

/// torchvision's _get_inverse_affine_matrix.
Affine inverse_affine(double degrees, const std::array<double, 2>& translate, double scale,
                      const std::array<double, 2>& shear, double x, double y) {
  const auto radians = [](double angle) { return angle * (std::numbers::pi / 180.0); };
  const double turned = radians(degrees), sx = radians(shear[0]), sy = radians(shear[1]);
  const double a = std::cos(turned - sy) / std::cos(sy);
  const double b = -std::cos(turned - sy) * std::tan(sx) / std::cos(sy) - std::sin(turned);
  const double c = std::sin(turned - sy) / std::cos(sy);
  const double d = -std::sin(turned - sy) * std::tan(sx) / std::cos(sy) + std::cos(turned);
  Affine m{d / scale, -b / scale, 0, -c / scale, a / scale, 0};
  m.c += m.a * (-x - translate[0]) + m.b * (-y - translate[1]);
  m.f += m.d * (-x - translate[0]) + m.e * (-y - translate[1]);
  m.c += x;
  m.f += y;
  return m;
}

/// Where PIL's fixed-point numbers hold the places of the image's corners.
bool fits_fixed(const Affine& m, std::int64_t width, std::int64_t height) {
  const auto fits = [&](double x, double y) {
    return std::abs(x * m.a + y * m.b + m.c) < 32768.0 &&
           std::abs(x * m.d + y * m.e + m.f) < 32768.0;
  };
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  return fits(0, 0) && fits(w, h) && fits(0, h) && fits(w, 0);
}

/// The column or row that a place lies in; -1 outside.
std::int64_t cell_of(double at, std::int64_t size) {
  return at < 0 || at >= static_cast<double>(size) ? -1 : static_cast<std::int64_t>(at);
}

/// In steps of doubles, as PIL does it where x and y do not mix, and for far-away places.
void affine_nearest(const Image& in, const Affine& m, Image& out) {
  double row_x = m.c + m.a * 0.5 + m.b * 0.5, row_y = m.f + m.d * 0.5 + m.e * 0.5;
  std::uint8_t* target = out.pixels.data();
  for (std::int64_t y = 0; y < out.height; ++y, row_x += m.b, row_y += m.e) {
    double at_x = row_x, at_y = row_y;
    for (std::int64_t x = 0; x < out.width; ++x, at_x += m.a, at_y += m.d, target += out.channels) {
      const std::int64_t from_x = cell_of(at_x, in.width), from_y = cell_of(at_y, in.height);
      if (from_x < 0 || from_y < 0) continue;
      std::copy_n(in.pixels.data() + (from_y * in.width + from_x) * in.channels, in.channels,
                  target);
    }
  }
}

/// An image of that size in the colour of what lies outside. Throws ValueError for another `fill`
/// than one number or one per channel in 0..255.
Image filled(const Image& image, const std::vector<double>& fill, const char* who) {
  if ((fill.size() != 1 && static_cast<std::int64_t>(fill.size()) != image.channels) ||
      std::any_of(fill.begin(), fill.end(),
                  [](double value) { return !(value >= 0 && value <= 255); }))
    throw ValueError(fmt::format("{}: fill is one number or one per channel in 0..255, not [{}]",
                                 who, fmt::join(fill, ", ")));
  Image out{image.height, image.width, image.channels, {}};
  out.pixels.resize(image.pixels.size());
  const auto channels = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < out.pixels.size(); ++i)
    out.pixels[i] = static_cast<std::uint8_t>(fill[fill.size() == 1 ? 0 : i % channels]);
  return out;
}

void check_image(const Image& image, Interpolation interpolation, const char* who) {
  constexpr std::int64_t kMaxEdge = 32767;  // of the fixed-point arithmetic
  if (image.width > kMaxEdge || image.height > kMaxEdge)
    throw IoError(fmt::format("{}: the image is larger than {} x {}", who, kMaxEdge, kMaxEdge));
  if (interpolation != Interpolation::Nearest && interpolation != Interpolation::Bilinear)
    throw ValueError(fmt::format("{}: interpolation is Nearest or Bilinear", who));
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
  check_image(image, interpolation, "rotate");
  if (!std::isfinite(degrees))
    throw ValueError(fmt::format("rotate: the angle must be finite, got {}", degrees));
  Image out = filled(image, fill, "rotate");
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  // Turns that only move pixels are exact.
  if (angle == 0) return image;
  if (angle == 180) return hflip(vflip(picture));
  if (image.width == image.height && angle == 90) return quarter_turn(image);
  if (image.width == image.height && angle == 270) return hflip(vflip(quarter_turn(image)));

  const Affine m = turn(angle, static_cast<double>(image.width), static_cast<double>(image.height));
  if (interpolation == Interpolation::Nearest)
    rotate_nearest(image, m, out);
  else
    rotate_bilinear(image, m, out);
  return out;
}

Picture affine(const Picture& picture, double degrees, std::array<double, 2> translate,
               double scale, std::array<double, 2> shear, Interpolation interpolation,
               const std::vector<double>& fill,
               const std::optional<std::array<double, 2>>& center) {
  const Image& image = expect_bytes(picture, "affine");
  check_image(image, interpolation, "affine");
  if (!(scale > 0))
    throw ValueError(fmt::format("affine: the scale must be above 0, got {}", scale));
  Image out = filled(image, fill, "affine");
  const auto middle = center.value_or(std::array<double, 2>{
      static_cast<double>(image.width) * 0.5, static_cast<double>(image.height) * 0.5});
  const Affine m = inverse_affine(degrees, translate, scale, shear, middle[0], middle[1]);
  for (const double value : {m.a, m.b, m.c, m.d, m.e, m.f})
    if (!std::isfinite(value)) throw ValueError("affine: the numbers must be finite");
  if (interpolation == Interpolation::Bilinear)
    rotate_bilinear(image, m, out);
  else if ((m.b == 0 && m.d == 0) || !fits_fixed(m, image.width, image.height))
    affine_nearest(image, m, out);
  else
    rotate_nearest(image, m, out);
  return out;
}

}  // namespace ingot::data::functional
