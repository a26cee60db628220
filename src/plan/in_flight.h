// Runs in flight: evaluations whose steps were submitted to a device and of which it is not known
// yet whether they succeeded.
//
// Their nodes are Done, since their values will be there for whoever waits. But a step may fail
// later. Until a run has succeeded its nodes keep their edges, and what it wrote over is kept as it
// is called (Value::overwritten); so that a failure can give everything back: the nodes of the run
// that failed, and of all that were submitted to the stream behind it, are pending again, and their
// leaves are what they were. The gate of the stream (core/stream.h) sees to it that none of their
// later steps ran.
//
// Who evaluates or reads a value holds ValuesStay meanwhile; giving runs back waits for all of
// them. Without a device that has a stream none of this costs more than a look at one flag.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "core/node.h"
#include "plan/plan.h"

namespace ingot::plan {

/// An instance of a plan for one run, given back when the run ends, however it does.
class Lease {
 public:
  explicit Lease(std::shared_ptr<const Plan> plan)
      : plan_(std::move(plan)), instance_(plan_->instances.take()) {}
  ~Lease() {
    instance_->clear();
    plan_->instances.give(std::move(instance_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  PlanInstance& instance() const { return *instance_; }
  const Plan& plan() const { return *plan_; }

 private:
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<PlanInstance> instance_;
};

/// A run with steps on devices.
struct Run {
  explicit Run(std::shared_ptr<const Plan> plan) : lease(std::move(plan)) {}

  Lease lease;
  std::vector<NodeRef> nodes;
  std::vector<std::uint8_t> drops;  ///< per node: its edges go when the run has succeeded
  /// The steps of one segment: step first_step + i has number first_seq + i on the stream. Without
  /// steps: what lies before first_seq must not fail.
  struct Part {
    Stream* stream;
    std::uint64_t first_seq;
    std::size_t first_step, end_step;
    std::uint64_t last_seq() const { return first_seq + (end_step - first_step) - 1; }
  };
  std::vector<Part> parts;
  std::vector<Ref<Value>> overwritten;  ///< leaves' values that its steps write over

  /// Waits until the devices have passed all its steps.
  void wait() const noexcept;
  bool passed() const;
  bool failed() const;
};

/// While it lives, no other thread gives runs back: Done nodes stay Done, with their values.
class ValuesStay {
 public:
  ValuesStay();
  ~ValuesStay();
  /// Whether this thread has one: inside an evaluation nothing can be given back.
  static bool held() noexcept;
  ValuesStay(const ValuesStay&) = delete;
  ValuesStay& operator=(const ValuesStay&) = delete;

 private:
  bool held_;
};

/// Thrown by execute() when an earlier run is found to have failed: the evaluation is to be given
/// back, the failure settled, and tried again.
struct RunFailedEarlier {};

/// The batch was submitted as `run`: its nodes are marked, their edges kept. Before they are Done.
void mark_in_flight(Run& run, const Batch& batch);
/// From now on somebody will see whether it succeeds.
void add_in_flight(std::unique_ptr<Run> run);
/// Lets go of the runs that have succeeded.
void finish_runs();
/// Waits until few enough runs are in flight for another one. Throws RunFailedEarlier.
void limit_runs();

/// If a stream's gate is shut: gives the runs back that failed, and opens it. Nodes whose own check
/// failed (a label out of range) become Failed. A device that said it is gone is lost from then on.
/// Returns any other error, for the caller to throw, or null. Throws RunFailedEarlier, for the
/// outer evaluation, while this thread holds ValuesStay and there is something to give back.
std::exception_ptr settle_failures();
/// Whether there is something to settle.
bool any_failed() noexcept;
/// The same where another error is being handled: what is found waits for whoever asks next.
void settle_for_later();
/// Keeps what settle_failures() returned for the next evaluation that somebody asks for.
void keep_for_next(std::exception_ptr other) noexcept;
/// What was kept, or null.
std::exception_ptr take_kept() noexcept;
/// An error that nobody has been told of, or null; it counts as told then.
std::exception_ptr take_untold_failure();

/// Makes the device's memory ask for what runs in flight hold, when it runs short.
void watch_memory(Backend& backend);
/// The one arena of the device's stream, at least so large: the runs on it come one after the
/// other. When none is left, it goes back to the device's memory, cached (finish_runs()).
Ref<Buffer> stream_arena(Backend& backend, std::size_t nbytes);
/// Lets go of it; runs in flight keep it as long as they need it.
void drop_stream_arena(const Stream& stream) noexcept;

/// Waits for the device. False when the step failed or did not run: settle_failures() is next.
bool wait_ready(Ticket ticket) noexcept;
/// Waits for all that was submitted, on all devices. Throws the first error that nobody was told
/// of.
void synchronize_all();
/// The same for one device.
void synchronize(Stream& stream);

/// What the failure of a step is to its user: the exception with the step's name and the place that
/// recorded it, and whether it came from a check of its own.
struct Explained {
  std::exception_ptr error;
  bool check_failed = false;
  bool out_of_memory = false;  ///< which is nobody's fault
  bool device_lost = false;
};
Explained explain(const Step& step, const Node& node, const std::exception_ptr& why);

}  // namespace ingot::plan
