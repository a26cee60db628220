#include "plan/in_flight.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <stdexcept>
#include <utility>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"
#include "backend/registry.h"
#include "core/record.h"

namespace ingot::plan {
namespace {

// The host runs ahead by so much at most.
constexpr std::size_t kMaxRuns = 16;
constexpr std::size_t kMaxNbytes = std::size_t{256} << 20;  // of outputs, beyond two runs

struct State {
  std::shared_mutex values;                // ValuesStay shares it, giving runs back has it alone
  std::mutex mutex;                        // of what follows
  std::vector<std::unique_ptr<Run>> runs;  // in the order of submission
  std::exception_ptr untold;
  std::exception_ptr kept;             // for the next evaluation
  std::atomic<bool> has_kept = false;  // asked without the lock
  std::map<const Stream*, Ref<Buffer>> arenas;
};
State& state() {
  static auto* const instance = new State;  // outlives every thread
  return *instance;
}

thread_local int values_stay = 0;  // ValuesStay of this thread

// The references that a run in flight has to nodes, and its nodes' edges, are no owners.
void park(const Run& run, int sign) {
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    run.nodes[i]->add_parked(sign);
    if (run.drops[i])
      for (const ValueId& in : run.nodes[i]->inputs()) in.node->add_parked(sign);
  }
}

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
  park(run, 1);
}

void add_in_flight(std::unique_ptr<Run> run) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.runs.push_back(std::move(run));
}

namespace {

void finish(Run& run) {
  park(run, -1);  // before the references go: who counts them meanwhile sees an owner too many
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
  std::vector<std::unique_ptr<Run>> finished;
  {
    const std::lock_guard lock(s.mutex);
    for (auto& run : s.runs)
      if (run->passed() && !run->failed()) finished.push_back(std::move(run));
    std::erase(s.runs, nullptr);
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
      s.runs.reserve(s.runs.size() + 64);  // add_in_flight() must not fail; so many threads come
      std::size_t nbytes = 0;
      for (const auto& run : s.runs) nbytes += output_nbytes(*run);
      if (s.runs.size() < 2 || (s.runs.size() < kMaxRuns && nbytes <= kMaxNbytes)) return;
      const Run& first = *s.runs.front();
      for (const Run::Part& p : first.parts)
        if (!p.stream->passed(p.last_seq())) oldest = {p.stream, p.last_seq()};
    }
    if (!oldest.stream) throw RunFailedEarlier();
    oldest.stream->wait(oldest.seq);
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

// Its nodes are pending again, and its leaves what they were. A run that is `broken` has written
// over some leaves and not over others: nothing can be computed anew from them, so all its nodes
// fail, and the leaves stay overwritten.
void give_back(Run& run, Node* failed, const std::exception_ptr& why, bool broken) {
  park(run, -1);
  if (!broken)
    for (const Ref<Value>& v : run.overwritten) v->set_overwritten(false);
  std::vector<NodeRef>& pending = record_state().pending;
  for (const NodeRef& n : run.nodes) {
    for (NodeOutput& o : n->outputs()) o.value = nullptr;
    const bool fails = broken || n.get() == failed;
    if (fails)
      n->fail(why);
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
  std::vector<std::pair<Node*, std::exception_ptr>> checks;    ///< nodes whose own check failed
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
  const Found found = find_failures(streams, failed);
  std::vector<std::unique_ptr<Run>> taken;
  taken.reserve(failed.size());
  // From here on nothing may fail.
  for (auto run = failed.rbegin(); run != failed.rend(); ++run) {
    Node* node = nullptr;
    std::exception_ptr why;
    for (const auto& [n, error] : found.checks)
      if (std::any_of((*run)->nodes.begin(), (*run)->nodes.end(),
                      [&, n = n](const NodeRef& own) { return own.get() == n; })) {
        node = n;
        why = error;
      }
    bool broken = false;
    for (const auto& [r, error] : found.broken)
      if (r == *run) {
        broken = true;
        why = error;
      }
    give_back(**run, node, why, broken);
  }
  {
    const std::lock_guard lock(s.mutex);
    for (auto& run : s.runs)
      if (std::find(failed.begin(), failed.end(), run.get()) != failed.end())
        taken.push_back(std::move(run));
    std::erase(s.runs, nullptr);
    if (!found.checks.empty() && !s.untold) s.untold = found.checks.front().second;
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
  if (!s.untold) s.untold = other;
}

void keep_for_next(std::exception_ptr other) noexcept {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!s.kept) s.kept = std::move(other);
  s.has_kept = true;
}

std::exception_ptr take_kept() noexcept {
  State& s = state();
  if (!s.has_kept.load(std::memory_order_relaxed)) return nullptr;
  const std::lock_guard lock(s.mutex);
  s.has_kept = false;
  return std::exchange(s.kept, nullptr);
}

std::exception_ptr take_untold_failure() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return std::exchange(s.untold, nullptr);
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
