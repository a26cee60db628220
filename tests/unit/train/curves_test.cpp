#include "train/curves.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstring>

#include "ingot/core/error.h"
#include "train/canvas.h"

namespace ingot::train {
namespace {

namespace fs = std::filesystem;

struct Png {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  /// How many pixels have exactly this colour.
  int count(Color color) const {
    int found = 0;
    for (std::size_t i = 0; i < rgb.size(); i += 3) {
      found += rgb[i] == color.red && rgb[i + 1] == color.green && rgb[i + 2] == color.blue;
    }
    return found;
  }
};

Png read_png(const fs::path& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_file(&image, path.string().c_str()), 0) << image.message;
  image.format = PNG_FORMAT_RGB;
  Png png{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  png.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, png.rgb.data(), 0, nullptr), 0) << image.message;
  return png;
}

fs::path target(const char* name) {
  return fs::temp_directory_path() / (std::string("ingot_curves_") + name + ".png");
}

Png draw(const char* name, const std::vector<CurvePoint>& points) {
  const fs::path path = target(name);
  write_curves(path, points, "lenet5 on mnist");
  const Png png = read_png(path);
  fs::remove(path);
  return png;
}

constexpr Color kBlue{37, 99, 235}, kOrange{234, 108, 20}, kGreen{5, 150, 105};

TEST(Curves, DrawsEverySeries) {
  std::vector<CurvePoint> points;
  for (int i = 1; i <= 5; ++i) points.push_back({i * 1.0, 2.0 / i, 2.2 / i, 1 - 0.3 / i});
  const Png png = draw("all", points);
  EXPECT_EQ(png.width, 1280);
  EXPECT_EQ(png.height, 500);
  for (const Color color : {kBlue, kOrange, kGreen}) EXPECT_GT(png.count(color), 500);
}

TEST(Curves, LeavesOutWhatWasNotMeasured) {
  const Png png = draw("train_only", {{1, 2.0}, {2, 1.0}, {3, 0.5}});
  EXPECT_GT(png.count(kBlue), 500);
  EXPECT_EQ(png.count(kOrange), 0);
  EXPECT_EQ(png.count(kGreen), 0);
}

TEST(Curves, SurvivesOddData) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<CurvePoint>> runs{
      {},
      {{1, 0.5, 0.5, 0.5}},
      {{1, 0, 0, 0}, {2, 0, 0, 0}},
      {{1, 1, 1, 1}, {2, 1, 1, 1}},
      {{1, kInf, 1e30, 1}, {2, 1e-30, -5, 0}, {3, CurvePoint::kNone, -kInf, 1}},
      {{1, 1e308, -1e308, 0.5}, {2, -1e308, 1e308, 0.5}},
      {{5, 1, 1, 1}, {5, 2, 2, 0.5}},
      {{kInf, 1, 1, 1}, {CurvePoint::kNone, 1, 1, 1}},
      std::vector<CurvePoint>(5000, {3, 0.1, 0.2, 0.99}),
  };
  for (const auto& points : runs) EXPECT_EQ(draw("odd", points).width, 1280);
}

TEST(Curves, TicksAreRoundAndCoverTheRange) {
  EXPECT_EQ(axis_ticks(0, 10, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(axis_ticks(1, 5, 10, true), (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_EQ(axis_ticks(0, 0, 5, true), (std::vector<double>{0, 1}));
  const auto ticks = axis_ticks(0.031, 2.31, 6);
  EXPECT_LE(ticks.front(), 0.031);
  EXPECT_GE(ticks.back(), 2.31);
  EXPECT_LE(ticks.size(), 8u);
}

TEST(Curves, ReplacesTheFileOrLeavesItAlone) {
  const fs::path path = target("replace");
  write_curves(path, {{1, 1, 1, 0.5}}, "first");
  const auto first = read_png(path).rgb;
  write_curves(path, {{1, 1, 1, 0.5}}, "second");
  EXPECT_NE(read_png(path).rgb, first);
  EXPECT_FALSE(fs::exists(path.string() + ".partial"));
  fs::remove(path);
  EXPECT_THROW(write_curves(fs::temp_directory_path() / "ingot_no_folder" / "x.png", {}, "x"),
               IoError);
}

TEST(Canvas, LinesHaveTheirWidth) {
  Canvas canvas(20, 20, {0, 0, 0});
  const Point ends[] = {{-5, 10}, {25, 10}};
  canvas.draw_line(ends, 4, {200, 100, 50});
  for (const int row : {8, 9, 10, 11}) {
    EXPECT_EQ(canvas.pixel(7, row).red, 200);
    EXPECT_EQ(canvas.pixel(7, row).blue, 50);
  }
  EXPECT_EQ(canvas.pixel(7, 7).red, 0);
  EXPECT_EQ(canvas.pixel(7, 12).red, 0);
  canvas.draw_dot({1000, -1000}, 3, {255, 255, 255});  // outside: nothing happens
}

TEST(Canvas, TextHasInkAndWidth) {
  Canvas canvas(60, 30, {255, 255, 255});
  canvas.draw_text({5, 22}, "8", kLargeFont, {0, 0, 0});
  int dark = 0;
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 60; ++x) dark += canvas.pixel(x, y).red < 128;
  }
  EXPECT_GT(dark, 20);
  EXPECT_LT(dark, 150);
  EXPECT_NEAR(Canvas::text_width("88", kLargeFont), 2 * Canvas::text_width("8", kLargeFont), 1e-9);
  EXPECT_GT(Canvas::text_width("\xc3", kSmallFont), 0);  // not ASCII: drawn as '?'
}

}  // namespace
}  // namespace ingot::train
