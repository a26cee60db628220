// The pass `lower`: the backend's kernel for every step, and scratch memory where it wants some.
#include "plan/passes.h"
#include "plan/transfer.h"

namespace ingot::plan {

void lower(Draft& draft) {
  for (std::size_t i = 0; i < draft.steps.size(); ++i) {
    DraftStep& step = draft.steps[i];
    const Backend& backend = draft.backend_of(step.on);
    step.kernel = on_behalf_of(draft.batch, draft.node(step.node).batch_node, [&] {
      return is_transfer(step) ? backend.lower_transfer(step.desc.inputs[0].nbytes())
                               : backend.lower(step.desc);
    });
    if (const std::size_t nbytes = step.kernel->workspace_nbytes())
      step.workspace = draft.add_buffer({.nbytes = nbytes, .on = step.on}, i);
  }
  draft.filled = Draft::Part::Kernels;
}

}  // namespace ingot::plan
