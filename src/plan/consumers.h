// What takes the memory of a plan's run: for the message of an error.
#pragma once

#include <string>

#include "plan/plan.h"

namespace ingot::plan {

/// Per device how much a run takes for results and for temporaries, and below it the largest
/// blocks: what computes them, their shape, their bytes and the user's line. Lines that follow an
/// error's text. Empty where a run takes nothing.
std::string consumers(const Plan& plan, const Batch& batch);

}  // namespace ingot::plan
