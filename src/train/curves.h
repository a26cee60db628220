// The picture of a training run: loss and accuracy over epochs, as a PNG file.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <ingot/train/metrics.h>

namespace ingot::train {

/// One moment of a run. What was not measured stays NaN; infinite or huge (1e100) values leave a
/// gap.
struct CurvePoint {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  double epoch = 0;  // fractions are steps inside an epoch
  double train_loss = kNone;
  double validation_loss = kNone;
  double accuracy = kNone;  // of the validation data, 0 to 1
};

/// The points of a run.
std::vector<CurvePoint> curve_points(const std::vector<MetricsRow>& history);

/// Draws the points (in order of epoch) in two panels, loss and accuracy, and writes them to
/// `path`. Without any point the panels say so. Throws IoError.
void write_curves(const std::filesystem::path& path, const std::vector<CurvePoint>& points,
                  const std::string& title);

/// Positions of axis marks: about `count` round numbers (1, 2 or 5 times a power of ten apart) that
/// cover low to high. `integers` keeps the distance at 1 or more. Requires low <= high, both
/// finite.
std::vector<double> axis_ticks(double low, double high, int count, bool integers = false);

}  // namespace ingot::train
