#include "train/canvas.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>

#include <ingot/io/atomic_file.h>
#include "ingot/core/error.h"

namespace ingot::train {
namespace {

double distance_to_segment(double x, double y, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double length2 = dx * dx + dy * dy;
  const double t =
      length2 == 0 ? 0 : std::clamp(((x - a.x) * dx + (y - a.y) * dy) / length2, 0.0, 1.0);
  return std::hypot(x - a.x - t * dx, y - a.y - t * dy);
}

}  // namespace

Canvas::Canvas(int width, int height, Color background) : width_(width), height_(height) {
  if (width < 1 || height < 1) throw ValueError("Canvas: width and height must be positive");
  pixels_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  fill_rectangle(0, 0, width, height, background);
}

Color Canvas::pixel(int x, int y) const {
  const auto at = (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                   static_cast<std::size_t>(x)) *
                  3;
  return {pixels_[at], pixels_[at + 1], pixels_[at + 2]};
}

void Canvas::blend(int x, int y, Color color, double opacity) {
  if (x < 0 || y < 0 || x >= width_ || y >= height_ || opacity <= 0) return;
  std::uint8_t* p =
      pixels_.data() + (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                        static_cast<std::size_t>(x)) *
                           3;
  const auto mix = [opacity](std::uint8_t below, std::uint8_t above) {
    return static_cast<std::uint8_t>(std::lround(below + (above - below) * std::min(opacity, 1.0)));
  };
  p[0] = mix(p[0], color.red);
  p[1] = mix(p[1], color.green);
  p[2] = mix(p[2], color.blue);
}

void Canvas::blend_mask(const std::vector<float>& mask, int left, int top, int width, int height,
                        Color color, double opacity) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float coverage = mask[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                  static_cast<std::size_t>(x)];
      blend(left + x, top + y, color, static_cast<double>(coverage) * opacity);
    }
  }
}

void Canvas::fill_rectangle(int left, int top, int width, int height, Color color) {
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) blend(x, y, color, 1.0);
  }
}

void Canvas::draw_line(std::span<const Point> points, double thickness, Color color,
                       double opacity) {
  if (points.empty()) return;
  // The segments' coverage is joined by its maximum before it is blended, so that corners, where
  // segments overlap, are not drawn twice.
  double min_x = points[0].x, max_x = min_x, min_y = points[0].y, max_y = min_y;
  for (const Point& p : points) {
    min_x = std::min(min_x, p.x);
    max_x = std::max(max_x, p.x);
    min_y = std::min(min_y, p.y);
    max_y = std::max(max_y, p.y);
  }
  const double reach = thickness / 2 + 1;
  const auto clip = [](double value, int limit) {
    return static_cast<int>(std::clamp(value, 0.0, static_cast<double>(limit)));
  };
  const int left = clip(std::floor(min_x - reach), width_),
            right = clip(std::ceil(max_x + reach), width_);
  const int top = clip(std::floor(min_y - reach), height_),
            bottom = clip(std::ceil(max_y + reach), height_);
  const int width = right - left, height = bottom - top;
  if (width <= 0 || height <= 0) return;
  std::vector<float> mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (std::size_t i = 0; i < std::max<std::size_t>(points.size() - 1, 1); ++i) {
    const Point a = points[i], b = points[std::min(i + 1, points.size() - 1)];
    const int y0 = clip(std::floor(std::min(a.y, b.y) - reach) - top, height);
    const int y1 = clip(std::ceil(std::max(a.y, b.y) + reach) - top, height);
    const int x0 = clip(std::floor(std::min(a.x, b.x) - reach) - left, width);
    const int x1 = clip(std::ceil(std::max(a.x, b.x) + reach) - left, width);
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        const double distance = distance_to_segment(left + x + 0.5, top + y + 0.5, a, b);
        const auto coverage = static_cast<float>(
            std::clamp(thickness / 2 + 0.5 - distance, 0.0, std::min(1.0, thickness)));
        float& at = mask[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                         static_cast<std::size_t>(x)];
        at = std::max(at, coverage);
      }
    }
  }
  blend_mask(mask, left, top, width, height, color, opacity);
}

void Canvas::draw_dot(Point center, double radius, Color color) {
  draw_line({&center, 1}, 2 * radius, color);
}

void Canvas::fill_below(std::span<const Point> points, double bottom, Color color, double opacity) {
  if (points.size() < 2) return;
  std::size_t i = 0;
  const int first = std::max(0, static_cast<int>(std::ceil(points.front().x - 0.5)));
  const int last = std::min(width_ - 1, static_cast<int>(std::floor(points.back().x - 0.5)));
  for (int x = first; x <= last; ++x) {
    const double center = x + 0.5;
    while (i + 2 < points.size() && points[i + 1].x < center) ++i;
    const Point a = points[i], b = points[i + 1];
    const double t = b.x > a.x ? std::clamp((center - a.x) / (b.x - a.x), 0.0, 1.0) : 1.0;
    const double top = a.y + t * (b.y - a.y);
    for (int y = std::max(0, static_cast<int>(std::floor(top)));
         y < std::min<double>(bottom, height_); ++y) {
      blend(x, y, color, opacity * std::clamp(y + 1 - top, 0.0, 1.0));
    }
  }
}

double Canvas::text_width(std::string_view text, const Font& font) {
  int advance = 0;
  for (const char c : text) advance += font.glyph(c).advance;
  return advance / 64.0;
}

void Canvas::draw_text(Point origin, std::string_view text, const Font& font, Color color) {
  int pen = static_cast<int>(std::lround(origin.x * 64));
  const int base = static_cast<int>(std::lround(origin.y));
  for (const char c : text) {
    const Glyph& glyph = font.glyph(c);
    const int left = (pen + 32) / 64 + glyph.left;
    const char* ink = glyph.ink;
    for (int y = 0; y < glyph.height; ++y) {
      for (int x = 0; x < glyph.width; ++x, ++ink) {
        const int value = *ink <= '9' ? *ink - '0' : *ink - 'a' + 10;
        blend(left + x, base + glyph.top + y, color, value / 15.0);
      }
    }
    pen += glyph.advance;
  }
}

void Canvas::write_png(const std::filesystem::path& path) const {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t nbytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<char> encoded(nbytes);
  if (png_image_write_to_memory(&image, encoded.data(), &nbytes, 0, pixels_.data(), 0, nullptr) ==
      0) {
    throw IoError(fmt::format("{}: cannot encode the picture: {}", path.string(), image.message));
  }
  io::AtomicFile file(path);
  file.write(encoded.data(), nbytes);
  file.commit();
}

}  // namespace ingot::train
