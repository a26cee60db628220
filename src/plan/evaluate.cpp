// Evaluation: what "somebody looks" does. Computes every pending output that a Cell of this thread
// holds, in one plan (rule 6), so that a value is never computed twice and a training step is one
// plan.
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include <ingot/core/error.h>

#include "core/observe.h"
#include "core/record.h"
#include "plan/dry_run.h"
#include "plan/in_flight.h"
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
    if ((*it)->state() == NodeState::Done || is_dead(**it)) {
      if ((*it)->in_flight()) (*it)->set_listed(false);  // it may have to come back
      *it = nullptr;
    }
  std::erase_if(pending, [](const NodeRef& n) { return !n; });
}

void run(plan::Batch& batch) {
  Backend& backend = backend_for(Device{});
  plan::FaultInjection::place("the plan");
  if (plan::DryRun* dry = plan::DryRun::current()) return dry->run(batch, backend);
  if (plan::verify_enabled() && &backend != &reference_backend())
    plan::execute_verified(batch, backend);
  else
    plan::execute(plan::plan_for(batch, backend), batch, backend);
}

struct EvaluatingScope {
  explicit EvaluatingScope(std::uint64_t token) : running(token) {}
  ~EvaluatingScope() { record_state().evaluating = previous; }
  bool previous = std::exchange(record_state().evaluating, true);
  plan::RunningScope running;
};

// Nodes of a batch stay while edges to them are dropped.
std::vector<NodeRef> references(const plan::Batch& batch) {
  std::vector<NodeRef> keep;
  plan::FaultInjection::place("references to the batch's nodes");
  keep.reserve(batch.nodes.size());
  for (Node* n : batch.nodes) keep.emplace_back(n);
  return keep;
}

// What a failed evaluation does next.
enum class Next {
  Throw,
  Again,      ///< without what needs the node it failed for
  AskedAlone  ///< with what was asked for alone: there may be memory for that
};

Next after_failure(const plan::Batch& batch, const std::exception_ptr& why) {
  if (batch.failed) return Next::Again;  // collect() throws it if it is asked for
  if (batch.culprit) {
    if (is_asked_for(batch, batch.culprit)) return Next::Throw;
    batch.culprit->set_aside(true);
    return Next::Again;
  }
  if (batch.num_asked == 0 || batch.num_asked == batch.nodes.size()) return Next::Throw;
  try {
    std::rethrow_exception(why);
  } catch (const OutOfMemoryError&) {
    return Next::AskedAlone;
  } catch (const std::bad_alloc&) {
    return Next::AskedAlone;
  } catch (...) {
    return Next::Throw;
  }
}

// Computes the batch that was collected. On an exception nothing of it stays claimed.
void compute(plan::Batch& batch, Next& next) {
  std::vector<NodeRef> keep;
  try {
    keep = references(batch);
    const EvaluatingScope scope(batch.token);
    run(batch);
  } catch (...) {
    const std::exception_ptr why = std::current_exception();
    try {
      next = after_failure(batch, why);
    } catch (const std::bad_alloc&) {
      next = Next::Throw;
    }
    plan::unclaim(batch, why);
    throw;
  }
  for (Node* n : batch.nodes) {
    n->set_claimed_by(0);
    n->set_state(NodeState::Done);
  }
  for (Node* n : batch.nodes)
    if (!n->in_flight()) n->set_computed();
  batch.clear();
}

// One attempt. True when it is over: nothing was left to do, or it worked.
bool attempt(plan::Batch& batch, std::span<const NodeRef> pending, std::span<const ValueId> asked,
             Next& next, bool& computes, std::exception_ptr& failure) {
  const plan::ValuesStay stay;
  if (const std::exception_ptr lost = plan::fail_what_is_lost(pending, asked); lost && !failure)
    failure = lost;
  if (!plan::collect(batch, pending, asked)) return true;
  computes = true;
  compute(batch, next);
  return true;
}

// `alone`: nothing that is pending beside what was asked for.
void evaluate(plan::Batch& batch, std::span<const ValueId> asked, bool all_asked_for,
              bool alone = false) {
  if (!alone)
    if (const std::exception_ptr kept = plan::take_kept()) std::rethrow_exception(kept);
  ObservedSpan span(RunEvent::Kind::Evaluation);
  bool computes = false;
  RecordState& state = record_state();
  plan::finish_runs();
  {
    const plan::ValuesStay stay;
    sweep(state.pending);
  }
  if (!alone) state.pinned_nbytes = 0;
  if (all_asked_for)
    for (const NodeRef& n : state.pending) n->set_aside(false);
  std::exception_ptr failure;
  bool asked_alone = alone;
  for (bool over = false; !over;) {
    Next next = Next::Throw;
    try {
      over = attempt(batch, asked_alone ? std::span<const NodeRef>() : state.pending, asked, next,
                     computes, failure);
    } catch (const plan::RunFailedEarlier&) {
      const std::exception_ptr other = plan::settle_failures();
      // A copy that begins ahead of time is not who is to be told of a step's failure.
      if (other && alone)
        plan::keep_for_next(other);
      else if (other)
        std::rethrow_exception(other);
    } catch (...) {
      plan::settle_for_later();
      if (next == Next::Throw) throw;
      if (next == Next::AskedAlone)
        asked_alone = true;
      else if (!failure)
        failure = std::current_exception();
    }
  }
  if (!computes) span.drop();
  {
    const plan::ValuesStay stay;
    sweep(state.pending);
  }
  if (all_asked_for && !failure) failure = plan::take_untold_failure();
  if (failure && all_asked_for) std::rethrow_exception(failure);
}

}  // namespace

namespace {

void evaluate_in_batch(std::span<const ValueId> asked, bool all_asked_for, bool alone) {
  // Of the thread: its lists keep their room from one evaluation to the next, so that finding a
  // plan allocates nothing; and only one that is not within another uses it.
  static thread_local plan::Batch shared;
  // Made while there is memory: to copy it takes none.
  static const OutOfMemoryError no_memory("no memory for the plan of an evaluation");
  plan::Batch own;
  try {
    evaluate(record_state().evaluating ? own : shared, asked, all_asked_for, alone);
  } catch (const std::bad_alloc&) {
    throw no_memory;
  }
}

}  // namespace

void evaluate_pending(std::span<const ValueId> extra, bool all_asked_for) {
  evaluate_in_batch(extra, all_asked_for, false);
}

void evaluate_alone(const Tensor& t) {
  const RecordState& state = record_state();
  if (state.capture || state.evaluating || t.is_evaluated()) return;
  const ValueId self = t.cell()->value();
  evaluate_in_batch({&self, 1}, false, true);
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
