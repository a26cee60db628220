#include "backend/gpu/drivers/host/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "backend/gpu/drivers/host/access_checker.h"
#include "backend/gpu/drivers/host/fiber.h"

namespace ingot::gpu {
namespace {

constexpr std::uint32_t kWarp = 32;

enum class State : std::uint8_t { Ready, AtBarrier, AtExchange, Done };

// A place in a kernel's text. Two are the same when line and file are.
struct Site {
  const char* file = "";
  std::uint32_t line = 0;

  bool operator==(const Site& other) const {
    return line == other.line && std::strcmp(file, other.file) == 0;
  }
  std::string str() const { return fmt::format("{}:{}", file, line); }
};

class GroupExecutor {
 public:
  GroupExecutor(const HostLaunch& launch, const Schedule& schedule)
      : launch_(launch), schedule_(schedule), random_(static_cast<std::uint32_t>(schedule.seed)) {}

  void run() {
    const Grid& g = launch_.grid;
    // Not a byte more than it asked for, so that a sanitizer sees what goes beyond.
    const auto shared = std::make_unique<std::byte[]>(launch_.shared_nbytes);
    shared_ = shared.get();
    prepare();
    for (std::uint32_t z = 0; z < g.z; ++z)
      for (std::uint32_t y = 0; y < g.y; ++y)
        for (std::uint32_t x = 0; x < g.x; ++x) {
          begin_group(x, y, z);
          if (stopped()) return;
          if (launch_.synchronises || launch_.checker)
            run_fibers();
          else
            run_plainly();
        }
  }

 private:
  struct Thread {
    HostContext context{};
    State state = State::Ready;
    Site site;
    std::uint32_t round = 0;  ///< exchanges so far
    GroupExecutor* executor = nullptr;
    Fiber* fiber = nullptr;
  };
  struct Warp {
    std::uint64_t values[2][kWarp] = {};
    std::uint32_t waiting = 0, alive = 0;
  };

  void prepare() {
    threads_.resize(launch_.threads);
    warps_.resize((launch_.threads + kWarp - 1) / kWarp);
    order_.resize(launch_.threads);
    std::iota(order_.begin(), order_.end(), 0u);
    const auto order = schedule_.order;
    if (order == Schedule::Order::Reverse || order == Schedule::Order::GreedyReverse)
      std::reverse(order_.begin(), order_.end());
    if (launch_.synchronises || launch_.checker) {
      static thread_local std::vector<std::unique_ptr<Fiber>> fibers;
      while (fibers.size() < launch_.threads) fibers.push_back(std::make_unique<Fiber>());
      for (std::uint32_t i = 0; i < launch_.threads; ++i) threads_[i].fiber = fibers[i].get();
    }
  }

  void begin_group(std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    static const HostCalls calls = {
        [](void* self, const char* file, std::uint32_t line) {
          static_cast<GroupExecutor*>(self)->barrier({file, line});
        },
        [](void* self, std::uint64_t value, const char* file, std::uint32_t line) {
          return static_cast<GroupExecutor*>(self)->exchange(value, {file, line});
        }};
    // Every bit set: a NaN, and no index of anything.
    std::memset(shared_, 0xff, launch_.shared_nbytes);
    const std::uint32_t n = launch_.threads;
    const Grid& g = launch_.grid;
    for (Warp& w : warps_) w = {};
    for (std::uint32_t i = 0; i < n; ++i) {
      Thread& t = threads_[i];
      t.context = {i, n, x, y, z, g.x, g.y, g.z, i % kWarp, i / kWarp, &calls, this};
      t.state = State::Ready;
      t.round = 0;
      t.executor = this;
      ++warps_[i / kWarp].alive;
    }
    alive_ = n;
    if (launch_.checker) launch_.checker->begin_group(shared_, launch_.shared_nbytes);
  }

  // -- Without barriers ---------------------------------------------------------------------------

  void run_plainly() {
    shuffle();
    for (const std::uint32_t i : order_) {
      current_ = i;
      launch_.entry(&threads_[i].context, launch_.buffers, launch_.parameters, shared_);
      if (!unexpected_.empty())
        fault(fmt::format("waits at {}, but was launched as waiting nowhere", unexpected_), i);
    }
  }

  void shuffle() {
    if (schedule_.order == Schedule::Order::Random)
      std::shuffle(order_.begin(), order_.end(), random_);
  }

  // -- With barriers ------------------------------------------------------------------------------

