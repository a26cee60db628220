#include "plan/in_flight.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"
#include "backend/registry.h"
#include "core/op_def.h"
#include "core/record.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

// The host runs ahead by so much at most.
constexpr std::size_t kMaxRuns = 16;
constexpr std::size_t kMaxNbytes = std::size_t{256} << 20;  // of outputs, beyond two runs

struct State {
  std::shared_mutex values;  // ValuesStay shares it, giving runs back has it alone
  std::mutex mutex;          // of what follows
  RunList runs;              // in the order of submission
  std::exception_ptr untold;
  bool untold_updates = false;             // updates were taken back for it
  std::vector<std::uint64_t> taken_back;   // ids of updates, until somebody asks for them
  std::vector<std::uint64_t> wait_for_it;  // of those that are to be taken back
  std::atomic<std::uint64_t> num_taken_back{0};
  std::map<const Stream*, Ref<Buffer>> arenas;
};
thread_local int values_stay = 0;               // ValuesStay of this thread
thread_local std::exception_ptr kept_for_next;  // of this thread, for its next evaluation

State& state() {
  static auto* const instance = [] {
    static auto* const made = new State;  // outlives every thread
    // In a process that is forked other threads do not go on, nor do they let go of what they hold.
    pthread_atfork([] { made->mutex.lock(); }, [] { made->mutex.unlock(); },
                   [] {
                     made->mutex.unlock();
                     new (&made->values) std::shared_mutex;
                     if (values_stay > 0) made->values.lock_shared();
                   });
    return made;
  }();
  return *instance;
}

// The references that a run in flight has to nodes, and its nodes' edges, are no owners.
void each_parked(const Run& run, void (Node::*change)()) {
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    (run.nodes[i].get()->*change)();
    if (run.drops[i])
      for (const ValueId& in : run.nodes[i]->inputs()) (in.node.get()->*change)();
  }
}
void park(const Run& run) { each_parked(run, &Node::park); }
void unpark(const Run& run) { each_parked(run, &Node::unpark); }

std::size_t output_nbytes(const Run& run) { return run.lease.plan().output_nbytes; }

}  // namespace

// -- A run ----------------------------------------------------------------------------------------

void Run::wait() const noexcept {
  for (const Part& p : parts) p.stream->wait(p.last_seq());
}

bool Run::passed() const {
  return std::all_of(parts.begin(), parts.end(),
                     [](const Part& p) { return p.stream->passed(p.last_seq()); });
}

bool Run::failed() const {
  return std::any_of(parts.begin(), parts.end(),
                     [](const Part& p) { return p.stream->failed_by(p.last_seq()); });
}

// -- Values stay ----------------------------------------------------------------------------------

ValuesStay::ValuesStay() : held_(any_stream()) {
  if (held_ && values_stay++ == 0) state().values.lock_shared();
}

ValuesStay::~ValuesStay() {
  if (held_ && --values_stay == 0) state().values.unlock_shared();
}

bool ValuesStay::held() noexcept { return values_stay > 0; }

// -- The way of a run -----------------------------------------------------------------------------

void mark_in_flight(Run& run, const Batch& batch) {
  for (Node* n : batch.nodes) {
    run.nodes.emplace_back(n);
    run.drops.push_back(drops_inputs(*n));
    n->set_flight(Node::Flight::Going);
  }
  park(run);
}

void add_in_flight(RunList one) noexcept {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.runs.splice(s.runs.end(), one);
}

namespace {

void finish(Run& run) {
  unpark(run);  // before the references go: who counts them meanwhile sees an owner too many
  for (const NodeRef& n : run.nodes) {
    n->set_flight(Node::Flight::Arrived);
    n->set_computed();
  }
}

// Arenas that no run uses. New users come only under the lock.
void release_idle_arenas() {
  State& s = state();
  std::vector<Ref<Buffer>> idle;  // they go without the lock
  const std::lock_guard lock(s.mutex);
  for (auto& [stream, arena] : s.arenas)
    if (arena && arena->ref_count() == 1) idle.push_back(std::move(arena));
}

}  // namespace

