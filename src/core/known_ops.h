// Ops that plans know: what has no step of its own, or is made where it is read. Defined in ops/.
#pragma once

#include "core/op_def.h"

namespace ingot::ops {

extern const OpDef kPermute, kBroadcastTo;  ///< views
extern const OpDef kCopyTo;                 ///< to another device
extern const OpDef kFull;                   ///< one number everywhere

}  // namespace ingot::ops
