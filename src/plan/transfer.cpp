#include "plan/transfer.h"

#include <ingot/core/error.h>

#include "core/known_ops.h"

namespace ingot::plan {

namespace {
void no_infer(InferContext&) { throw InternalError("a transfer is not inferred"); }
}  // namespace

const OpDef kTransfer{.name = "transfer", .infer = no_infer};

bool is_transfer(const DraftStep& step) { return step.desc.op == &kTransfer && !step.desc.program; }

bool is_copy_to(const OpDef& op) { return &op == &ops::kCopyTo; }

bool moves_nothing(const OpDef& op) {
  return view_kind(op) != ViewKind::None || is_copy_to(op) || op.traits.alias;
}

}  // namespace ingot::plan