void finish_runs() {
  if (!any_stream()) return;
  State& s = state();
  RunList finished;
  {
    const std::lock_guard lock(s.mutex);
    for (auto run = s.runs.begin(); run != s.runs.end();) {
      const auto next = std::next(run);
      if ((*run)->passed() && !(*run)->failed()) finished.splice(finished.end(), s.runs, run);
      run = next;
    }
  }
  // Without the lock: what goes away with them may do anything.
  for (const auto& run : finished) finish(*run);
  finished.clear();
  release_idle_arenas();
}

void limit_runs() {
  State& s = state();
  while (true) {
    finish_runs();
    Ticket oldest;
    {
      const std::lock_guard lock(s.mutex);
      std::size_t nbytes = 0;
      for (const auto& run : s.runs) nbytes += output_nbytes(*run);
      if (s.runs.size() < 2 || (s.runs.size() < kMaxRuns && nbytes <= kMaxNbytes)) return;
      const Run& first = *s.runs.front();
      for (const Run::Part& p : first.parts)
        if (!p.stream->passed(p.last_seq())) oldest = {p.stream, p.last_seq()};
      if (!oldest.stream && first.failed()) throw RunFailedEarlier();
    }
    if (oldest.stream) oldest.stream->wait(oldest.seq);  // else it has just arrived
  }
}

namespace {

// A device has run short of memory: the runs ahead are waited for, and what they, and nobody else,
// still hold goes, with the arenas that no run uses.
void reclaim() noexcept {
  try {
    for_each_backend([](Backend& b) {
      if (!b.stream()) return;
      b.stream()->wait(b.stream()->submitted());
      drop_stream_arena(*b.stream());
    });
    finish_runs();
  } catch (const std::bad_alloc&) {  // then the device's allocator says what is missing
  }
}

}  // namespace

void watch_memory(Backend& backend) {
  if (DeviceAllocator* memory = backend.memory()) memory->set_reclaimer(reclaim);
}

Ref<Buffer> stream_arena(Backend& backend, std::size_t nbytes) {
  State& s = state();
  {
    const std::lock_guard lock(s.mutex);
    Ref<Buffer>& arena = s.arenas[backend.stream()];
    if (arena && arena->capacity() >= nbytes) return arena;
    arena = nullptr;  // it makes place for its successor
  }
  Ref<Buffer> larger = backend.allocator().allocate_arena(nbytes);
  const std::lock_guard lock(s.mutex);
  s.arenas[backend.stream()] = larger;
  return larger;
}

void drop_stream_arena(const Stream& stream) noexcept {
  State& s = state();
  Ref<Buffer> dropped;
  const std::lock_guard lock(s.mutex);
  if (const auto found = s.arenas.find(&stream); found != s.arenas.end())
    dropped = std::move(found->second);
}

// -- Failures -------------------------------------------------------------------------------------

