#include "core/block_pool.h"

#include <new>

namespace ingot {
// GCC says by macros which sanitizer is on, Clang when it is asked.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INGOT_POOL_IS_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define INGOT_POOL_IS_HEAP 1
#endif
#endif

#ifdef INGOT_POOL_IS_HEAP

// Sanitizers must see every block's life: a block that was given back is poisoned.
bool pool_is_heap() { return true; }
void* pool_take(std::size_t nbytes) { return ::operator new(nbytes); }
void pool_give(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 17;         // up to 1,024 bytes
constexpr std::size_t kKeepPerClass = 8192;  // a training step's worth

struct FreeBlock {
  FreeBlock* next;
};

// Trivially destructible, so that tensors that die after this thread's destructors still find it.
struct FreeLists {
  FreeBlock* head[kClasses];
  std::size_t count[kClasses];
  bool closed;
};
thread_local FreeLists lists{};

// Empties the lists at the end of the thread; later blocks go straight to the heap.
struct Closer {
  bool armed = false;
  ~Closer() {
    lists.closed = true;
    for (FreeBlock*& head : lists.head) {
      while (FreeBlock* block = head) {
        head = block->next;
        ::operator delete(block);
      }
    }
  }
};
thread_local Closer closer;

}  // namespace

bool pool_is_heap() { return false; }

void* pool_take(std::size_t nbytes) {
  const std::size_t c = (nbytes + kStep - 1) / kStep;
  if (c >= kClasses) return ::operator new(nbytes);
  if (FreeBlock* block = lists.head[c]) {
    lists.head[c] = block->next;
    --lists.count[c];
    return block;
  }
  return ::operator new(c* kStep);
}

void pool_give(void* block, std::size_t nbytes) noexcept {
  const std::size_t c = (nbytes + kStep - 1) / kStep;
  if (c >= kClasses || lists.closed || lists.count[c] >= kKeepPerClass) {
    ::operator delete(block);
    return;
  }
  closer.armed = true;  // constructs it, so that it is destroyed with the thread
  lists.head[c] = new (block) FreeBlock{lists.head[c]};
  ++lists.count[c];
}

#endif

}  // namespace ingot
