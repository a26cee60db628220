// Running a plan: everything that can fail (memory, checks) happens before the first write into
// memory that outlives the run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <ingot/core/error.h>

#include "backend/registry.h"
#include "plan/bind.h"
#include "plan/consumers.h"
#include "plan/transfer.h"
#include "plan/watch.h"

namespace ingot::plan {

namespace {
// Of the thread: a test that makes its evaluations fail disturbs no others.
thread_local std::int64_t fault_at = FaultInjection::kOff;
thread_local std::int64_t places_passed = 0;
}  // namespace

void FaultInjection::fail_at(std::int64_t place) {
  fault_at = place;
  places_passed = 0;
}

std::int64_t FaultInjection::passed() { return places_passed; }

void FaultInjection::place(const char* what) {
  if (fault_at == kOff) return;
  if (places_passed++ == fault_at)
    throw InternalError(fmt::format("injected failure at place {}: {}", fault_at, what));
}

namespace {

// Memory and numbers of one run. Where memory runs out, the error says what takes it.
void bind_or_explain(const Plan& plan, const Batch& batch, Backend& host, PlanInstance& instance,
                     Run* run) {
  try {
    bind(plan, batch, host, instance, run);
  } catch (const OutOfMemoryError& e) {
    if (any_failed()) throw RunFailedEarlier();  // what they hold comes free, and they are computed
    throw OutOfMemoryError(e.what() + consumers(plan, batch));
  }
}

// What the kernel threw, with the place that recorded the failing step. A check that failed is
// remembered: it would fail again.
[[noreturn]] void rethrow_at(const Step& step, Batch& batch, const std::exception_ptr& why) {
  Node& node = *batch.nodes[static_cast<std::size_t>(step.batch_node)];
  const Explained e = explain(step, node, why);
  if (e.check_failed)
    batch.failed = &node;
  else if (!e.out_of_memory)
    batch.culprit = &node;
  std::rethrow_exception(e.error);
}

bool is_readable(const Bound& b) { return b.buffer && b.buffer->space() != MemorySpace::Device; }

// The host's way to run a segment: a Bound is an address, and a step is done when its kernel
// returns.
template <class Watch>
void run_on_host(const Plan& plan, const Segment& segment, Batch& batch, PlanInstance& instance,
                 Watch& watch) {
  const Binding& run = instance.binding;
  std::vector<std::byte*>& addresses = instance.addresses;
  std::vector<void*>& operands = instance.operands;
  addresses.clear();
  for (std::size_t b = 0; b < run.bounds.size(); ++b)
    addresses.push_back(is_readable(run.bounds[b]) ? run.bounds[b].host() : nullptr);
  const Bound arena{run.arenas[kHost].get(), 0};
  for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
    const Step& step = plan.steps[i];
    if (i <= plan.commit_step) FaultInjection::place(step.what.c_str());
    operands.clear();
    for (const StepOperand& o : step.operands)
      operands.push_back(addresses[static_cast<std::size_t>(o.buffer)] + o.offset_nbytes);
    const KernelArgs args{operands.data(), operands.data() + step.num_inputs,
                          run.slots.data() + step.first_slot,
                          arena.at(static_cast<std::int64_t>(step.workspace_offset)).host()};
    try {
      watch.begin();
      step.kernel->run(args);
      watch.end(RunEvent::Kind::Step, i);
    } catch (const std::exception&) {
      rethrow_at(step, batch, std::current_exception());
    }
  }
}

template <class Watch>
void run_segments(const Plan& plan, Batch& batch, PlanInstance& instance, Watch watch) {
  for (const Segment& segment : plan.segments) run_on_host(plan, segment, batch, instance, watch);
}

void hand_out(Batch& batch, std::vector<Ref<Value>>& values) {
  std::size_t flat = 0;
  for (Node* n : batch.nodes)
    for (NodeOutput& o : n->outputs()) o.value = std::move(values[flat++]);
}

// A run with steps on devices: their segments are submitted, those of the host wait for what they
// read. Until it is registered as in flight, a failure waits for what was submitted and takes
// everything back.
class DeviceRun {
 public:
  DeviceRun(const std::shared_ptr<const Plan>& plan, Batch& batch, Backend& backend)
      : plan_(*plan),
        batch_(batch),
        backend_(backend),
        run_(std::make_unique<Run>(plan)),
        place_(1) {
    run_->nodes.reserve(batch.nodes.size());
    run_->drops.reserve(batch.nodes.size());
    run_->parts.reserve(plan->segments.size() + plan->devices.size());
    for (const PlanDevice& d : plan->devices)
      if (d.backend && d.backend->stream()) watch_memory(*d.backend);
  }
  ~DeviceRun() {
    if (run_) run_->wait();  // memory must stay until then
  }
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;