Explained explain(const Step& step, const Node& node, const std::exception_ptr& why) {
  const std::string place = recorded_at(node.site(), node.outer_site());
  try {
    std::rethrow_exception(why);
  } catch (const IndexError& e) {
    return {std::make_exception_ptr(IndexError(e.what() + place)), true};
  } catch (const ValueError& e) {
    return {std::make_exception_ptr(ValueError(e.what() + place)), true};
  } catch (const OutOfMemoryError&) {
    return {why, false, true};
  } catch (const DeviceLostError& e) {
    return {std::make_exception_ptr(
                DeviceLostError(fmt::format("{}: {}{}", step.what, e.what(), place))),
            false, false, true};
  } catch (const Error& e) {
    if (std::string_view(e.what()).find(place) != std::string_view::npos) return {why, false};
    try {
      rethrow_with(place);
    } catch (...) {
      return {std::current_exception(), false};
    }
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {  // a list of the kernel's that could not be so long
  } catch (const std::exception& e) {
    return {
        std::make_exception_ptr(InternalError(fmt::format("{}: {}{}", step.what, e.what(), place))),
        false};
  }
  return {std::make_exception_ptr(OutOfMemoryError(
              fmt::format("{}: no memory for the kernel's workspace{}", step.what, place))),
          false, true};
}

namespace {

// The step of a run that has number `seq` on the stream, or null.
const Step* step_of(const Run& run, const Stream* stream, std::uint64_t seq) {
  for (const Run::Part& p : run.parts)
    if (p.stream == stream && p.first_seq <= seq && seq <= p.last_seq())
      return &run.lease.plan().steps[p.first_step + (seq - p.first_seq)];
  return nullptr;
}

// Nodes whose own check failed, and why.
using FailedNodes = std::vector<std::pair<Node*, std::exception_ptr>>;

// Its nodes are pending again, and its leaves what they were. A run that is `broken` has written
// over some leaves and not over others: nothing can be computed anew from them, so all its nodes
// fail, and the leaves stay overwritten.
void give_back(Run& run, const FailedNodes& checks, const std::exception_ptr& broken) {
  unpark(run);
  if (!broken)
    for (const Ref<Value>& v : run.overwritten) v->set_overwritten(false);
  std::vector<NodeRef>& pending = record_state().pending;
  for (const NodeRef& n : run.nodes) {
    for (NodeOutput& o : n->outputs()) o.value = nullptr;
    const auto check = std::find_if(checks.begin(), checks.end(),
                                    [&](const auto& entry) { return entry.first == n.get(); });
    const bool fails = broken || check != checks.end();
    if (fails)
      n->fail(broken ? broken : check->second);
    else
      n->set_state(NodeState::Pending);
    n->set_flight(Node::Flight::GivenBack);  // last: who sees it Done must not take it for settled
    if (!fails && !n->listed()) {
      pending.push_back(n);
      n->set_listed(true);
    }
  }
}

struct Found {
  FailedNodes checks;
  std::vector<std::pair<Stream*, std::exception_ptr>> losses;  ///< streams whose device is gone
  std::vector<std::pair<Run*, std::exception_ptr>> broken;     ///< runs that cannot be repeated
  std::exception_ptr other;                                    ///< what is to be thrown
};

std::exception_ptr broken_by(const std::exception_ptr& why) {
  try {
    std::rethrow_exception(why);
  } catch (const std::exception& e) {
    return std::make_exception_ptr(DeviceError(fmt::format(
        "the device failed in the middle of an update, when some values had been written over and "
        "others had not; they are lost, load a checkpoint. It said: {}",
        e.what())));
  }
}

bool says_lost(const std::exception_ptr& why) {
  try {
    std::rethrow_exception(why);
  } catch (const DeviceLostError&) {
    return true;
  } catch (...) {
    return false;
  }
}

// What indices or labels are a view or a copy of.
ValueId source_of(ValueId id) {
  while (true) {
    const Traits& traits = id.node->op().traits;
    const bool passes = traits.view || traits.alias || is_copy_to(id.node->op());
    if (!passes || id.node->inputs().empty()) return id;
    id = ValueId(id.node->inputs()[traits.alias ? id.output : 0]);
  }
}

// Whether both look at the same indices or labels.
bool check_the_same(const Node& a, const Node& b) {
  for (const ValueId& x : a.inputs())
    for (const ValueId& y : b.inputs())
      if (x.spec().dtype == DType::Int64 && y.spec().dtype == DType::Int64 &&
          source_of(x) == source_of(y))
        return true;
  return false;
}

// A loss and its gradient look at the same labels in the same way: where one has failed, so has the
// other, although only the first was met.
void add_same_checks(Found& found, const std::vector<Run*>& failed) {
  const FailedNodes met = found.checks;
  const auto reads_all_of = [](const Node& n, const Node& other) {
    const auto inputs = n.inputs(), others = other.inputs();
    return std::all_of(others.begin(), others.end(), [&](const ValueId& in) {
      return std::find(inputs.begin(), inputs.end(), in) != inputs.end();
    });
  };
  for (const auto& [node, why] : met)
    for (const Run* run : failed)
      for (const NodeRef& n : run->nodes)
        if (n.get() != node && n->op().traits.checks && n->attrs() == node->attrs() &&
            reads_all_of(*n, *node))
          found.checks.emplace_back(n.get(), why);
}

// Updates in runs that failed, of values that need a node whose check failed, or may fail by the
// same indices; in the order of recording.
std::vector<Node*> updates_behind(const Found& found, const std::vector<Run*>& failed) {
  std::vector<Node*> updates;
  if (found.checks.empty()) return updates;
  std::unordered_set<const Node*> blocked;
  for (const auto& [node, why] : found.checks) blocked.insert(node);
  const auto may_fail = [&](const Node& n) {
    return n.op().traits.checks &&
           std::any_of(found.checks.begin(), found.checks.end(),
                       [&](const auto& check) { return check_the_same(*check.first, n); });
  };
  for (const Run* run : failed)
    for (const NodeRef& n : run->nodes) {
      const auto inputs = n->inputs();
      if (std::none_of(inputs.begin(), inputs.end(),
                       [&](const ValueId& in) { return blocked.contains(in.node.get()); }) &&
          !may_fail(*n))
        continue;
      blocked.insert(n.get());
      if (n->op().traits.updates) updates.push_back(n.get());
    }
  return updates;
}

// Why the gates are shut.
Found find_failures(const std::vector<Stream*>& streams, const std::vector<Run*>& failed) {
  Found found;
  for (Stream* stream : streams) {
    const auto failure = stream->failure();
    if (!failure || !failure->why || stream->lost()) continue;
    // Where no run has it, whoever submitted the step was told, or it was no step.
    std::exception_ptr lost = says_lost(failure->why) ? failure->why : nullptr;
    for (Run* run : failed)
      if (const Step* step = step_of(*run, stream, failure->seq)) {
        Node* node = run->nodes[static_cast<std::size_t>(step->batch_node)].get();
        const Explained e = explain(*step, *node, failure->why);
        if (e.device_lost) lost = e.error;
        const Plan& plan = run->lease.plan();
        const auto number = static_cast<std::size_t>(step - plan.steps.data());
        if (number > plan.commit_step && !run->overwritten.empty())
          found.broken.emplace_back(run, broken_by(e.error));
        if (e.check_failed)
          found.checks.emplace_back(node, e.error);
        else if (!found.other)
          found.other = e.error;
      }
    if (lost) found.losses.emplace_back(stream, lost);
  }
  return found;
}

}  // namespace

bool take_back(Node& update) noexcept {
  const auto old = [&](std::size_t o) -> const ValueId& {
    return update.inputs()[updated_input(update, o)];
  };
  for (std::size_t o = 0; o < update.outputs().size(); ++o) {
    const ValueId& id = old(o);
    if (id.node->state() != NodeState::Done || !(id.spec() == update.outputs()[o].spec))
      return false;
    const Ref<Value>& value = id.node->outputs()[id.output].value;
    if (!value || value->overwritten) return false;
  }
  for (std::size_t o = 0; o < update.outputs().size(); ++o)
    update.outputs()[o].value = old(o).node->outputs()[old(o).output].value;
  update.set_flight(Node::Flight::Arrived);
  update.set_state(NodeState::Done);
  update.set_computed();
  return true;
}

bool waits_to_be_taken_back(const Node& update) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return std::find(s.wait_for_it.begin(), s.wait_for_it.end(), update.id()) != s.wait_for_it.end();
}

