// A plan's steps as segments: rows of steps on one device, and what each has to wait for.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/draft.h"

namespace ingot::plan {

/// Collects the segments of a plan as its steps are added. A segment waits for those of other
/// devices that wrote what it reads in the host's memory: transfers run on their device's stream,
/// whichever way they go. (Of what they read there nothing is overwritten during the run.)
class Segments {
 public:
  explicit Segments(const Draft& draft) : draft_(draft), writers_(draft.buffers.size(), -1) {}

  /// The step that becomes the plan's next one.
  void add(Plan& plan, const DraftStep& step);

  /// Before something outlives the run is written over, everything that may fail has succeeded, on
  /// all devices. When the plan's commit_step is known.
  static void wait_before_commit(Plan& plan);

 private:
  const Draft& draft_;
  std::vector<std::int32_t> writers_;  // per buffer: the last segment that wrote it
};

}  // namespace ingot::plan
