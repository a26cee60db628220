#include "backend/cpu/scratch.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "core/buffer.h"

namespace ingot::cpu {
namespace {

constexpr std::size_t kHeaderNbytes = 64;  // before the data: how large it is

std::size_t& size_of(std::byte* data) {
  return *reinterpret_cast<std::size_t*>(data - kHeaderNbytes);
}

void give_back(std::byte* data) noexcept {
  if (data) give_host_scratch(data - kHeaderNbytes, kHeaderNbytes + size_of(data));
}

std::byte* take(std::size_t nbytes) {
  // Somewhat more than asked for, so that slowly growing needs do not take memory each time.
  // Not nothing: the end of a block is no reference to it for those who look for leaks.
  const std::size_t wanted =
      aligned_nbytes(std::max<std::size_t>(plus_nbytes(nbytes, nbytes / 2), 1));
  auto* block = static_cast<std::byte*>(take_host_scratch(plus_nbytes(wanted, kHeaderNbytes))) +
                kHeaderNbytes;
  size_of(block) = wanted;
  return block;
}

// A thread's blocks that are not in use just now. Whoever exchanges one out owns it, so another
// thread can give back idle ones at any time.
struct Slots {
  std::array<std::atomic<std::byte*>, 3> idle{};
  Slots();
  ~Slots();
  void clear() noexcept {
    for (auto& slot : idle) give_back(slot.exchange(nullptr, std::memory_order_acquire));
  }
};

struct Registry {
  std::mutex mutex;
  std::vector<Slots*> threads;
};

void reclaim() noexcept;

// Leaked: threads may end after static destructors.
Registry& registry() {
  static auto* const instance = [] {
    add_memory_reclaimer(reclaim);
    return new Registry;
  }();
  return *instance;
}

void reclaim() noexcept {
  const std::lock_guard lock(registry().mutex);
  for (Slots* slots : registry().threads) slots->clear();
}

Slots::Slots() {
  const std::lock_guard lock(registry().mutex);
  registry().threads.push_back(this);
}

Slots::~Slots() {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().threads, this);
  clear();
}

std::atomic<std::byte*>& slot_of(ScratchUser user) {
  thread_local Slots slots;
  return slots.idle[static_cast<std::size_t>(user)];
}

}  // namespace

ThreadScratch::ThreadScratch(ScratchUser user, std::size_t nbytes)
    : user_(user), data_(slot_of(user).exchange(nullptr, std::memory_order_acquire)) {
  if (data_ && size_of(data_) >= nbytes) return;
  give_back(data_);
  data_ = nullptr;
  data_ = take(nbytes);
}

ThreadScratch::~ThreadScratch() {
  give_back(slot_of(user_).exchange(data_, std::memory_order_release));
}

}  // namespace ingot::cpu
