// Makes the items first, first + 1, …, end - 1 on worker threads and hands them out in that order.
//
// Invariants: at most `depth` items are finished or in the making ahead of the consumer; items are
// delivered in order, whatever order they finish in; a worker's exception surfaces at the consumer
// exactly where its item would have, and ends the run; the destructor stops and joins the workers,
// waiting only for items already in the making. `make` runs on several threads at once and must
// allow it. One thread consumes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <ingot/core/parallel.h>

#include "core/observe.h"

namespace ingot::data {

template <class Item>
class Prefetcher {
 public:
  using Make = std::function<Item(std::int64_t)>;

  /// `workers` == 0 makes every item in next(), on the caller's thread, and starts none.
  /// Requires 0 <= first <= end, workers >= 0; depth is raised to at least the number of workers.
  Prefetcher(Make make, std::int64_t first, std::int64_t end, int workers, std::int64_t depth)
      : make_(std::move(make)), end_(end), claimed_(first), delivered_(first) {
    if (workers == 0) return;
    const std::int64_t slots = depth < workers ? workers : depth;
    slots_.resize(static_cast<std::size_t>(slots));
    threads_.reserve(static_cast<std::size_t>(workers));
    try {
      for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (
        ...) {  // no more threads to be had: the ones that started must not outlive this object
      stop();
      throw;
    }
  }

  ~Prefetcher() { stop(); }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Whether next() returns at once: a worker has made the item (or failed to), or there is none.
  /// False without workers, which make nothing ahead of time.
  bool ready() {
    if (delivered_ >= end_) return true;
    if (slots_.empty()) return false;
    const std::lock_guard lock(mutex_);
    return slots_[slot_of(delivered_)].full;
  }

  /// The next item, or nothing when all were delivered. Rethrows what making it threw.
  std::optional<Item> next() {
    if (delivered_ >= end_) return std::nullopt;
    if (slots_.empty()) {
      const std::int64_t ordinal = delivered_;
      try {
        Item item = make_(ordinal);
        delivered_ = ordinal + 1;
        return item;
      } catch (...) {
        delivered_ = end_;
        throw;
      }
    }
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[slot_of(delivered_)];
    if (!slot.full) {
      const ObservedSpan wait(RunEvent::Kind::Wait, "the loader");
      ready_.wait(lock, [&] { return slot.full; });
    }
    std::optional<Item> item = std::move(slot.item);
    const std::exception_ptr failure = std::exchange(slot.failure, nullptr);
    slot.item.reset();
    slot.full = false;
    if (failure) {
      delivered_ = end_;
      lock.unlock();
      stop();
      std::rethrow_exception(failure);
    }
    ++delivered_;
    lock.unlock();
    room_.notify_one();
    return item;
  }

 private:
  struct Slot {
    std::optional<Item> item;
    std::exception_ptr failure;
    bool full = false;
  };

  std::size_t slot_of(std::int64_t ordinal) const {
    return static_cast<std::size_t>(ordinal) % slots_.size();
  }

  void work() {
    const ThreadLimit one(1);  // the cores belong to the computation
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [&] {
        return stopping_ || claimed_ >= end_ ||
               claimed_ < delivered_ + static_cast<std::int64_t>(slots_.size());
      });
      if (stopping_ || claimed_ >= end_) return;
      const std::int64_t ordinal = claimed_++;
      lock.unlock();
      std::optional<Item> item;
      std::exception_ptr failure;
      try {
        item.emplace(make_(ordinal));
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      Slot& slot = slots_[slot_of(ordinal)];
      slot.item = std::move(item);
      slot.failure = failure;
      slot.full = true;
      // What comes after a failed item is never delivered, so it need not be made.
      if (failure) claimed_ = end_;
      // Not only the awaited item's worker may wake the consumer late: notify on every item.
      ready_.notify_one();
      if (claimed_ >= end_) room_.notify_all();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  const Make make_;
  const std::int64_t end_;
  std::mutex mutex_;
  std::condition_variable ready_;  // a slot became full
  std::condition_variable room_;   // a slot became free, or there is nothing left to claim
  std::int64_t claimed_;           // next item to make
  std::int64_t delivered_;         // next item to hand out
  std::vector<Slot> slots_;        // item i lives in slot i % size
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ingot::data
