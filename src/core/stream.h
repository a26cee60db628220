// Stream: a device's queue of steps. The host submits and goes on; the device passes the steps in
// order, later. A Ticket says where in that order something is ready.
//
// When a step fails, the stream shuts its gate: it passes all later steps without running them,
// until the host has seen the failure, has given every run behind it back (plan/in_flight.h) and
// opens the gate again. So nothing is ever computed from what a failed step should have made.
// A step that throws DeviceLostError says that the device is gone: then the gate never opens again,
// but what is submitted still passes, so that nobody waits for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>

#include <ingot/core/device.h>
#include <ingot/core/scalar.h>

namespace ingot {

struct Bound;
class Kernel;
class Stream;

/// A place in a stream's order: ready when the stream has passed step `seq` (they count from 1).
/// Without a stream it is ready at once: what the host makes is there when the host's kernel
/// returns.
struct Ticket {
  Stream* stream = nullptr;
  std::uint64_t seq = 0;
};

/// Is told when a device ran a step, on any thread; nanoseconds as of observer_clock().
class StepTimer {
 public:
  virtual ~StepTimer() = default;
  virtual void ran(std::int64_t begin, std::int64_t end) const noexcept = 0;
};

/// One step to run. What it points to stays until the stream has passed it.
struct StepCall {
  const Kernel* kernel = nullptr;
  const Bound* operands = nullptr;  ///< inputs, then outputs
  std::uint32_t num_inputs = 0;
  std::uint32_t num_operands = 0;
  const Scalar* slots = nullptr;
  const Bound* workspace = nullptr;
  const StepTimer* timer = nullptr;  ///< null when nobody wants to know
};

class Stream {
 public:
  explicit Stream(Device device) : device_(device) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Device device() const { return device_; }

  // -- Submitting: by one thread at a time, who holds `submitting()` ------------------------------

  std::mutex& submitting() { return submitting_; }
  /// Queues a step and returns its number. Throws nothing: what goes wrong is found by wait().
  virtual std::uint64_t submit(const StepCall& call) noexcept = 0;
  /// What is submitted from now on runs when `other` has been passed. If a step up to there failed,
  /// this stream's gate shuts as well.
  virtual void wait_for(Ticket other) noexcept = 0;
  /// The device shall begin with what was submitted so far, if it has not.
  virtual void flush() noexcept {}

  // -- Looking: by any thread ---------------------------------------------------------------------

  /// The number of the last step that was submitted.
  std::uint64_t submitted() const { return submitted_.load(std::memory_order_acquire); }
  /// The stream has passed step `seq`: it ran, or the gate was shut.
  bool passed(std::uint64_t seq) const { return passed_.load(std::memory_order_acquire) >= seq; }
  /// Waits until then.
  virtual void wait(std::uint64_t seq) noexcept = 0;

  struct Failure {
    std::uint64_t seq;       ///< the step that failed
    std::exception_ptr why;  ///< null: it waited for another stream, whose gate is shut
  };
  /// Whether the gate is shut.
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  /// Whether step `seq` did not run, or failed. To be asked when it has been passed.
  bool failed_by(std::uint64_t seq) const {
    return failed() && failed_seq_.load(std::memory_order_acquire) <= seq;
  }
  std::optional<Failure> failure() const {
    if (!failed()) return std::nullopt;
    const std::lock_guard lock(failure_mutex_);
    return Failure{failed_seq_.load(std::memory_order_relaxed), why_};
  }
  /// Opens the gate, also of a lost device that has been replaced. All that was submitted has been
  /// passed, and nobody submits meanwhile.
  void reopen() {
    const std::lock_guard lock(failure_mutex_);
    why_ = nullptr;
    failed_.store(false, std::memory_order_release);
    if (lost_.exchange(false, std::memory_order_acq_rel)) num_lost_.fetch_sub(1);
  }
  /// Says better why a step failed.
  void explain_failure(std::exception_ptr why) {
    const std::lock_guard lock(failure_mutex_);
    why_ = std::move(why);
  }

  /// Instead of reopen(), as it: the gate stays shut, and `why` is what all who need the device
  /// are thrown.
  void lose(std::exception_ptr why) {
    const std::lock_guard lock(failure_mutex_);
    why_ = std::move(why);
    if (!lost_.exchange(true, std::memory_order_acq_rel)) num_lost_.fetch_add(1);
  }
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  /// Null unless it was lost.
  std::exception_ptr why_lost() const {
    if (!lost()) return nullptr;
    const std::lock_guard lock(failure_mutex_);
    return why_;
  }
  /// Whether any device was.
  static bool any_lost() { return num_lost_.load(std::memory_order_acquire) > 0; }

 protected:
  /// Step `seq` failed: the gate shuts.
  void fail(std::uint64_t seq, std::exception_ptr why) noexcept {
    const std::lock_guard lock(failure_mutex_);
    if (failed_.load(std::memory_order_relaxed)) return;
    why_ = std::move(why);
    failed_seq_.store(seq, std::memory_order_release);
    failed_.store(true, std::memory_order_release);
  }

  std::atomic<std::uint64_t> submitted_{0};
  std::atomic<std::uint64_t> passed_{0};

 private:
  Device device_;
  std::mutex submitting_;
  mutable std::mutex failure_mutex_;
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> failed_seq_{0};
  std::exception_ptr why_;
  std::atomic<bool> lost_{false};
  static inline std::atomic<int> num_lost_{0};
};

}  // namespace ingot
