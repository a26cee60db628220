// The only file that binds a threading runtime: OpenMP (shared with oneDNN), or a pool of
// std::thread where INGOT_THREADS=std (sanitizers see those threads; Clang on Linux would bring a
// second OpenMP runtime).
#include <ingot/core/parallel.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>

#include <ingot/core/error.h>

#if defined(INGOT_THREADS_OPENMP)
#include <omp.h>
#else
#include <dlfcn.h>

#include <condition_variable>
#include <thread>
#include <vector>
#endif

namespace ingot {
namespace {

thread_local int tls_limit = 1 << 16;
thread_local bool tls_inside = false;

int initial_threads() {
  if (const char* text = std::getenv("INGOT_NUM_THREADS")) {  // NOLINT(concurrency-mt-unsafe)
    const long n = std::strtol(text, nullptr, 10);
    if (n >= 1 && n <= 4096) return static_cast<int>(n);
  }
#if defined(INGOT_THREADS_OPENMP)
  return std::max(1, omp_get_max_threads());
#else
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
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

#if !defined(INGOT_THREADS_OPENMP)

// Workers wait for a job and take its pieces from a counter. One job at a time owns the workers; a
// caller that finds them busy runs its pieces itself.
class Pool {
 public:
  void run(Job& job) {
    std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) {
      for (std::int64_t i = 0; i < job.pieces; ++i) job.run(i);
      return;
    }
    std::unique_lock lock(mutex_);
    while (static_cast<std::int64_t>(num_workers_) < job.pieces - 1) {
      std::thread([this] { work(); }).detach();
      ++num_workers_;
    }
    job_ = &job;
    next_ = 0;
    unfinished_ = job.pieces;
    wake_.notify_all();
    take_pieces(lock);
    done_.wait(lock, [&] { return unfinished_ == 0; });
    job_ = nullptr;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return job_ && next_ < job_->pieces; });
      take_pieces(lock);
    }
  }

  void take_pieces(std::unique_lock<std::mutex>& lock) {
    while (job_ && next_ < job_->pieces) {
      Job& job = *job_;
      const std::int64_t piece = next_++;
      lock.unlock();
      job.run(piece);
      lock.lock();
      if (--unfinished_ == 0) done_.notify_one();
    }
  }

  std::mutex owner_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::int64_t num_workers_ = 0;
  Job* job_ = nullptr;
  std::int64_t next_ = 0;
  std::int64_t unfinished_ = 0;
};

// Leaked: workers wait on it until the process ends.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

#endif

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
  job.pieces = pieces;
  job.function = f;
  job.context = context;
#if defined(INGOT_THREADS_OPENMP)
  const int threads = static_cast<int>(pieces);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (std::int64_t i = 0; i < pieces; ++i) job.run(i);
#else
  pool().run(job);
#endif
  if (job.error) std::rethrow_exception(job.error);
}

void bind_library_threads() {
  thread_local int bound = 0;
  const int n = num_threads();
  if (n == bound) return;
  bound = n;
#if defined(INGOT_THREADS_OPENMP)
  omp_set_num_threads(n);
#else
  // A library may have brought an OpenMP runtime that we do not link ourselves.
  using Setter = void (*)(int);
  static const auto set = reinterpret_cast<Setter>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set) set(n);
#endif
}

const char* parallel_runtime() {
#if defined(INGOT_THREADS_OPENMP)
  return "openmp";
#else
  return "std";
#endif
}

}  // namespace detail
}  // namespace ingot
