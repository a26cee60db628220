// What a run of a plan tells its observer (core/observe.h). A loop over steps takes one of these
// as a template argument, so that a run that nobody watches has no trace of it:
//
//   watch.begin();
//   kernel->run(args);  // or stream.submit(…)
//   watch.end(RunEvent::Kind::Step, i);  // or Kind::Submit
//
// A device that knows when it ran a step tells the step's timer, on any thread.
#pragma once

#include <memory>

#include "core/observe.h"
#include "plan/plan.h"

namespace ingot::plan {

struct Unwatched {
  void begin() const {}
  void end(RunEvent::Kind /*kind*/, std::size_t /*step*/) const {}
  const StepTimer* timer(std::vector<DeviceTimer>& /*timers*/, std::size_t /*step*/) const {
    return nullptr;
  }
};

class Watched {
 public:
  /// `observer` is not null; it is told the plan if it does not know it.
  Watched(std::shared_ptr<RunObserver> observer, const Plan& plan, const Batch& batch);

  void begin() { begin_ = observer_clock(); }
  void end(RunEvent::Kind kind, std::size_t step);

  /// What a stream tells when it has run the step: see Kind::Device. `timers` has room for it.
  const StepTimer* timer(std::vector<DeviceTimer>& timers, std::size_t step) const {
    return &timers.emplace_back(observer_, plan_.id, run_, static_cast<std::uint32_t>(step));
  }

 private:
  std::shared_ptr<RunObserver> observer_;
  const Plan& plan_;
  const Batch& batch_;
  std::uint64_t run_ = next_run_number();
  std::int64_t begin_ = 0;
};

/// The plan as observers see it.
PlanInfo describe(const Plan& plan);

}  // namespace ingot::plan
