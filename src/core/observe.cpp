#include "core/observe.h"

#include <chrono>
#include <mutex>

namespace ingot {

namespace detail {
std::atomic<bool> is_observed{false};
}

namespace {

struct Watching {
  std::mutex mutex;
  std::shared_ptr<RunObserver> observer;
};

// Never destroyed: threads of devices may still tell while the program ends.
Watching& watching() {
  static auto& instance = *new Watching;
  return instance;
}

}  // namespace

std::int64_t observer_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::shared_ptr<RunObserver> detail::take_observer() {
  Watching& now = watching();
  const std::lock_guard lock(now.mutex);
  return now.observer;
}

bool start_observing(const std::shared_ptr<RunObserver>& observer) {
  Watching& now = watching();
  const std::lock_guard lock(now.mutex);
  if (now.observer) return false;
  now.observer = observer;
  detail::is_observed.store(true, std::memory_order_relaxed);
  return true;
}

void stop_observing(const RunObserver& observer) noexcept {
  Watching& now = watching();
  std::shared_ptr<RunObserver> last;  // destroyed when the lock is not held any more
  const std::lock_guard lock(now.mutex);
  if (now.observer.get() != &observer) return;
  detail::is_observed.store(false, std::memory_order_relaxed);
  last.swap(now.observer);
}

std::uint64_t next_run_number() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void ObservedSpan::start(RunEvent::Kind kind, std::string_view text) noexcept {
  event_.kind = kind;
  event_.text = text;
  event_.begin = observer_clock();
}

void ObservedSpan::finish() noexcept {
  event_.end = observer_clock();
  observer_->add(event_);
}

}  // namespace ingot