bool take_back_late(Node& update) {
  for (std::size_t o = 0; o < update.outputs().size(); ++o) {
    const ValueId& old = update.inputs()[updated_input(update, o)];
    if (old.node->state() != NodeState::Done) return false;
    const Ref<Value>& value = old.node->outputs()[old.output].value;
    if (value && !wait_ready(value->ready)) throw RunFailedEarlier();
  }
  if (!take_back(update)) return false;
  State& s = state();
  const std::lock_guard lock(s.mutex);
  std::erase(s.wait_for_it, update.id());
  return true;
}

bool any_failed() noexcept {
  bool failed = false;
  for_each_backend([&](Backend& b) {
    if (const Stream* stream = b.stream()) failed |= stream->failed() && !stream->lost();
  });
  return failed;
}

std::exception_ptr settle_failures() {
  if (!any_stream() || !any_failed()) return nullptr;
  if (ValuesStay::held()) throw RunFailedEarlier();
  finish_runs();
  std::vector<Stream*> streams;
  for_each_backend([&](Backend& b) {
    if (b.stream()) streams.push_back(b.stream());
  });
  State& s = state();
  const std::unique_lock alone(s.values);
  if (!any_failed()) return nullptr;  // another thread was faster
  for (Stream* stream : streams) stream->wait(stream->submitted());
  std::vector<Run*> failed;  // in s.runs: nobody else takes one that failed
  {
    const std::lock_guard lock(s.mutex);
    std::size_t nodes = record_state().pending.size();
    for (const auto& run : s.runs) nodes += run->nodes.size();
    record_state().pending.reserve(nodes);
    for (const auto& run : s.runs)
      if (run->failed()) failed.push_back(run.get());
  }
  Found found = find_failures(streams, failed);
  add_same_checks(found, failed);
  const std::vector<Node*> updates = updates_behind(found, failed);
  {
    const std::lock_guard lock(s.mutex);
    s.taken_back.reserve(s.taken_back.size() + updates.size());
    s.wait_for_it.reserve(s.wait_for_it.size() + updates.size());
  }
  RunList taken;
  // From here on nothing may fail.
  for (auto run = failed.rbegin(); run != failed.rend(); ++run) {
    std::exception_ptr broken;
    for (const auto& [r, error] : found.broken)
      if (r == *run) broken = error;
    give_back(**run, found.checks, broken);
  }
  {
    const std::lock_guard lock(s.mutex);
    for (auto run = s.runs.begin(); run != s.runs.end();) {
      const auto next = std::next(run);
      if (std::find(failed.begin(), failed.end(), run->get()) != failed.end())
        taken.splice(taken.end(), s.runs, run);
      run = next;
    }
    for (const Node* update : updates) s.taken_back.push_back(update->id());
    s.num_taken_back.fetch_add(updates.size(), std::memory_order_acq_rel);
    if (!updates.empty() && !found.other) {
      found.other = found.checks.front().second;
    } else if (!found.checks.empty() && !s.untold) {
      s.untold = found.checks.front().second;
      s.untold_updates = !updates.empty();
    }
  }
  // Those whose old value is to be computed anew are taken back by whoever asks for them.
  for (Node* update : updates)
    if (!take_back(*update)) {
      const std::lock_guard lock(s.mutex);
      s.wait_for_it.push_back(update->id());
    }
  std::sort(record_state().pending.begin(), record_state().pending.end(),
            [](const NodeRef& a, const NodeRef& b) { return a->id() < b->id(); });
  for (const auto& [stream, why] : found.losses) stream->lose(why);
  for (Stream* stream : streams)
    if (stream->failed() && !stream->lost()) stream->reopen();
  return found.other;
}