  template <class Watch>
  void submit(const std::shared_ptr<RunObserver>& observer, Watch watch) {
    PlanInstance& instance = run_->lease.instance();
    limit_runs();
    depend_on_leaves();
    {
      const ObservedSpan span(observer, RunEvent::Kind::Bind);
      bind_or_explain(plan_, batch_, backend_, instance, run_.get());
      bind_operands(instance);
      instance.timers.clear();
      instance.timers.reserve(observer ? plan_.steps.size() : 0);
    }
    parts_of_.assign(plan_.segments.size(), -1);
    for (std::size_t s = 0; s < plan_.segments.size(); ++s) {
      const Segment& segment = plan_.segments[s];
      if (segment.on == kHost)
        run_here(segment, instance, watch);
      else
        submit_to(*plan_.devices[segment.on].backend->stream(), s, instance, watch);
    }
    if (plan_.commit_step == plan_.steps.size()) FaultInjection::place("the end");
  }

  /// The nodes get their values now; whether they come to be is seen later.
  void give_values() {
    PlanInstance& instance = run_->lease.instance();
    for (std::size_t r = 0; r < plan_.results.size(); ++r)
      if (const std::int32_t step = plan_.results[r].step; step >= 0)
        instance.results[r]->ready = ticket_of(static_cast<std::size_t>(step));
    for (const Run::Overwritten& o : run_->overwritten) o.value->set_overwritten(true);
    mark_in_flight(*run_, batch_);
    hand_out(batch_, instance.binding.values);
    // The nodes, which the run keeps, own what it made; nobody else does.
    instance.results.clear();
    instance.binding.outputs.clear();
    place_.front() = std::move(run_);
    add_in_flight(std::move(place_));
  }

  /// The same when everything has succeeded. Throws what failed.
  void wait_and_give_values() {
    for (const Run::Part& part : run_->parts) wait({part.stream, part.last_seq()});
    PlanInstance& instance = run_->lease.instance();
    for (std::size_t r = 0; r < plan_.results.size(); ++r)
      if (plan_.results[r].step < 0) wait(instance.results[r]->ready);
    hand_out(batch_, run_->lease.instance().binding.values);
  }

 private:
  // A run fails with what its leaves come from. Where it has a step on that stream, that one does;
  // a run of views alone may have none.
  void depend_on_leaves() {
    for (const Leaf& leaf : batch_.leaves) {
      const Ticket t = leaf.value->ready;
      if (!t.stream || (t.stream->passed(t.seq) && !t.stream->failed())) continue;
      if (std::any_of(plan_.segments.begin(), plan_.segments.end(), [&](const Segment& s) {
            return s.on != kHost && plan_.devices[s.on].backend->stream() == t.stream;
          }))
        continue;
      const auto known = std::find_if(run_->parts.begin(), run_->parts.end(),
                                      [&](const Run::Part& p) { return p.stream == t.stream; });
      if (known == run_->parts.end())
        run_->parts.push_back({t.stream, t.seq + 1, 0, 0});
      else
        known->first_seq = std::max(known->first_seq, t.seq + 1);
    }
  }

  // Operands of device steps, as Bounds that stay until the run is over.
  void bind_operands(PlanInstance& instance) {
    const Binding& run = instance.binding;
    std::vector<Bound>& operands = instance.device_operands;
    operands.clear();
    for (const Segment& segment : plan_.segments) {
      if (segment.on == kHost) continue;
      const Bound arena{run.arenas[segment.on].get(), 0};
      for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
        const Step& step = plan_.steps[i];
        for (const StepOperand& o : step.operands)
          operands.push_back(run.bounds[static_cast<std::size_t>(o.buffer)].at(o.offset_nbytes));
        operands.push_back(arena.at(static_cast<std::int64_t>(step.workspace_offset)));
      }
    }
    next_operand_ = operands.data();
  }