  void run_fibers() {
    for (Thread& t : threads_)
      t.fiber->start(
          [](void* thread) {
            auto& self = *static_cast<Thread*>(thread);
            const HostLaunch& l = self.executor->launch_;
            l.entry(&self.context, l.buffers, l.parameters, self.executor->shared_);
          },
          &t);
    const bool greedy = schedule_.order == Schedule::Order::Greedy ||
                        schedule_.order == Schedule::Order::GreedyReverse;
    while (alive_ > 0 && !stopped()) {
      bool progress = false;
      shuffle();
      for (const std::uint32_t i : order_) {
        if (threads_[i].state != State::Ready) continue;
        resume(i);
        progress = true;
        if (stopped()) return;
        finish_exchange(i / kWarp);
        if (greedy) break;
      }
      if (!progress) finish_barrier();
    }
  }

  // A thread did what it must not, and waits where it did.
  bool stopped() const { return launch_.checker && launch_.checker->fault(); }

  void resume(std::uint32_t i) {
    Thread& t = threads_[i];
    current_ = i;
    if (launch_.checker) launch_.checker->enter(t.context, *t.fiber);
    t.fiber->resume();
    if (launch_.checker) launch_.checker->leave();
    if (t.fiber->done()) {
      t.state = State::Done;
      --alive_;
      --warps_[i / kWarp].alive;
    }
  }

  void barrier(const Site& site) {
    Thread& t = threads_[current_];
    if (!t.fiber) return note_unexpected(site);
    t.site = site;
    t.state = State::AtBarrier;
    t.fiber->pause();
  }

  // A kernel that was launched as having no barrier cannot wait; nor can an exception pass it.
  void note_unexpected(const Site& site) {
    if (unexpected_.empty()) unexpected_ = site.str();
  }

  const std::uint64_t* exchange(std::uint64_t value, const Site& site) {
    Thread& t = threads_[current_];
    Warp& w = warps_[t.context.warp];
    std::uint64_t* values = w.values[t.round++ % 2];
    values[t.context.lane] = value;
    if (!t.fiber) {
      note_unexpected(site);
      return values;
    }
    t.site = site;
    t.state = State::AtExchange;
    ++w.waiting;
    t.fiber->pause();
    return values;
  }

  void finish_exchange(std::uint32_t warp) {
    Warp& w = warps_[warp];
    const std::uint32_t first = warp * kWarp;
    if (w.waiting == 0 || w.waiting != w.alive) return;
    const Site site = threads_[first].site;
    for (std::uint32_t i = first; i < first + kWarp; ++i) {
      if (threads_[i].state == State::Done)
        fault(fmt::format("has returned, while others of its 32 exchange values at {}",
                          threads_[first + (i == first)].site.str()),
              i);
      if (!(threads_[i].site == site))
        fault(fmt::format("exchanges values at {}, thread {} at {}", threads_[i].site.str(), first,
                          site.str()),
              i);
      threads_[i].state = State::Ready;
    }
    w.waiting = 0;
  }

  // No thread can run: all must be at one barrier.
  void finish_barrier() {
    std::uint32_t waits = launch_.threads;
    for (std::uint32_t i = 0; i < launch_.threads && waits == launch_.threads; ++i)
      if (threads_[i].state == State::AtBarrier) waits = i;
    for (std::uint32_t i = 0; i < launch_.threads; ++i) {
      Thread& t = threads_[i];
      if (t.state == State::AtExchange)
        fault(fmt::format("waits at {} for others of its 32 that never come", t.site.str()), i);
      const std::string other =
          fmt::format("thread {} waits at the barrier {}", waits, threads_[waits].site.str());
      if (t.state == State::Done) fault(fmt::format("has returned, while {}", other), i);
      if (!(t.site == threads_[waits].site))
        fault(fmt::format("waits at the barrier {}, while {}", t.site.str(), other), i);
    }
    for (Thread& t : threads_) t.state = State::Ready;
    if (launch_.checker) launch_.checker->passed_barrier();
  }

  [[noreturn]] void fault(const std::string& what, std::uint32_t thread) const {
    const HostContext& c = threads_[thread].context;
    throw KernelFault(fmt::format("kernel {}: thread {} of group ({}, {}, {}) {}", launch_.name,
                                  thread, c.gx, c.gy, c.gz, what));
  }

  const HostLaunch& launch_;
  const Schedule& schedule_;
  std::minstd_rand random_;
  std::byte* shared_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::uint32_t> order_;
  std::uint32_t alive_ = 0, current_ = 0;
  std::string unexpected_;  // where a thread wanted to wait that cannot
};

}  // namespace

void execute(const HostLaunch& launch, const Schedule& schedule) {
  GroupExecutor(launch, schedule).run();
}

}  // namespace ingot::gpu
