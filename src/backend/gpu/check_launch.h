// Launches that look for an element that does not fit: an index out of range, a divisor of 0.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backend/gpu/launch_kernel.h"
#include "backend/gpu/workspace.h"

namespace ingot::gpu {

/// What a check found.
struct Misfit {
  std::int64_t number = 0;  ///< of the element, row-major; all fit if there are no more
  std::uint64_t bits = 0;   ///< itself as an element of its work type: f64, f32 or i64
};

/// One check: which of the step's inputs, and what fits.
struct Check {
  std::size_t input = 0;
  std::string fits;  ///< an expression of the dialect over `x`, an element of the work type
  std::vector<std::pair<std::string, std::int64_t>> numbers;  ///< `p.NAME` in it
};
/// Indices from `low` to below `high`.
Check range_check(std::size_t input, std::int64_t low, std::int64_t high);

/// The checks' launches. The last one has a verdict: it calls `fail` with the number of the check
/// that found the misfit which stands first (of one element: the first check) if there is any, and
/// with that misfit. `fail` throws.
void add_checks(const StepDesc& step, Driver& driver, const std::vector<Check>& checks,
                Workspace& workspace, std::vector<Launch>& launches,
                std::function<void(std::size_t check, const Misfit&)> fail);

}  // namespace ingot::gpu
