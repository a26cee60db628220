#include "train/curves.h"

namespace ingot::train {

std::vector<CurvePoint> curve_points(const std::vector<MetricsRow>& history) {
  std::vector<CurvePoint> points;
  points.reserve(history.size());
  // The average of a whole epoch is no point of the loss curve where the epoch has finer ones.
  bool finer = false;
  for (const MetricsRow& row : history) {
    CurvePoint point;
    point.epoch = row.epoch;
    if (!row.ends_epoch() || !finer) point.train_loss = row.train_loss;
    if (row.measured()) {
      point.validation_loss = row.measured_loss();
      point.accuracy = row.measured_accuracy();
    }
    finer = !row.ends_epoch();
    points.push_back(point);
  }
  return points;
}

}  // namespace ingot::train