void settle_for_later() {
  const std::exception_ptr other = settle_failures();
  if (!other) return;
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.untold) return;
  s.untold = other;
  s.untold_updates = true;  // it may be for them; to be told is right in any case
}

void keep_for_next(std::exception_ptr other) noexcept {
  if (!kept_for_next) kept_for_next = std::move(other);
}

std::exception_ptr take_kept() noexcept { return std::exchange(kept_for_next, nullptr); }

std::exception_ptr take_untold_failure() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.untold_updates = false;
  return std::exchange(s.untold, nullptr);
}

std::exception_ptr take_untold_update_failure() {
  State& s = state();
  {
    const std::lock_guard lock(s.mutex);
    if (!s.untold_updates) return nullptr;
  }
  return take_untold_failure();
}

std::uint64_t num_taken_back() noexcept {
  return state().num_taken_back.load(std::memory_order_acquire);
}

bool forget_taken_back(std::uint64_t node_id) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return std::erase(s.taken_back, node_id) > 0;
}

// -- Waiting --------------------------------------------------------------------------------------

bool wait_ready(Ticket ticket) noexcept {
  if (!ticket.stream) return true;
  ticket.stream->wait(ticket.seq);
  return !ticket.stream->failed_by(ticket.seq);
}

namespace {
void tell_failures() {
  std::exception_ptr other = settle_failures();
  if (const std::exception_ptr kept = take_kept()) other = kept;
  const std::exception_ptr untold = take_untold_failure();
  finish_runs();
  if (other) std::rethrow_exception(other);
  if (untold) std::rethrow_exception(untold);
}
}  // namespace

void synchronize(Stream& stream) {
  stream.wait(stream.submitted());
  tell_failures();
}

void synchronize_all() {
  for_each_backend([](Backend& b) {
    if (b.stream()) b.stream()->wait(b.stream()->submitted());
  });
  if (any_stream()) tell_failures();
}

}  // namespace ingot::plan
