// The tests' own operator new: it can refuse large requests, and any request while nothing may be
// allocated. (In all test programs; without one of these objects it only asks the C library.)
#pragma once

#include <cstddef>
#include <cstdint>

namespace ingot::optest {

/// While it lives, requests for more than `nbytes` bytes throw std::bad_alloc, in every thread.
class LargestAllocation {
 public:
  explicit LargestAllocation(std::size_t nbytes);
  ~LargestAllocation();
  LargestAllocation(const LargestAllocation&) = delete;
  LargestAllocation& operator=(const LargestAllocation&) = delete;

 private:
  std::size_t previous_;
};

/// Requests so far, of every thread.
std::uint64_t allocations();
/// Refuses every request from now on, or no longer.
void refuse_allocations(bool on);
/// This thread's next `count` requests succeed, later ones throw; negative: no limit.
void limit_allocations(std::int64_t count);

}  // namespace ingot::optest
