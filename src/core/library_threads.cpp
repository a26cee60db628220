// The only file that speaks to an OpenMP runtime, which Ingot never links but finds where a library
// (Debian's oneDNN) has loaded it.
#include "core/library_threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <ingot/core/parallel.h>

namespace ingot::detail {
namespace {

bool is_set(const char* variable) {
  return std::getenv(variable) != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

// libgomp (GCC's OpenMP, which Debian's oneDNN brings) spins for about 3 ms at every wait, unless
// it manages more threads than there are processors: then for 100 turns, some microseconds, after
// which the waiting thread sleeps (GCC manual, "GOMP_SPINCOUNT"). Reading its environment variables
// is over before a library can set them, so a crowd brings that about: a team whose threads sleep
// for as long as the process lives, just large enough that the runtime has one thread too many.
// Whoever sets OMP_WAIT_POLICY or GOMP_SPINCOUNT has chosen, and there is no crowd; nor for teams
// that leave most of the machine alone, for which it would be large.
class Crowd {
 public:
  // Sees to short waits in teams of `threads`. The crowd only grows.
  void keep_waits_short(int threads) {
    if (threads < 2 || 2 * threads < processors_) return;
    const int wanted = processors_ - threads + 2;
    if (wanted <= size_.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex_);
    if (wanted <= size_.load(std::memory_order_relaxed)) return;
    size_.store(wanted, std::memory_order_release);
    if (parallel_) std::thread(&Crowd::sleep, parallel_, static_cast<unsigned>(wanted)).detach();
  }

 private:
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);

  // A team lives while the thread that started it does.
  static void sleep(Parallel parallel, unsigned size) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are for threads of the program
    parallel([](void*) {}, nullptr, size, 0);
    for (;;) pause();
  }

  // The runtime's entry, where libgomp is the runtime and nobody configured its waits.
  static Parallel find_parallel() {
    if (is_set("OMP_WAIT_POLICY") || is_set("GOMP_SPINCOUNT")) return nullptr;
    return reinterpret_cast<Parallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  }

  const Parallel parallel_ = find_parallel();
  const int processors_ = static_cast<int>(std::thread::hardware_concurrency());
  std::mutex mutex_;
  std::atomic<int> size_{0};
};

// Leaked: its threads sleep until the process ends.
Crowd& crowd() {
  static Crowd* const instance = new Crowd;
  return *instance;
}

// How many threads the runtime uses for loops of the calling thread. Null where there is no
// runtime.
struct Runtime {
  int (*get)() = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  void (*set)(int) = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  int (*limit)() = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_thread_limit"));
};

const Runtime& runtime() {
  static const Runtime instance;
  return instance;
}

}  // namespace

namespace {
// The runtime's threads do not survive a fork, and libgomp does not notice: it would wait for them
// for ever. In a forked process libraries have one thread.
std::atomic<bool> forked{false};
void watch_forks() {
  static const bool watched =
      pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); }) == 0;
  (void)watched;
}
}  // namespace

LibraryThreads::LibraryThreads() {
  watch_forks();
  // Beyond OMP_THREAD_LIMIT a team is smaller than what was asked for, and oneDNN, which counts on
  // each of its threads, would leave their parts out.
  const int most = forked.load(std::memory_order_relaxed) ? 1 : num_threads();
  const int n = std::min(most, runtime().limit ? runtime().limit() : most);
  crowd().keep_waits_short(n);
  if (!runtime().get || !runtime().set) return;
  const int now = runtime().get();
  if (now == n) return;
  before_ = now;
  runtime().set(n);
}

LibraryThreads::~LibraryThreads() {
  if (before_ > 0) runtime().set(before_);
}

}  // namespace ingot::detail
