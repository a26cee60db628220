// Offsets in one arena for buffers with known lifetimes: two buffers share bytes only if no step
// needs both.
#pragma once

#include <cstddef>
#include <vector>

#include "plan/plan.h"

namespace ingot::plan {

class MemoryPlanner {
 public:
  /// A buffer written first by step `first` and read last by step `last`.
  void add(std::size_t buffer, std::size_t nbytes, std::size_t first, std::size_t last) {
    wanted_.push_back({buffer, nbytes, first, last});
  }
  /// Sets the offsets; returns the arena's size.
  std::size_t assign(std::vector<PlanBuffer>& buffers);

 private:
  struct Wanted {
    std::size_t buffer, nbytes, first, last;
  };
  std::vector<Wanted> wanted_;
};

}  // namespace ingot::plan
