#include "train/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/canvas.h"

namespace ingot::train {
namespace {

constexpr Color kWhite{255, 255, 255}, kInk{17, 24, 39}, kText{75, 85, 99}, kFaint{156, 163, 175},
    kGrid{233, 236, 240}, kAxis{156, 163, 175};
constexpr Color kBlue{37, 99, 235}, kOrange{234, 108, 20}, kGreen{5, 150, 105};

constexpr int kWidth = 1280, kHeight = 500;

struct Series {
  std::string name;
  Color color;
  double CurvePoint::*value;
};

struct Frame {  // the plotting area, in pixels
  int left, top, width, height;
};

struct Scale {  // maps values to pixels
  double low, high, start, length;
  double operator()(double value) const { return start + (value - low) / (high - low) * length; }
};

/// Beyond this, differences of values would overflow; such a run has diverged anyhow.
bool drawable(double value) { return std::abs(value) < 1e100; }

/// As many digits as the distance of the marks needs.
std::string tick_label(double value, double step) {
  const int digits = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  return digits > 6 ? fmt::format("{:.1e}", value) : fmt::format("{:.{}f}", value, digits);
}

void draw_text_right(Canvas& canvas, Point right, std::string_view text, const Font& font,
                     Color color) {
  canvas.draw_text({right.x - Canvas::text_width(text, font), right.y}, text, font, color);
}

void draw_text_centered(Canvas& canvas, Point center, std::string_view text, const Font& font,
                        Color color) {
  canvas.draw_text({center.x - Canvas::text_width(text, font) / 2, center.y}, text, font, color);
}

/// The finite stretches of one series, in pixels.
std::vector<std::vector<Point>> stretches(const std::vector<CurvePoint>& points,
                                          const Series& series, const Scale& x, const Scale& y) {
  // A loss that is only measured once an epoch has gaps of NaN between; those are skipped. A value
  // that was measured and is infinite or huge breaks the line.
  std::vector<std::vector<Point>> result(1);
  for (const CurvePoint& point : points) {
    const double value = point.*series.value;
    if (std::isnan(value) || !drawable(point.epoch)) continue;
    if (!drawable(value)) {
      result.emplace_back();
    } else {
      result.back().push_back({x(point.epoch), y(value)});
    }
  }
  std::erase_if(result, [](const auto& stretch) { return stretch.empty(); });
  return result;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!drawable(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

/// Both panels show the same epochs.
Range epochs(const std::vector<CurvePoint>& points) {
  Range range;
  for (const CurvePoint& point : points) {
    if (drawable(point.train_loss) || drawable(point.validation_loss) || drawable(point.accuracy)) {
      range.add(point.epoch);
    }
  }
  return range;
}

class Panel {
 public:
  Panel(Canvas& canvas, Frame frame, std::string title, std::vector<Series> series)
      : canvas_(canvas), frame_(frame), title_(std::move(title)), series_(std::move(series)) {}

  /// `unit` follows the y labels; values are multiplied by `factor` for them.
  void draw(const std::vector<CurvePoint>& points, double factor, const char* unit,
            double ceiling) {
    canvas_.draw_text({frame_.left * 1.0, frame_.top - 22.0}, title_, kLargeFont, kInk);
    Range xs = epochs(points), ys;
    for (const Series& one : series_) {
      for (const CurvePoint& point : points) {
        if (!drawable(point.*one.value) || !drawable(point.epoch)) continue;
        ys.add(point.*one.value * factor);
      }
    }
    if (ys.empty()) {
      draw_axes();
      draw_text_centered(canvas_,
                         {frame_.left + frame_.width / 2.0, frame_.top + frame_.height / 2.0},
                         "nothing measured yet", kSmallFont, kFaint);
      return;
    }
    const std::vector<double> y_ticks = vertical_ticks(ys, ceiling);
    const std::vector<double> x_ticks = horizontal_ticks(xs);
    const Scale x{xs.low, xs.high, frame_.left + 12.0, frame_.width - 24.0};
    const Scale y{y_ticks.front(), y_ticks.back(), frame_.top * 1.0 + frame_.height,
                  -frame_.height * 1.0};
    draw_grid(x, y, x_ticks, y_ticks, unit);
    draw_axes();
    draw_series(points, x, y, factor, unit);
    draw_legend(points);
  }

 private:
  static std::vector<double> vertical_ticks(const Range& ys, double ceiling) {
    double low = ys.low, high = ys.high;
    if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {  // a flat line lies in the middle
      const double margin = high == 0 ? 1 : std::abs(high) * 0.05;
      low -= margin;
      high = std::min(high + margin, std::max(ceiling, ys.high));
    }
    // A loss falls towards 0: showing 0 makes its height honest.
    if (low > 0 && low < 0.5 * high) low = 0;
    std::vector<double> ticks = axis_ticks(low, high, 6);
    while (ticks.size() > 2 && ticks.back() > ceiling * (1 + 1e-9) && ys.high <= ceiling)
      ticks.pop_back();
    return ticks;
  }

  static std::vector<double> horizontal_ticks(Range& xs) {
    if (xs.high == xs.low) {
      xs.low -= 0.5;
      xs.high += 0.5;
    }
    std::vector<double> ticks = axis_ticks(xs.low, xs.high, 10, true);
    std::erase_if(ticks,
                  [&](double tick) { return tick < xs.low - 1e-9 || tick > xs.high + 1e-9; });
    return ticks;
  }

  void draw_grid(const Scale& x, const Scale& y, const std::vector<double>& x_ticks,
                 const std::vector<double>& y_ticks, const char* unit) {
    const double y_step = y_ticks.size() > 1 ? y_ticks[1] - y_ticks[0] : 1;
    for (const double tick : y_ticks) {
      const int row = static_cast<int>(std::lround(y(tick)));
      canvas_.fill_rectangle(frame_.left, row, frame_.width, 1, kGrid);
      draw_text_right(canvas_, {frame_.left - 10.0, row + kSmallFont.cap_height / 2.0},
                      tick_label(tick, y_step) + unit, kSmallFont, kText);
    }
    const double x_step = x_ticks.size() > 1 ? x_ticks[1] - x_ticks[0] : 1;
    for (const double tick : x_ticks) {
      const int column = static_cast<int>(std::lround(x(tick)));
      canvas_.fill_rectangle(column, frame_.top, 1, frame_.height, kGrid);
      canvas_.fill_rectangle(column, frame_.top + frame_.height, 1, 5, kAxis);
      draw_text_centered(canvas_,
                         {column + 0.5, frame_.top + frame_.height + 11.0 + kSmallFont.cap_height},
                         tick_label(tick, x_step), kSmallFont, kText);
    }
    draw_text_centered(canvas_,
                       {frame_.left + frame_.width / 2.0, frame_.top + frame_.height + 50.0},
                       "epoch", kSmallFont, kText);
  }

  void draw_axes() {
    canvas_.fill_rectangle(frame_.left, frame_.top + frame_.height, frame_.width, 1, kAxis);
  }

  void draw_series(const std::vector<CurvePoint>& points, const Scale& x, const Scale& y,
                   double factor, const char* unit) {
    const Scale scaled{y.low / factor, y.high / factor, y.start, y.length};
    constexpr std::size_t kMostDots = 40;  // a longer line is dense: thinner, without dots
    for (const Series& one : series_) {
      for (const auto& stretch : stretches(points, one, x, scaled)) {
        if (series_.size() == 1) {
          canvas_.fill_below(stretch, frame_.top + frame_.height * 1.0, one.color, 0.08);
        }
        const bool dense = stretch.size() > kMostDots;
        canvas_.draw_line(stretch, dense ? 1.5 : 2.5, one.color);
        if (dense) continue;
        for (const Point& point : stretch) {
          canvas_.draw_dot(point, 5.5, kWhite);
          canvas_.draw_dot(point, 4, one.color);
        }
      }
    }
    if (series_.size() == 1) draw_best(points, factor, unit);
  }

  /// Names the highest value, and when it was reached, beside the title.
  void draw_best(const std::vector<CurvePoint>& points, double factor, const char* unit) {
    const Series& one = series_.front();
    const CurvePoint* best = nullptr;
    for (const CurvePoint& point : points) {
      if (!drawable(point.*one.value) || !drawable(point.epoch)) continue;
      if (best == nullptr || point.*one.value > best->*one.value) best = &point;
    }
    const double left = frame_.left + Canvas::text_width(title_, kLargeFont) + 16;
    canvas_.draw_text(
        {left, frame_.top - 22.0},
        fmt::format("best {:.2f}{} at epoch {:g}", best->*one.value * factor, unit, best->epoch),
        kSmallFont, one.color);
  }

  void draw_legend(const std::vector<CurvePoint>& points) {
    double right = frame_.left + frame_.width * 1.0;
    const double base = frame_.top - 22.0;
    for (auto one = series_.rbegin(); one != series_.rend(); ++one) {
      const bool measured = std::any_of(points.begin(), points.end(), [&](const CurvePoint& point) {
        return drawable(point.*(one->value));
      });
      if (!measured) continue;
      draw_text_right(canvas_, {right, base}, one->name, kSmallFont, kText);
      right -= Canvas::text_width(one->name, kSmallFont) + 8;
      const double middle = base - kSmallFont.cap_height / 2.0;
      const Point ends[] = {{right - 20, middle}, {right, middle}};
      canvas_.draw_line(ends, 3, one->color);
      right -= 20 + 22;
    }
  }

  Canvas& canvas_;
  Frame frame_;
  std::string title_;
  std::vector<Series> series_;
};

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count, bool integers) {
  const double span = std::max(high - low, 1e-300);
  const double rough = span / std::max(count - 1, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  if (integers) step = std::max(step, 1.0);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::max(std::ceil(high / step - 1e-9), first + 1);
  std::vector<double> ticks;
  // A step below the resolution of the numbers would never end.
  for (double i = first; i <= last && ticks.size() < 1000; i += 1) ticks.push_back(i * step);
  return ticks;
}

void write_curves(const std::filesystem::path& path, const std::vector<CurvePoint>& points,
                  const std::string& title) {
  Canvas canvas(kWidth, kHeight, kWhite);
  canvas.draw_text({36, 42}, title, kLargeFont, kInk);
  canvas.fill_rectangle(36, 58, kWidth - 72, 1, kGrid);
  Panel(canvas, {96, 128, 500, 290}, "Loss",
        {{"training", kBlue, &CurvePoint::train_loss},
         {"validation", kOrange, &CurvePoint::validation_loss}})
      .draw(points, 1, "", std::numeric_limits<double>::infinity());
  Panel(canvas, {736, 128, 500, 290}, "Accuracy", {{"validation", kGreen, &CurvePoint::accuracy}})
      .draw(points, 100, "%", 100);
  canvas.write_png(path);
}

}  // namespace ingot::train
