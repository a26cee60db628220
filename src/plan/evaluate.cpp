// Evaluation: what "somebody looks" does. Computes every pending output that a Cell of this thread
// holds, in one plan (rule 6), so that a value is never computed twice and a training step is one
// plan.
#include <fmt/format.h>

#include <algorithm>

#include <ingot/core/error.h>

#include "core/record.h"
#include "plan/plan.h"
#include "plan/verify.h"

namespace ingot {
namespace {

// Done nodes need no place in the pending list; dead ones (nobody but the list holds them) neither.
// From the back, so that a dead node's inputs are seen dead in the same pass.
void sweep(std::vector<NodeRef>& pending) {
  const auto is_dead = [](const Node& n) {
    return n.ref_count() == 1 && n.state() == NodeState::Pending && !n.op().traits.effect;
  };
  for (auto it = pending.rbegin(); it != pending.rend(); ++it)
    if ((*it)->state() == NodeState::Done || is_dead(**it)) *it = nullptr;
  std::erase_if(pending, [](const NodeRef& n) { return !n; });
}

Device device_of(const plan::Batch& batch) { return batch.nodes.front()->outputs()[0].spec.device; }

struct EvaluatingScope {
  bool previous = std::exchange(record_state().evaluating, true);
  ~EvaluatingScope() { record_state().evaluating = previous; }
};

}  // namespace

void evaluate_pending(std::span<const ValueId> extra) {
  RecordState& state = record_state();
  static thread_local plan::Batch shared;
  plan::Batch own;
  const bool nested = state.evaluating;
  plan::Batch& batch = nested ? own : shared;
  sweep(state.pending);
  state.pinned_nbytes = 0;
  if (!plan::collect(batch, state.pending, extra)) return;
  // Batches hold plain pointers; these keep the nodes while edges are dropped below.
  std::vector<NodeRef> keep;
  keep.reserve(batch.nodes.size());
  try {
    const EvaluatingScope scope;
    for (Node* n : batch.nodes) keep.emplace_back(n);
    Backend& backend = backend_for(device_of(batch));
    if (plan::verify_enabled() && &backend != &reference_backend())
      plan::execute_verified(batch, backend);
    else
      plan::execute(*plan::plan_for(batch, backend), batch, backend);
  } catch (...) {
    plan::unclaim(batch);
    throw;
  }
  for (Node* n : batch.nodes) {
    n->set_claimed_by(0);
    n->set_state(NodeState::Done);
  }
  for (Node* n : batch.nodes)
    if (plan::drops_inputs(*n)) n->drop_inputs();
  batch.clear();
  sweep(state.pending);
}

void eval() { evaluate_pending(); }

void eval(const std::vector<Tensor>& tensors) {
  std::vector<ValueId> roots;
  for (const Tensor& t : tensors)
    if (t.defined()) roots.push_back(t.cell()->value());
  evaluate_pending(roots);
}

const Tensor& Tensor::eval() const {
  if (!is_evaluated()) {
    const ValueId self = cell_->value();
    evaluate_pending({&self, 1});
  }
  return *this;
}

}  // namespace ingot
