#include "backend/simulated/simulated_stream.h"

#include <chrono>
#include <thread>
#include <utility>

namespace ingot {
namespace {

// Both sides look for a while before they sleep: a step is often shorter than waking up.
template <class F>
bool comes_soon(F done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
  do {
    for (int i = 0; i < 64; ++i)
      if (done()) return true;
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

SimulatedStream::SimulatedStream(Device device, std::function<void(const StepCall&)> run)
    : Stream(device), run_(std::move(run)), ring_(kRing) {}

std::uint64_t SimulatedStream::submit(const StepCall& call) noexcept { return push({call, {}}); }

void SimulatedStream::wait_for(Ticket other) noexcept {
  if (other.stream && other.stream != this) push({{}, other});
}

std::uint64_t SimulatedStream::push(const Entry& entry) noexcept {
  const std::uint64_t seq = submitted_.load(std::memory_order_relaxed) + 1;
  if (!async_) {
    submitted_.store(seq, std::memory_order_release);
    pass(seq, entry);
    return seq;
  }
  if (!has_thread_) {
    has_thread_ = true;
    std::thread([this] { work(); }).detach();  // as long as the process, like the stream
  }
  if (seq > kRing) wait(seq - kRing);
  ring_[seq % kRing] = entry;
  submitted_.store(seq, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst)) {
    const std::lock_guard lock(mutex_);
    more_.notify_one();
  }
  return seq;
}

void SimulatedStream::pass(std::uint64_t seq, const Entry& entry) noexcept {
  if (entry.other.stream) {
    entry.other.stream->wait(entry.other.seq);
    if (entry.other.stream->failed_by(entry.other.seq)) fail(seq, nullptr);
  } else if (!failed()) {
    try {
      run_(entry.call);
    } catch (...) {
      fail(seq, std::current_exception());
    }
  }
  passed_.store(seq, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) > 0) {
    const std::lock_guard lock(mutex_);
    progress_.notify_all();
  }
}

void SimulatedStream::work() noexcept {
  while (true) {
    // In synchronous times the submitting thread passes the steps.
    const auto has_work = [&] {
      return async_.load(std::memory_order_seq_cst) &&
             submitted_.load(std::memory_order_seq_cst) > passed_.load(std::memory_order_seq_cst);
    };
    const auto there = [&] { return hold_.load(std::memory_order_seq_cst) || has_work(); };
    if (hold_.load(std::memory_order_acquire)) {
      std::unique_lock lock(mutex_);
      holding_ = held_;
      progress_.notify_all();
      let_go_.wait(lock, [this] { return !held_; });
      holding_ = false;
    }
    if (!comes_soon(there)) {
      std::unique_lock lock(mutex_);
      sleeping_.store(true, std::memory_order_seq_cst);
      more_.wait(lock, there);
      sleeping_.store(false, std::memory_order_seq_cst);
    }
    if (hold_.load(std::memory_order_acquire) || !has_work()) continue;
    const std::uint64_t seq = passed_.load(std::memory_order_relaxed) + 1;
    pass(seq, ring_[seq % kRing]);
  }
}

void SimulatedStream::hold(bool on) {
  std::unique_lock lock(mutex_);
  held_ = on;
  hold_.store(on, std::memory_order_release);
  if (on && has_thread_) {
    more_.notify_one();
    progress_.wait(lock, [this] { return holding_; });
  } else {
    let_go_.notify_all();
  }
}

void SimulatedStream::abandon(std::exception_ptr why) noexcept {
  async_ = false;  // what is submitted passes at once, before a gate that is shut
  waiting_ = 0;
  sleeping_ = false;
  fail(passed_.load() + 1, std::move(why));
  passed_.store(submitted_.load());
}

void SimulatedStream::wait(std::uint64_t seq) noexcept {
  const auto there = [&] { return passed_.load(std::memory_order_seq_cst) >= seq; };
  if (there() || comes_soon(there)) return;
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  {
    std::unique_lock lock(mutex_);
    progress_.wait(lock, there);
  }
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace ingot
