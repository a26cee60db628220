// Recorder: who watches evaluations for a Profile. Sums are kept per kind of step and line, so that
// a long run takes no more memory than a short one but for the trace, which is bounded.
#pragma once

#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/observe.h"
#include "profile/data.h"

namespace ingot::profiling {

class Recorder final : public RunObserver {
 public:
  explicit Recorder(const ProfileOptions& options);

  bool knows(std::uint64_t plan) const noexcept override;
  void add_plan(PlanInfo plan) override;
  void add(const RunEvent& event) noexcept override;

  /// A step of the program has begun or ended.
  void begin_step(std::int64_t number);
  void end_step();
  /// Until the devices have run what they were given so far, and have told.
  void wait_for_devices() const;
  /// What was seen until now; nothing is kept any more.
  std::shared_ptr<const Data> finish();

 private:
  /// Steps that a device was given and has not told of.
  struct Outstanding {
    std::uint32_t line;
    bool in_first;     ///< given in the first step of the program
    std::size_t step;  ///< in Data::steps; kNoStep where none goes on
  };
  static constexpr std::size_t kNoStep = ~std::size_t{0};
  using StepKey = std::pair<std::uint64_t, std::uint32_t>;  // run and step
  using LineKey = std::tuple<std::uint32_t, const char*, std::uint32_t, const char*, std::uint32_t>;

  void note(const RunEvent& event, std::uint32_t thread);
  void note_step(const RunEvent& event, Event& kept);
  bool note_device(const RunEvent& event, Event& kept);
  void keep(const Event& event);
  void account(const RunEvent& event, std::uint32_t thread);
  void cover(std::int64_t begin, std::int64_t end);
  void close_step(std::int64_t at);
  void sample_memory() noexcept;
  std::uint32_t line_of(const RunEvent& event);
  std::uint32_t text_of(std::string_view text);
  Stats& stats_of(std::uint32_t line, bool in_first);

  mutable std::mutex mutex_;
  bool closed_ = false;
  Data data_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> plans_;  ///< infos of their steps
  std::unordered_map<std::string, std::uint32_t> info_numbers_;
  std::map<std::string, std::uint32_t, std::less<>> text_numbers_;
  std::map<LineKey, std::uint32_t> line_numbers_;
  std::map<StepKey, Outstanding> outstanding_;
  std::map<StepKey, RunEvent> early_;  ///< a device was faster than who gave it the step
  std::vector<Device> devices_;        ///< whose memory is looked at
  // The step of the program that goes on.
  bool in_step_ = false;
  std::int64_t step_begin_ = 0;
  /// Evaluations and waits of the thread that began the profile, none within another.
  std::vector<std::pair<std::int64_t, std::int64_t>> covered_;
};

/// A small number of this thread.
std::uint32_t thread_number();

}  // namespace ingot::profiling
