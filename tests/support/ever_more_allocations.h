// Whichever allocation fails: runs something with no allocation allowed, with one, and so on.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <thread>

#include <ingot/core/error.h>

#include "support/allocation_hook.h"

namespace ingot::optest {

/// Runs `f` with `left` allocations; true when that was too few. Any error but OutOfMemoryError is
/// a failure of the test.
template <class F>
bool runs_out(std::int64_t left, F f) {
  bool failed = false;
  limit_allocations(left);
  try {
    f();
  } catch (const OutOfMemoryError&) {
    failed = true;
  } catch (const std::exception& e) {
    failed = true;
    limit_allocations(-1);
    ADD_FAILURE() << "with " << left << " allocations: " << e.what();
  }
  limit_allocations(-1);
  return failed;
}

/// Calls `attempt(left)` with ever larger `left` until it returns false: that was enough. Every one
/// of the first 64, then ever fewer, since making a plan takes thousands. Gives how often it was
/// too few; ends at the first failure of the test.
template <class F>
int with_ever_more_allocations(F attempt) {
  int failures = 0;
  bool more = true;
  for (std::int64_t left = 0; more; left += 1 + left / 64) {
    if (left >= 100'000) {
      ADD_FAILURE() << "100,000 allocations are not enough";
      break;
    }
    // A thread of its own, whose lists have not grown yet.
    std::thread([&] { more = attempt(left); }).join();
    failures += more;
    if (testing::Test::HasFailure()) break;
  }
  return failures;
}

}  // namespace ingot::optest
