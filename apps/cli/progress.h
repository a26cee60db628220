// Shows how a pass over the data goes on: a bar on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

#include <ingot/train/trainer.h>

#include "cli/output.h"

namespace ingot::cli {

class ProgressDisplay {
 public:
  explicit ProgressDisplay(const Console& console);

  void show(const train::Progress& progress);
  /// Takes the bar away and prints a line in its place.
  void line(const std::string& text);
  /// Takes the bar away.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  const Console& console_;
  bool terminal_;
  bool bar_shown_ = false;
  Clock::time_point last_;
};

/// "epoch 2/5  loss 0.1234  accuracy 96.12 %  test loss …  5,213 images/s  0:12"
std::string epoch_line(const train::MetricsRow& row, std::int64_t epochs);

}  // namespace ingot::cli
