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
    return n.ref_count() == 1 && n.state() != NodeState::Running && !n.op().traits.effect;
  };
  for (auto it = pending.rbegin(); it != pending.rend(); ++it)
    if ((*it)->state() == NodeState::Done || is_dead(**it)) *it = nullptr;
  std::erase_if(pending, [](const NodeRef& n) { return !n; });
}

// What computes the batch. Plans are made for one device so far; throws DeviceError, naming the
// line, for what was recorded on another one, or on one that is not there.
Backend& backend_of(const plan::Batch& batch) {
  const auto device_of = [](const Node* n) { return n->outputs()[0].spec.device; };
  const auto refuse = [](const Node* n, const std::string& why) {
    throw DeviceError(
        fmt::format("{}: {}{}", n->op().name, why, recorded_at(n->site(), n->outer_site())));
  };
  const Device device = device_of(batch.nodes.front());
  for (const Node* n : batch.nodes) {
    const Device own = device_of(n);
    if (own == device && n != batch.nodes.front()) continue;
    if (!is_available(own)) refuse(n, fmt::format("{}: {}", own.str(), why_unavailable(own)));
    if (own != device)
      refuse(n, fmt::format("one evaluation computes on one device; this is on {}, other pending "
                            "work on {}; evaluate that first",
                            own.str(), device.str()));
  }
  return backend_for(device);
}

void run(plan::Batch& batch) {
  Backend& backend = backend_of(batch);
  plan::FaultInjection::place("the plan");
  if (plan::verify_enabled() && &backend != &reference_backend())
    plan::execute_verified(batch, backend);
  else
    plan::execute(*plan::plan_for(batch, backend), batch, backend);
}

struct EvaluatingScope {
  bool previous = std::exchange(record_state().evaluating, true);
  ~EvaluatingScope() { record_state().evaluating = previous; }
};

}  // namespace

void evaluate_pending(std::span<const ValueId> extra, bool all_asked_for) {
  RecordState& state = record_state();
  static thread_local plan::Batch shared;
  plan::Batch own;
  const bool nested = state.evaluating;
  plan::Batch& batch = nested ? own : shared;
  sweep(state.pending);
  state.pinned_nbytes = 0;
  std::exception_ptr failure;
  // A second round only after a check failed, without what needs its node.
  while (plan::collect(batch, state.pending, extra)) {
    // Batches hold plain pointers; these keep the nodes while edges are dropped below.
    std::vector<NodeRef> keep;
    keep.reserve(batch.nodes.size());
    try {
      const EvaluatingScope scope;
      for (Node* n : batch.nodes) keep.emplace_back(n);
      run(batch);
    } catch (...) {
      const bool is_check = batch.failed != nullptr;
      plan::unclaim(batch, std::current_exception());
      if (!is_check) throw;
      if (!failure) failure = std::current_exception();
      continue;
    }
    for (Node* n : batch.nodes) {
      n->set_claimed_by(0);
      n->set_state(NodeState::Done);
    }
    for (Node* n : batch.nodes)
      if (plan::drops_inputs(*n)) n->drop_inputs();
    batch.clear();
    break;
  }
  sweep(state.pending);
  if (failure && all_asked_for) std::rethrow_exception(failure);
}

void eval() { evaluate_pending({}, true); }

void eval(const std::vector<Tensor>& tensors) {
  std::vector<ValueId> roots;
  for (const Tensor& t : tensors)
    if (t.defined()) roots.push_back(t.cell()->value());
  evaluate_pending(roots);
}

const Tensor& Tensor::eval() const {
  if (!is_evaluated()) {
    const ValueId self = cell()->value();
    evaluate_pending({&self, 1});
  }
  return *this;
}

}  // namespace ingot
