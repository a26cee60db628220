#include <ingot/core/parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include <ingot/core/error.h>

#include "core/thread_pool.h"

namespace ingot {
namespace {

thread_local int tls_limit = 1 << 16;
thread_local bool tls_inside = false;

// The number in a variable, or 0. OMP_NUM_THREADS may be a list, "4,2": what counts is its first.
int threads_of(const char* variable, bool is_list) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (!text || !*text) return 0;
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  const bool whole = end != text && (*end == '\0' || (is_list && *end == ','));
  if (whole && n >= 1 && n <= 4096) return static_cast<int>(n);
  const std::string warning = std::string("warning: ") + variable + " is '" + text +
                              "'; it is not used, since it is no number from 1 to 4096\n";
  std::fwrite(warning.data(), 1, warning.size(), stderr);
  return 0;
}

int initial_threads() {
  if (const int n = threads_of("INGOT_NUM_THREADS", false); n > 0) return n;
  if (const int n = threads_of("OMP_NUM_THREADS", true); n > 0) return n;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::atomic<int>& process_threads() {
  static std::atomic<int> threads{initial_threads()};
  return threads;
}

// Inside a piece everything is serial: set for the duration of the piece.
class InsidePiece {
 public:
  InsidePiece() : previous_(tls_inside) { tls_inside = true; }
  ~InsidePiece() { tls_inside = previous_; }
  InsidePiece(const InsidePiece&) = delete;
  InsidePiece& operator=(const InsidePiece&) = delete;

 private:
  bool previous_;
};

// One parallel_for in flight: piece i covers an equal share of the range.
struct Job {
  std::int64_t begin = 0, end = 0, pieces = 0;
  detail::PieceFunction function = nullptr;
  void* context = nullptr;
  std::exception_ptr error;
  std::mutex error_mutex;

  void run(std::int64_t i) noexcept {
    const std::int64_t count = end - begin;
    const auto edge = [&](std::int64_t k) {
      return begin + count / pieces * k + std::min(count % pieces, k);
    };
    const InsidePiece inside;
    try {
      function(context, edge(i), edge(i + 1));
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  }
};

}  // namespace

int num_threads() {
  return tls_inside ? 1 : std::min(tls_limit, process_threads().load(std::memory_order_relaxed));
}

void set_num_threads(int n) {
  if (n < 1) throw ValueError("set_num_threads: " + std::to_string(n) + " is less than 1");
  process_threads().store(n, std::memory_order_relaxed);
}

ThreadLimit::ThreadLimit(int limit) : previous_(tls_limit) {
  if (limit < 1) throw ValueError("ThreadLimit: " + std::to_string(limit) + " is less than 1");
  tls_limit = std::min(limit, previous_);
}

ThreadLimit::~ThreadLimit() { tls_limit = previous_; }

namespace detail {

void run_pieces(std::int64_t begin, std::int64_t end, std::int64_t pieces, PieceFunction f,
                void* context) {
  Job job;
  job.begin = begin;
  job.end = end;
  job.pieces = std::min(pieces, ThreadPool::kMaxPieces);
  job.function = f;
  job.context = context;
  ThreadPool::instance().run(
      job.pieces, num_threads(), [](void* run, std::int64_t i) { static_cast<Job*>(run)->run(i); },
      &job);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace detail
}  // namespace ingot
