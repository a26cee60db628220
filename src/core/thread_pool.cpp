#include "core/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace ingot::detail {
namespace {

// A thread that waits keeps its core as long as nobody else wants it: the gaps between two loops of
// a step are often longer than waking up takes. It offers the core all the time; when it was gone
// for a while, somebody did want it, and the thread sleeps.
constexpr std::chrono::microseconds kSpin{2000};
constexpr std::chrono::microseconds kWanted{30};

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// True as soon as `done()` is; false after kSpin, or when the core is wanted.
template <class Condition>
bool spin_until(Condition done) {
  for (int i = 0; i < 64; ++i) {
    if (done()) return true;
    relax();
  }
  auto now = std::chrono::steady_clock::now();
  const auto end = now + kSpin;
  while (now < end) {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      relax();
    }
    std::this_thread::yield();
    const auto before = std::exchange(now, std::chrono::steady_clock::now());
    if (now - before > kWanted) break;
  }
  return done();
}

std::atomic<ThreadPool*>& current() {
  static std::atomic<ThreadPool*> pool{new ThreadPool};
  return pool;
}

}  // namespace

ThreadPool& ThreadPool::instance() {
  // Threads do not survive a fork; the parent's pool stays as it is, unreachable.
  static const bool watched = [] {
    pthread_atfork(nullptr, nullptr, [] { current().store(new ThreadPool); });
    return true;
  }();
  (void)watched;
  return *current().load(std::memory_order_acquire);
}

void ThreadPool::run(std::int64_t pieces, int threads, Run f, void* context) {
  std::unique_lock owner(owner_, std::try_to_lock);
  if (!owner || pieces < 2 || threads < 2) {
    for (std::int64_t i = 0; i < pieces; ++i) f(context, i);
    return;
  }
  const std::int64_t workers = std::min<std::int64_t>(threads, pieces) - 1;
  add_workers(workers);
  max_workers_.store(workers, std::memory_order_relaxed);
  const auto others = static_cast<std::uint64_t>(pieces - 1);
  run_ = f;
  context_ = context;
  unfinished_.store(static_cast<std::int32_t>(others), std::memory_order_relaxed);
  const std::uint64_t loop = (open_.load(std::memory_order_relaxed) >> 32) + 1;
  open_.store(loop << 32 | std::uint64_t{1} << 16 | others, std::memory_order_seq_cst);
  bell_.fetch_add(1, std::memory_order_seq_cst);
  const std::int32_t asleep = sleepers_.load(std::memory_order_seq_cst);
  // Workers are not woken by number: where some must stay out, all are asked.
  if (asleep > 0) {
    if (workers < num_workers_)
      bell_.notify_all();
    else
      for (std::int64_t i = 0; i < std::min<std::int64_t>(asleep, workers); ++i) bell_.notify_one();
  }

  f(context, 0);
  for (std::uint32_t piece = 0; claim(piece, End::Front);) run_claimed(piece);
  const auto finished = [&] { return unfinished_.load(std::memory_order_acquire) == 0; };
  if (spin_until(finished)) return;
  while (!finished()) {
    const std::int32_t left = unfinished_.load(std::memory_order_acquire);
    if (left != 0) unfinished_.wait(left, std::memory_order_acquire);
  }
}

bool ThreadPool::claim(std::uint32_t& piece, End end) {
  std::uint64_t open = open_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint64_t first = open >> 16 & 0xFFFFu, last = open & 0xFFFFu;
    if (first > last) return false;
    const std::uint64_t rest = end == End::Front ? open + (1u << 16) : open - 1;
    if (open_.compare_exchange_weak(open, rest, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      piece = static_cast<std::uint32_t>(end == End::Front ? first : last);
      return true;
    }
  }
}

void ThreadPool::run_claimed(std::uint32_t piece) {
  run_(context_, piece);
  if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
}

bool ThreadPool::may_claim(std::int64_t worker) const {
  return worker < max_workers_.load(std::memory_order_relaxed);
}

void ThreadPool::work(std::int64_t worker) {
  for (std::uint32_t piece = 0;;) {
    const std::uint32_t rung = bell_.load(std::memory_order_seq_cst);
    if (spin_until([&] { return may_claim(worker) && claim(piece, End::Back); })) {
      run_claimed(piece);
      continue;
    }
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    // Whoever opened a loop before this thread counted as asleep has rung the bell before, too.
    bell_.wait(rung, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

void ThreadPool::add_workers(std::int64_t wanted) {
  try {
    for (; num_workers_ < wanted; ++num_workers_) {
      std::thread([this, worker = num_workers_] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are for the program's own threads
        work(worker);
      }).detach();
    }
  } catch (const std::system_error&) {  // no more threads to be had: the caller runs what is left
  }
}

}  // namespace ingot::detail
