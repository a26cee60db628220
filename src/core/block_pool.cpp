#include "core/block_pool.h"

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

#include "core/sanitizers.h"

namespace ingot {

#if defined(INGOT_ADDRESS_SANITIZER) || defined(INGOT_THREAD_SANITIZER) || \
    defined(INGOT_MEMORY_SANITIZER)

// Sanitizers must see every block's life: a block that was given back is poisoned.
bool pool_is_heap() { return true; }
void* pool_take(std::size_t nbytes) { return ::operator new(nbytes); }
void pool_give(void* block, std::size_t) noexcept { ::operator delete(block); }
std::size_t pool_cached_nbytes() { return 0; }
void empty_pool() noexcept {}

#else

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 17;  // up to 1,024 bytes
constexpr std::size_t kBatch = 32;    // blocks that go to the store or come from it at once

struct FreeBlock {
  FreeBlock* next;
};

void delete_all(FreeBlock* block) noexcept {
  while (block) {
    FreeBlock* next = block->next;
    ::operator delete(block);
    block = next;
  }
}

// What all threads share: batches of kBatch blocks, linked by the second word of their first block.
class Store {
 public:
  FreeBlock* take(std::size_t c) noexcept {
    const std::lock_guard lock(mutex_);
    Batch* const batch = batches_[c];
    if (!batch) return nullptr;
    batches_[c] = batch->next_batch;
    nbytes_.fetch_sub(kBatch * c * kStep, std::memory_order_relaxed);
    return batch;
  }

  // Deletes them if there is no place.
  void add(std::size_t c, FreeBlock* blocks) noexcept {
    const std::size_t nbytes = kBatch * c * kStep;
    {
      const std::lock_guard lock(mutex_);
      if (nbytes_.load(std::memory_order_relaxed) + nbytes <= kPoolNbytes) {
        batches_[c] = new (blocks) Batch{{blocks->next}, batches_[c]};
        nbytes_.fetch_add(nbytes, std::memory_order_relaxed);
        return;
      }
    }
    delete_all(blocks);
  }

  void clear() noexcept {
    for (std::size_t c = 1; c < kClasses; ++c)
      while (FreeBlock* batch = take(c)) delete_all(batch);
  }

  std::size_t nbytes() const { return nbytes_.load(std::memory_order_relaxed); }

 private:
  struct Batch : FreeBlock {
    Batch* next_batch;
  };

  std::mutex mutex_;
  Batch* batches_[kClasses] = {};
  std::atomic<std::size_t> nbytes_ = 0;
};

// Leaked: tensors with static storage may die after any destructor here would run.
Store& store() {
  static auto* const instance = new Store;
  return *instance;
}

// Goes up when everybody is to let go of what they keep.
std::atomic<std::uint32_t> epoch = 0;

// A thread's own blocks: up to two batches of each class, so that the store is asked once in kBatch
// times at most. Trivially destructible, so that tensors that die after this thread's destructors
// still find it.
struct FreeLists {
  FreeBlock* head[kClasses];
  FreeBlock* full[kClasses];  ///< kBatch blocks, or none
  std::uint32_t count[kClasses];
  std::uint32_t epoch;
  bool closed;

  void clear() noexcept {
    for (std::size_t c = 0; c < kClasses; ++c) {
      delete_all(std::exchange(head[c], nullptr));
      delete_all(std::exchange(full[c], nullptr));
      count[c] = 0;
    }
    epoch = ingot::epoch.load(std::memory_order_relaxed);
  }
};
thread_local FreeLists lists{};

// Empties the lists at the end of the thread; later blocks go straight to the heap.
struct Closer {
  bool armed = false;
  ~Closer() {
    lists.closed = true;
    lists.clear();
  }
};
thread_local Closer closer;

// The list is as long as a batch: it is the full one now, and the one before it goes to the store.
void put_batch_away(std::size_t c) noexcept {
  if (lists.epoch != epoch.load(std::memory_order_relaxed)) return lists.clear();
  if (lists.full[c]) store().add(c, lists.full[c]);
  lists.full[c] = std::exchange(lists.head[c], nullptr);
  lists.count[c] = 0;
}

bool fetch_batch(std::size_t c) noexcept {
  if (lists.closed) return false;
  lists.head[c] = std::exchange(lists.full[c], nullptr);
  if (!lists.head[c]) lists.head[c] = store().take(c);
  if (!lists.head[c]) return false;
  lists.count[c] = kBatch;
  return true;
}

}  // namespace

bool pool_is_heap() { return false; }

void* pool_take(std::size_t nbytes) {
  const std::size_t c = (nbytes + kStep - 1) / kStep;
  if (c >= kClasses) return ::operator new(nbytes);
  if (lists.head[c] || fetch_batch(c)) {
    FreeBlock* const block = lists.head[c];
    lists.head[c] = block->next;
    --lists.count[c];
    return block;
  }
  return ::operator new(c* kStep);
}

void pool_give(void* block, std::size_t nbytes) noexcept {
  const std::size_t c = (nbytes + kStep - 1) / kStep;
  if (c >= kClasses || lists.closed) {
    ::operator delete(block);
    return;
  }
  closer.armed = true;  // constructs it, so that it is destroyed with the thread
  lists.head[c] = new (block) FreeBlock{lists.head[c]};
  if (++lists.count[c] == kBatch) put_batch_away(c);
}

std::size_t pool_cached_nbytes() { return store().nbytes(); }

void empty_pool() noexcept {
  epoch.fetch_add(1, std::memory_order_relaxed);
  if (!lists.closed) lists.clear();
  store().clear();
}

#endif

}  // namespace ingot
