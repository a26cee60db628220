// Checks a draft: what every pass relies on and must leave true. Builds without NDEBUG (Dev,
// Sanitize) check after each pass; tests call it everywhere.
#pragma once

#include <string_view>

#include "plan/draft.h"

namespace ingot::plan {

/// Throws InternalError that names the first thing wrong, with the user's line where there is one:
/// an operand that is made only later, a value of a dead node, a step that reads memory before it
/// is written or after something was written over it, two values in the same bytes at once, ...
/// `after` is the pass to blame.
void check(const Draft& draft, std::string_view after);

}  // namespace ingot::plan
