// ThreadPool: the threads behind parallel_for. How they wait decides what a small step costs on an
// idle machine and what any step costs on a busy one:
//
// - A thread that waits keeps its core, to bridge the gap between two loops, but offers it all the
//   time: as soon as something else computes there, it would only take the core from the very
//   thread it waits for, and sleeps. After kSpin it sleeps anyway.
// - Pieces are claimed, not assigned. A worker that gets no core in time has claimed nothing, and
//   the caller runs its piece: beside busy neighbours a loop takes at worst what it takes alone.
// - The caller claims from the front and workers from the back. From loop to loop a thread so meets
//   mostly what it wrote before, which its core's cache may still have.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace ingot::detail {

class ThreadPool {
 public:
  /// Pieces that a loop may have.
  static constexpr std::int64_t kMaxPieces = 0xFFFF;

  /// Runs piece i of `context`. Must not throw.
  using Run = void (*)(void* context, std::int64_t piece);

  /// Runs `pieces` pieces on up to `threads` threads, the calling one among them, and returns when
  /// all have ended. One caller at a time has the workers; another one meanwhile runs all of its
  /// pieces itself.
  void run(std::int64_t pieces, int threads, Run f, void* context);

  /// The process's pool, never destroyed: workers sleep until the process ends. A forked child gets
  /// a new one.
  static ThreadPool& instance();

 private:
  enum class End : std::uint8_t { Front, Back };
  bool claim(std::uint32_t& piece, End end);
  bool may_claim(std::int64_t worker) const;
  void work(std::int64_t worker);
  void run_claimed(std::uint32_t piece);
  void add_workers(std::int64_t wanted);

  std::mutex owner_;
  std::int64_t num_workers_ = 0;
  // Of the loop in flight; written by its caller before `open_`, read after a successful claim.
  Run run_ = nullptr;
  void* context_ = nullptr;
  std::atomic<std::int64_t> max_workers_{0};  ///< of the loop in flight; workers beyond stay out
  /// Upper half: which loop; lower half: the first and the last of the pieces that nobody has
  /// claimed, numbered from 1; none are left where first > last. Loops never share a value, so a
  /// late worker cannot claim from a loop that ended.
  alignas(64) std::atomic<std::uint64_t> open_{std::uint64_t{1} << 16};
  alignas(64) std::atomic<std::int32_t> unfinished_{0};
  alignas(64) std::atomic<std::uint32_t> bell_{0};  ///< rung for workers that sleep
  std::atomic<std::int32_t> sleepers_{0};
};

}  // namespace ingot::detail
