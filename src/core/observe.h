// Watching evaluations: what recording, plans and devices tell whoever watches (src/profile/). The
// seam is here, on the lowest floor, so that each of them can tell and none knows the profiler.
//
// When nobody watches, the whole cost is a relaxed load per evaluation; the loops that run and
// submit steps come in two versions (plan/watch.h), so that a step costs nothing.
//
// Who tells holds the observer (a shared_ptr) as long as he may tell more: the threads of a device
// until the last watched step has run. So an observer that was taken away meanwhile stays alive,
// and drops what still comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/site.h>

#include "core/node.h"

namespace ingot {

/// Nanoseconds of the steady clock: of every begin and end below.
std::int64_t observer_clock();

/// What one step of a plan does; the same in every run.
struct StepInfo {
  std::string what;    ///< "mul+add+relu", "linear", "copy for conv2d"
  std::string kernel;  ///< what the kernel says of itself, or empty
  Device device;
  std::vector<TensorSpec> inputs, outputs;
  /// Operations on floating-point numbers (see OpDef::flops), or below 0 where it is not known.
  double flops = -1;
  /// Of the operands' elements, each counted once: broadcast ones are not repeated.
  std::uint64_t nbytes_read = 0, nbytes_written = 0;
};

/// A plan, as it is told once. Numbers of plans are never used again in a process.
struct PlanInfo {
  std::uint64_t plan = 0;
  std::vector<StepInfo> steps;
  std::size_t arena_nbytes = 0;   ///< temporaries of one run
  std::size_t output_nbytes = 0;  ///< new memory for results
};

/// Something that took time. Unless it says otherwise, on the thread that tells it.
struct RunEvent {
  enum class Kind : std::uint8_t {
    Evaluation,  ///< a whole evaluation: collecting, planning, running or submitting
    Plan,        ///< finding the plan in the cache, or (`built`) making it
    Pass,        ///< one pass of making a plan: `text`; "lower" makes the kernels
    Bind,        ///< memory and numbers of one run
    Step,        ///< a kernel that has finished when it returns: `plan`, `step`, `run`, sites
    Submit,      ///< giving a step to a device's stream: as Step
    Device,      ///< the device running a step it was given: `plan`, `step`, `run`. Which
                 ///< thread tells it says nothing
    Wait,        ///< the host waits; for what: `text`. `device` if for one
    Range,       ///< what a user, or a part of Ingot, calls `text`
  };
  Kind kind = Kind::Evaluation;
  bool built = false;
  Device device;
  std::uint32_t step = 0;  ///< number in the plan
  std::uint64_t plan = 0;
  std::uint64_t run = 0;  ///< the same for all steps of one run; numbers are never used again
  std::int64_t begin = 0, end = 0;
  Site site, outer_site;       ///< where what the step computes was recorded
  std::string_view text = {};  ///< alive during the call only
};

/// Told on any thread, several at once, also while locks of plans are held: it must not evaluate.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// Whether the plan has been told. If not, it is told before its first step.
  virtual bool knows(std::uint64_t plan) const noexcept = 0;
  /// May come twice, from two threads.
  virtual void add_plan(PlanInfo plan) = 0;
  /// Throws nothing: an evaluation must not fail for being watched.
  virtual void add(const RunEvent& event) noexcept = 0;
};

namespace detail {
extern std::atomic<bool> is_observed;
std::shared_ptr<RunObserver> take_observer();
}  // namespace detail

/// Who watches now, or null.
inline std::shared_ptr<RunObserver> current_observer() {
  if (!detail::is_observed.load(std::memory_order_relaxed)) [[likely]]
    return nullptr;
  return detail::take_observer();
}
/// Makes `observer` the one that watches, if nobody does; false if somebody else does.
bool start_observing(const std::shared_ptr<RunObserver>& observer);
/// `observer` watches no more: what was begun may still be told for a moment.
void stop_observing(const RunObserver& observer) noexcept;

/// Never the same twice in a process; never 0.
std::uint64_t next_run_number();

/// Tells the time from here to the end of its life, if somebody watches.
class ObservedSpan {
 public:
  explicit ObservedSpan(RunEvent::Kind kind, std::string_view text = {})
      : ObservedSpan(current_observer(), kind, text) {}
  ObservedSpan(std::shared_ptr<RunObserver> observer, RunEvent::Kind kind,
               std::string_view text = {})
      : observer_(std::move(observer)) {
    if (observer_) start(kind, text);
  }
  ~ObservedSpan() {
    if (observer_) finish();
  }
  ObservedSpan(const ObservedSpan&) = delete;
  ObservedSpan& operator=(const ObservedSpan&) = delete;

  /// Null when nobody watches, else what will be told: to be filled in.
  RunEvent* event() { return observer_ ? &event_ : nullptr; }
  /// Tells nothing.
  void drop() { observer_.reset(); }

 private:
  void start(RunEvent::Kind kind, std::string_view text) noexcept;
  void finish() noexcept;

  std::shared_ptr<RunObserver> observer_;
  RunEvent event_;
};

}  // namespace ingot
