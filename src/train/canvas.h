// A picture to draw on: anti-aliased lines, dots and text, and a PNG file of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "train/font.h"

namespace ingot::train {

struct Color {
  std::uint8_t red, green, blue;
};

/// In pixels; (0, 0) is the upper left corner of the picture, pixel centres lie at .5.
struct Point {
  double x, y;
};

class Canvas {
 public:
  /// A picture of width x height pixels, filled with `background`.
  Canvas(int width, int height, Color background);

  int width() const { return width_; }
  int height() const { return height_; }
  /// The pixel in column x of row y.
  Color pixel(int x, int y) const;

  void fill_rectangle(int left, int top, int width, int height, Color color);
  /// Joins the points by a line `thickness` pixels wide with round ends and corners.
  void draw_line(std::span<const Point> points, double thickness, Color color,
                 double opacity = 1.0);
  void draw_dot(Point center, double radius, Color color);
  /// Fills between the line and the horizontal y = bottom; the points go from left to right.
  void fill_below(std::span<const Point> points, double bottom, Color color, double opacity);

  /// Writes text with the left end of its base line at `origin`.
  void draw_text(Point origin, std::string_view text, const Font& font, Color color);
  /// Width of the text in pixels.
  static double text_width(std::string_view text, const Font& font);

  /// Writes the picture as a PNG file. An existing file is replaced only when the new one is
  /// complete. Throws IoError.
  void write_png(const std::filesystem::path& path) const;

 private:
  void blend(int x, int y, Color color, double opacity);
  void blend_mask(const std::vector<float>& mask, int left, int top, int width, int height,
                  Color color, double opacity);

  int width_, height_;
  std::vector<std::uint8_t> pixels_;  // RGB
};

}  // namespace ingot::train
