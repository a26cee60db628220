// Drafts of what a test has recorded, for tests of the passes.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/passes.h"
#include "support/lazy_scope.h"

namespace ingot::testing_support {

/// Records what `record` returns (it is kept alive, hence live in the draft), runs the passes up to
/// `last`, hands the draft to `look`, and forgets what was recorded.
template <class Record, class Look>
void with_draft(std::string_view last, Record record, Look look, Backend& backend = cpu_backend()) {
  const LazyScope lazy;
  eval();
  {
    const auto kept = record();
    plan::Batch batch;
    ASSERT_TRUE(plan::collect(batch, record_state().pending, {}));
    plan::Draft draft(batch, backend);
    plan::run_passes(draft, last);
    look(draft);
    plan::unclaim(batch);
  }
  record_state().pending.clear();
}

}  // namespace ingot::testing_support
