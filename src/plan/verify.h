// INGOT_VERIFY=1: every plan is run a second time on the reference backend, and the first op whose
// result differs is named, with its layout and the user's line.
#pragma once

#include "backend/backend.h"
#include "plan/batch.h"

namespace ingot::plan {

/// INGOT_VERIFY=1, or set by a test.
bool& verify_enabled();

/// Runs the batch on both backends, compares node by node in recording order and leaves the values
/// of `backend` in the nodes. Throws InternalError naming the first difference.
void execute_verified(Batch& batch, Backend& backend);

}  // namespace ingot::plan
