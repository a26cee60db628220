// Binding a plan: where each of its buffers is in this run, the numbers that its kernels read, and
// the values that its nodes will hold.
#pragma once

#include "plan/in_flight.h"

namespace ingot::plan {

/// Whether a run's arena on device number `device` may be the one of the device's stream.
bool may_share_arena(const Plan& plan, std::size_t device, Backend& backend);

/// Fills the instance's Binding. `host` computes what is on the cpu. With `run`, what leaves'
/// values will be written over is noted there.
void bind(const Plan& plan, const Batch& batch, Backend& host, PlanInstance& instance, Run* run);

}  // namespace ingot::plan
