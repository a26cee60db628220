// The node that carries bytes between the host's memory and a device's: put in by the pass `place`,
// never recorded. It runs on the device's stream, whichever way it goes.
#pragma once

#include "plan/draft.h"

namespace ingot::plan {

extern const OpDef kTransfer;
/// Whether the step is one: not the one that puts the bytes into order before.
bool is_transfer(const DraftStep& step);
/// `to(device)`, as it is recorded.
bool is_copy_to(const OpDef& op);

/// Whether it is no step of its own: a view, an alias, a copy to another device.
bool moves_nothing(const OpDef& op);

/// The number of the cpu among a plan's devices.
inline constexpr std::uint8_t kHost = 0;

}  // namespace ingot::plan
