// parallel_for: the one way Ingot uses several cores.
//
// A range is split into pieces of nearly equal size; the split depends on the range, the grain and
// the thread count alone, never on timing. There are more pieces than threads: a thread that
// something else keeps from its core leaves most of its share to the others. Work below
// kParallelNumel elements stays on the calling thread, as does everything inside a piece (no
// nesting).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace ingot {

/// Elements of simple work (an addition, a copy) below which a second thread does not pay.
inline constexpr std::int64_t kParallelNumel = 32 * 1024;

/// Pieces of a loop for every thread.
inline constexpr std::int64_t kPiecesPerThread = 4;

/// Threads that parallel_for may use when called here: the process-wide number, or less under a
/// ThreadLimit, and 1 inside a piece of a parallel_for.
int num_threads();

/// Sets the process-wide number; the default is $INGOT_NUM_THREADS, else $OMP_NUM_THREADS, else the
/// number of cores this process may use. Throws ValueError for n < 1.
void set_num_threads(int n);

/// While it lives, the calling thread uses at most `limit` threads. Loader workers hold one of 1.
class ThreadLimit {
 public:
  explicit ThreadLimit(int limit);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int previous_;
};

namespace detail {

using PieceFunction = void (*)(void* context, std::int64_t first, std::int64_t last);
/// Runs `pieces` > 1 pieces of [begin, end) on num_threads() threads; rethrows the first exception
/// after all have ended.
void run_pieces(std::int64_t begin, std::int64_t end, std::int64_t pieces, PieceFunction f,
                void* context);

}  // namespace detail

/// Grain for loops whose one iteration handles `numel_per_iteration` elements.
constexpr std::int64_t grain_for(std::int64_t numel_per_iteration) {
  return std::max<std::int64_t>(1, kParallelNumel / std::max<std::int64_t>(1, numel_per_iteration));
}

/// Calls f(first, last) for disjoint pieces that cover [begin, end). A range of at most `grain`
/// iterations is one piece, run by the caller; no piece is shorter than half a grain.
template <class F>
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, F&& f) {
  const std::int64_t count = end - begin;
  if (count <= 0) return;
  if (count <= grain) return f(begin, end);
  const std::int64_t threads = num_threads();
  if (threads <= 1) return f(begin, end);
  const std::int64_t pieces = std::min<std::int64_t>(
      threads * kPiecesPerThread, (count + grain - 1) / std::max<std::int64_t>(1, grain));
  using Function = std::remove_reference_t<F>;
  detail::run_pieces(
      begin, end, pieces,
      [](void* context, std::int64_t first, std::int64_t last) {
        (*static_cast<Function*>(context))(first, last);
      },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace ingot
