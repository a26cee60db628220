// A simulated device's queue: a ring of steps and the thread that runs them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "core/stream.h"

namespace ingot {

class SimulatedStream final : public Stream {
 public:
  /// `run` runs one step on the stream's thread, or in submit(); it may throw.
  SimulatedStream(Device device, std::function<void(const StepCall&)> run);

  std::uint64_t submit(const StepCall& call) noexcept override;
  void wait_for(Ticket other) noexcept override;
  void wait(std::uint64_t seq) noexcept override;

  /// Only when all that was submitted has been passed.
  void set_async(bool on) { async_ = on; }
  /// The thread passes nothing until it is let go. It does not sleep meanwhile as one does that has
  /// nothing to do: to submit takes as long as to a device that is busy.
  void hold(bool on);

  /// In a process that was forked: the thread is gone. Nothing runs here any more, and nobody
  /// waits: what was queued has failed, and who needs the device is told `why`.
  void abandon(std::exception_ptr why) noexcept;

 private:
  struct Entry {
    StepCall call;
    Ticket other;  ///< with a stream: wait for it instead of a step
  };
  static constexpr std::size_t kRing = 1 << 12;

  std::uint64_t push(const Entry& entry) noexcept;
  void pass(std::uint64_t seq, const Entry& entry) noexcept;
  void work() noexcept;

  std::function<void(const StepCall&)> run_;
  std::vector<Entry> ring_;
  std::atomic<bool> async_{true};
  bool has_thread_ = false;
  std::mutex mutex_;
  std::condition_variable more_, progress_, let_go_;
  bool held_ = false, holding_ = false;  // asked for; obeyed. Of mutex_
  std::atomic<bool> hold_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<int> waiting_{0};
};

}  // namespace ingot
