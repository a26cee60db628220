// For tests of what is computed when, and of plans that are found again: while it lives, this
// thread runs neither eagerly nor with verification, whatever INGOT_EAGER and INGOT_VERIFY say.
#pragma once

#include <utility>

#include "core/record.h"
#include "plan/verify.h"

namespace ingot::testing_support {

class LazyScope {
 public:
  LazyScope()
      : eager_(std::exchange(record_state().eager, false)),
        verify_(std::exchange(plan::verify_enabled(), false)) {}
  ~LazyScope() {
    record_state().eager = eager_;
    plan::verify_enabled() = verify_;
  }
  LazyScope(const LazyScope&) = delete;
  LazyScope& operator=(const LazyScope&) = delete;

 private:
  bool eager_, verify_;
};

}  // namespace ingot::testing_support
