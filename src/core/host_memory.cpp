// The host's allocator. Fresh pages cost several times a copy on Linux, so freed blocks are kept
// and handed out again, but within limits: by age, those that nobody asked for longest go first.
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/core/memory.h>

#include "core/block_cache.h"
#include "core/block_pool.h"
#include "core/buffer.h"
#include "core/host_room.h"
#include "core/sanitizers.h"

#if defined(__linux__)
#include <sys/sysinfo.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ingot {
namespace {

#if defined(INGOT_ADDRESS_SANITIZER)
constexpr bool kCaching = false;  // let ASan see every use after free
#else
constexpr bool kCaching = true;
#endif

// Beyond this a single process cannot get with every page written, whatever the system promises.
std::size_t machine_nbytes() {
#if defined(__linux__)
  struct sysinfo info = {};
  if (sysinfo(&info) == 0)
    return (static_cast<std::size_t>(info.totalram) + info.totalswap) * info.mem_unit;
#endif
  return kNoMemoryLimit;
}

// Large blocks are mappings of their own, so that giving one back does give it back: the C
// library's heap keeps what lies below something that is in use.
constexpr std::size_t kMappedNbytes = std::size_t{1} << 20;

void* from_system(std::size_t capacity) {
  if (!kCaching || capacity < kMappedNbytes) return std::aligned_alloc(64, capacity);
  void* data = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

void to_system(void* data, std::size_t capacity) noexcept {
  if (!kCaching || capacity < kMappedNbytes)
    std::free(data);
  else
    munmap(data, capacity);
}

class HostAllocator final : public Allocator {
 public:
  Ref<Buffer> allocate(std::size_t nbytes) override { return make(nbytes, false); }
  Ref<Buffer> allocate_arena(std::size_t nbytes) override { return make(nbytes, true); }

  void recycle(Buffer* buffer) noexcept override {
    void* data = buffer->handle();
    const std::size_t capacity = buffer->capacity();
    const std::size_t counted = BlockCache::capacity_for(buffer->nbytes());
    const bool is_arena = buffer->is_arena();
    delete buffer;
    Victims victims;
    {
      const std::lock_guard lock(mutex_);
      allocated_ -= counted;
      held_ -= capacity;
      if (kCaching && capacity <= cache_limit_) {
        cache_.add(data, capacity, is_arena ? BlockCache::kArenas : BlockCache::class_of(capacity));
        data = nullptr;
        while (cache_.nbytes() > cache_limit_) evict(victims, cache_.oldest());
      }
    }
    if (data) to_system(data, capacity);
  }

  void* take_scratch(std::size_t nbytes) {
    const std::size_t capacity = checked_capacity(nbytes);
    {
      Victims victims;
      const std::lock_guard lock(mutex_);
      make_room(victims, capacity, limit_);
      scratch_ += capacity;
    }
    return fresh(capacity, nbytes, [&] { scratch_ -= capacity; });
  }

  void give_scratch(void* data, std::size_t nbytes) noexcept {
    const std::size_t capacity = BlockCache::capacity_for(nbytes);
    to_system(data, capacity);
    const std::lock_guard lock(mutex_);
    scratch_ -= capacity;
  }

  void add_reclaimer(void (*f)() noexcept) {
    const std::lock_guard lock(mutex_);
    reclaimers_.at(num_reclaimers_) = f;
    ++num_reclaimers_;
  }

  void empty_cache() {
    drop_all();
    {
      const std::lock_guard lock(mutex_);
      high_water_ = allocated_;
    }
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
  }

  MemoryFigures figures() {
    const std::lock_guard lock(mutex_);
    return {allocated_, peak_, footprint() - allocated_ + pool_cached_nbytes(), reserved_peak_,
            fresh_blocks_};
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    peak_ = allocated_;
    reserved_peak_ = footprint();
  }
  /// What the limit leaves beside tensors: cached memory would make place.
  std::size_t room() {
    const std::lock_guard lock(mutex_);
    return limit_ - std::min(limit_, held_);
  }
  std::size_t set_limit(std::size_t nbytes) {
    Victims victims;
    const std::lock_guard lock(mutex_);
    const std::size_t before = std::exchange(limit_, nbytes);
    while (footprint() > limit_ && cache_.oldest()) evict(victims, cache_.oldest());
    return before;
  }
  std::size_t set_cache_limit(std::size_t nbytes) {
    Victims victims;
    const std::lock_guard lock(mutex_);
    const std::size_t before = std::exchange(cache_limit_, nbytes);
    while (cache_.nbytes() > cache_limit_) evict(victims, cache_.oldest());
    return before;
  }

 private:
  using Block = BlockCache::Block;

  // Blocks on their way back to the system: freed when the lock is not held any more.
  struct Victims {
    Block* first = nullptr;
    Victims() = default;
    Victims(const Victims&) = delete;
    Victims& operator=(const Victims&) = delete;
    ~Victims() {
      while (first) {
        Block* next = first->next;
        to_system(first, first->capacity);
        first = next;
      }
    }
  };

  // Everything this process has from the system. Blocks in use may be larger than what is counted
  // as allocated.
  std::size_t footprint() const { return held_ + cache_.nbytes() + scratch_; }

  void evict(Victims& victims, Block* block) {
    cache_.remove(block);
    block->next = victims.first;
    victims.first = block;
  }

  void make_room(Victims& victims, std::size_t capacity, std::size_t limit) {
    while (footprint() + capacity > limit && cache_.oldest()) evict(victims, cache_.oldest());
  }

  static std::size_t checked_capacity(std::size_t nbytes) {
    if (nbytes <= BlockCache::kLargest) return BlockCache::capacity_for(nbytes);
    throw OutOfMemoryError(
        fmt::format("cpu: cannot allocate {} bytes: no machine has that much memory", nbytes));
  }

  Ref<Buffer> make(std::size_t nbytes, bool is_arena) {
    const std::size_t counted = checked_capacity(nbytes);
    std::size_t capacity = counted;
    Block* found = nullptr;
    {
      Victims victims;
      const std::lock_guard lock(mutex_);
      const std::size_t high = std::max(high_water_, allocated_ + counted);
      found = is_arena ? cache_.arena(nbytes) : cache_.exact(capacity);
      const std::size_t wanted = high / 2 * 3 + kSlackNbytes;
      // An arena that has become too small makes place for its successor.
      if (is_arena && !found && cache_.largest_arena()) evict(victims, cache_.largest_arena());
      if (!found && footprint() + capacity > std::min(wanted, limit_)) {
        // Here a block that is too large is better than fresh pages.
        if (!is_arena) found = cache_.at_least(capacity, 2 * capacity);
        if (!found) make_room(victims, capacity, std::min(wanted, limit_));
      }
      if (found) {
        capacity = found->capacity;
        cache_.remove(found);
      }
      allocated_ += counted;
      held_ += capacity;
      // A recycled block cannot be refused; for a new one the peak waits until it is there.
      if (found) note_peak();
    }
    void* data = found;
    if (!data) {
      data = fresh(capacity, nbytes, [&] {
        allocated_ -= counted;
        held_ -= capacity;
      });
      const std::lock_guard lock(mutex_);
      note_peak();
    }
    try {
      return Ref<Buffer>(
          new Buffer(this, data, nbytes, capacity, Device{}, MemorySpace::Host, is_arena));
    } catch (...) {
      to_system(data, capacity);
      const std::lock_guard lock(mutex_);
      allocated_ -= counted;
      held_ -= capacity;
      throw OutOfMemoryError("cpu: no memory left");
    }
  }

  // A block from the system; its bytes are counted already and `uncount` takes them back.
  template <class F>
  void* fresh(std::size_t capacity, std::size_t nbytes, F uncount) {
    bool allowed = within_limit(1);
    void* data = allowed ? from_system(capacity) : nullptr;
    if (data) return data;
    drop_all();
    allowed = within_limit(0);
    if (allowed) data = from_system(capacity);
    if (data) return data;
    const std::lock_guard lock(mutex_);
    uncount();
    const std::string why =
        allowed ? "" : fmt::format("; the limit is {} bytes, see set_memory_limit", limit_);
    throw OutOfMemoryError(
        fmt::format("cpu: cannot allocate {} bytes ({} bytes are in use by tensors{})", nbytes,
                    allocated_, why));
  }

  bool within_limit(int new_blocks) {
    const std::lock_guard lock(mutex_);
    fresh_blocks_ += static_cast<std::uint64_t>(new_blocks);
    return footprint() <= limit_;
  }

  // All that is cached goes, other people's scratch included.
  void drop_all() {
    std::array<void (*)() noexcept, 8> reclaimers{};
    {
      Victims victims;
      const std::lock_guard lock(mutex_);
      while (cache_.oldest()) evict(victims, cache_.oldest());
      std::copy_n(reclaimers_.begin(), num_reclaimers_, reclaimers.begin());
    }
    for (auto* f : reclaimers)
      if (f) f();
    empty_pool();
  }

  void note_peak() {
    peak_ = std::max(peak_, allocated_);
    high_water_ = std::max(high_water_, allocated_);
    reserved_peak_ = std::max(reserved_peak_, footprint());
  }

  static constexpr std::size_t kSlackNbytes = std::size_t{4} << 20;

  std::mutex mutex_;
  BlockCache cache_;
  std::size_t allocated_ = 0;  ///< what was asked for, by size class
  std::size_t held_ = 0;       ///< the blocks behind it
  std::size_t scratch_ = 0;    ///< taken by take_scratch
  std::size_t peak_ = 0;       ///< of allocated_, since the last reset
  std::uint64_t fresh_blocks_ = 0;
  std::size_t reserved_peak_ = 0;  ///< of all that was taken from the system, since then
  std::size_t high_water_ = 0;     ///< the same since the cache was emptied: what reuse may need
  std::size_t limit_ = machine_nbytes();
  std::size_t cache_limit_ = kNoMemoryLimit;
  std::array<void (*)() noexcept, 8> reclaimers_{};
  std::size_t num_reclaimers_ = 0;
};

HostAllocator& host() {
  // Leaked on purpose: tensors with static storage may die after any destructor here would run.
  static auto* allocator = new HostAllocator;
  return *allocator;
}

[[noreturn]] void fail_too_large() {
  throw OutOfMemoryError("the sizes add up to more bytes than any machine has");
}

}  // namespace

void Buffer::refuse_host() const {
  throw InternalError(
      fmt::format("a buffer of {} bytes on {} has no address on the host", nbytes_, device_.str()));
}

Allocator& host_allocator() { return host(); }
void* take_host_scratch(std::size_t nbytes) { return host().take_scratch(nbytes); }
void give_host_scratch(void* block, std::size_t nbytes) noexcept {
  host().give_scratch(block, nbytes);
}
void add_memory_reclaimer(void (*f)() noexcept) { host().add_reclaimer(f); }
MemoryFigures host_memory_figures() { return host().figures(); }
void reset_host_memory_peak() { host().reset_peak(); }
void empty_host_cache() { host().empty_cache(); }
std::size_t set_host_memory_limit(std::size_t nbytes) { return host().set_limit(nbytes); }
std::size_t set_host_cache_limit(std::size_t nbytes) { return host().set_cache_limit(nbytes); }

void check_host_room(const char* what, std::int64_t count, std::size_t entry_nbytes) {
  std::size_t wanted = 0;
  if (!__builtin_mul_overflow(static_cast<std::size_t>(count), entry_nbytes, &wanted) &&
      wanted <= host().room())
    return;
  throw OutOfMemoryError(fmt::format("{}: there is no memory for {} entries", what, count));
}

std::size_t times_nbytes(std::size_t a, std::size_t b) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product >> 63) fail_too_large();
  return product;
}

std::size_t plus_nbytes(std::size_t a, std::size_t b) {
  std::size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum) || sum >> 63) fail_too_large();
  return sum;
}

std::size_t aligned_nbytes(std::size_t nbytes) {
  return plus_nbytes(nbytes, 63) & ~std::size_t{63};
}

}  // namespace ingot