  template <class Watch>
  void submit_to(Stream& stream, std::size_t number, PlanInstance& instance, Watch& watch) {
    const Segment& segment = plan_.segments[number];
    const std::lock_guard lock(stream.submitting());
    if (!std::exchange(waited_for_leaves_[segment.on % kDevices], true))
      for (const Leaf& leaf : batch_.leaves)
        if (const Ticket t = leaf.value->ready;
            t.stream && t.stream != &stream && !(t.stream->passed(t.seq) && !t.stream->failed()))
          stream.wait_for(t);
    for (const std::uint32_t other : segment.waits_for) stream.wait_for(last_of(other));
    parts_of_[number] = static_cast<std::int32_t>(run_->parts.size());
    run_->parts.push_back(
        {&stream, stream.submitted() + 1, segment.first_step, segment.first_step});
    Run::Part& part = run_->parts.back();
    for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
      const Step& step = plan_.steps[i];
      if (i <= plan_.commit_step) FaultInjection::place(step.what.c_str());
      const auto count = static_cast<std::uint32_t>(step.operands.size());
      watch.begin();
      stream.submit({step.kernel.get(), next_operand_, step.num_inputs, count,
                     instance.binding.slots.data() + step.first_slot, next_operand_ + count,
                     watch.timer(instance.timers, i)});
      watch.end(RunEvent::Kind::Submit, i);
      next_operand_ += count + 1;
      part.end_step = i + 1;
    }
    stream.flush();
  }

  template <class Watch>
  void run_here(const Segment& segment, PlanInstance& instance, Watch& watch) {
    wait_for_leaves(segment);
    for (const std::uint32_t other : segment.waits_for) wait(last_of(other));
    run_on_host(plan_, segment, batch_, instance, watch);
    run_->host_end = segment.end_step;
  }

  // Those that its steps read, or write over.
  void wait_for_leaves(const Segment& segment) {
    const auto wait_for = [&](std::int32_t number) {
      const PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(number)];
      const std::int32_t leaf =
          b.kind == PlanBuffer::Kind::Leaf ? static_cast<std::int32_t>(b.index) : b.donor_leaf;
      if (leaf < 0) return;
      const Value& value = *batch_.leaves[static_cast<std::size_t>(leaf)].value;
      if (value.buffer->space() != MemorySpace::Device) wait(value.ready);
    };
    for (std::size_t i = segment.first_step; i < segment.end_step; ++i)
      for (const StepOperand& o : plan_.steps[i].operands) wait_for(o.buffer);
  }

  // A failure of our own is thrown like one of the host's; one of an earlier run is that run's.
  void wait(Ticket ticket) {
    if (wait_ready(ticket)) return;
    run_->wait();
    const bool broken = run_->has_written();
    for (const Run::Part& part : run_->parts) {
      const auto failure = part.stream->failure();
      if (!failure || !failure->why || failure->seq < part.first_seq ||
          failure->seq > part.last_seq())
        continue;
      const Step& step = plan_.steps[part.first_step + (failure->seq - part.first_seq)];
      const Node& node = *batch_.nodes[static_cast<std::size_t>(step.batch_node)];
      if (const Explained e = explain(step, node, failure->why); e.device_lost)
        part.stream->explain_failure(e.error);
      if (!broken) rethrow_at(step, batch_, failure->why);
    }
    if (broken) rethrow_broken();
    throw RunFailedEarlier();
  }

  // Some leaves were written over, others not: nothing of the batch can be computed any more.
  [[noreturn]] void rethrow_broken() {
    std::exception_ptr why;
    for (const Run::Part& part : run_->parts)
      if (const auto failure = part.stream->failure(); failure && failure->why) why = failure->why;
    if (!why) why = std::make_exception_ptr(DeviceError("a step on another device failed"));
    batch_.broken = broken_by(why);
    for (const Run::Overwritten& o : run_->overwritten) o.value->set_overwritten(true);
    std::rethrow_exception(batch_.broken);
  }

  Ticket last_of(std::uint32_t segment) const {
    const Run::Part& part = run_->parts[static_cast<std::size_t>(parts_of_[segment])];
    return {part.stream, part.last_seq()};
  }

  Ticket ticket_of(std::size_t step) const {
    for (const Run::Part& p : run_->parts)
      if (p.first_step <= step && step < p.end_step)
        return {p.stream, p.first_seq + (step - p.first_step)};
    return {};  // the host's
  }

  static constexpr std::size_t kDevices = 256;

  const Plan& plan_;
  Batch& batch_;
  Backend& backend_;
  std::unique_ptr<Run> run_;
  RunList place_;                       // where it will be in flight: then nothing may fail
  std::vector<std::int32_t> parts_of_;  // per segment: which of run_->parts, or -1
  const Bound* next_operand_ = nullptr;
  std::array<bool, kDevices> waited_for_leaves_{};
};

}  // namespace

void execute(const std::shared_ptr<const Plan>& plan, Batch& batch, Backend& backend, bool wait) {
  const std::shared_ptr<RunObserver> observer = current_observer();
  if (plan->devices.size() > 1) {
    DeviceRun run(plan, batch, backend);
    if (observer)
      run.submit(observer, Watched(observer, *plan, batch));
    else
      run.submit(observer, Unwatched());
    if (wait)
      run.wait_and_give_values();
    else
      run.give_values();
    return;
  }
  if (any_stream())
    for (const Leaf& leaf : batch.leaves)
      if (!wait_ready(leaf.value->ready)) throw RunFailedEarlier();
  const Lease lease(plan);
  PlanInstance& instance = lease.instance();
  {
    const ObservedSpan span(observer, RunEvent::Kind::Bind);
    bind_or_explain(*plan, batch, backend, instance, nullptr);
  }
  if (observer)
    run_segments(*plan, batch, instance, Watched(observer, *plan, batch));
  else
    run_segments(*plan, batch, instance, Unwatched());
  if (plan->commit_step == plan->steps.size()) FaultInjection::place("the end");
  hand_out(batch, instance.binding.values);
}

}  // namespace ingot::plan
