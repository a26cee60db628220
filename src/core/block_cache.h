// Free blocks of memory by size class and by age: what the allocator keeps for reuse. The lists go
// through the blocks themselves, so keeping one allocates nothing. Not thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ingot {

class BlockCache {
 public:
  /// Lists are numbered by size class; one more holds arenas, which serve any run they are large
  /// enough for.
  static constexpr std::size_t kClasses = 64 * 8;
  static constexpr std::size_t kArenas = kClasses;
  static constexpr std::size_t kLargest = std::size_t{1} << 62;

  struct Block {
    std::size_t capacity;
    std::uint32_t list;
    Block *newer, *older;    ///< among all blocks
    Block *previous, *next;  ///< in its list, newest first
  };
  static_assert(sizeof(Block) <= 64, "a block is at least 64 bytes");

  /// Classes are powers of two split in eight: at most 12.5 % is wasted. `nbytes` <= kLargest.
  static std::size_t capacity_for(std::size_t nbytes) {
    if (nbytes <= 64) return 64;
    const std::size_t power = std::bit_floor(nbytes - 1);
    const std::size_t step = power / 8 < 64 ? 64 : power / 8;
    return (nbytes + step - 1) / step * step;
  }
  static std::size_t class_of(std::size_t capacity) {
    if (capacity <= 64) return 0;
    const std::size_t power = std::bit_floor(capacity - 1);
    return static_cast<std::size_t>(std::countr_zero(power)) * 8 +
           (capacity - power - 1) * 8 / power;
  }

  std::size_t nbytes() const { return nbytes_; }

  void add(void* data, std::size_t capacity, std::size_t list) {
    auto* b = new (data)
        Block{capacity, static_cast<std::uint32_t>(list), nullptr, newest_, nullptr, heads_[list]};
    if (newest_) newest_->newer = b;
    newest_ = b;
    if (!oldest_) oldest_ = b;
    if (b->next) b->next->previous = b;
    heads_[list] = b;
    if (list < kClasses) filled_[list / 64] |= std::uint64_t{1} << list % 64;
    nbytes_ += capacity;
  }

  /// The newest block of just this capacity (a class's), or null.
  Block* exact(std::size_t capacity) const { return heads_[class_of(capacity)]; }
  /// The newest block of the smallest class from `capacity` to `limit` that has one, or null.
  Block* at_least(std::size_t capacity, std::size_t limit) const {
    const std::size_t first = class_of(capacity);
    for (std::size_t word = first / 64; word < filled_.size(); ++word) {
      std::uint64_t bits = filled_[word];
      if (word == first / 64) bits &= ~std::uint64_t{0} << first % 64;
      if (!bits) continue;
      Block* b = heads_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      return b->capacity <= limit ? b : nullptr;
    }
    return nullptr;
  }
  /// The smallest arena of at least `nbytes` bytes, or null.
  Block* arena(std::size_t nbytes) const {
    Block* best = nullptr;
    for (Block* b = heads_[kArenas]; b; b = b->next)
      if (b->capacity >= nbytes && (!best || b->capacity < best->capacity)) best = b;
    return best;
  }
  /// The largest arena, or null.
  Block* largest_arena() const {
    Block* best = nullptr;
    for (Block* b = heads_[kArenas]; b; b = b->next)
      if (!best || b->capacity > best->capacity) best = b;
    return best;
  }
  Block* oldest() const { return oldest_; }

  void remove(Block* b) {
    (b->newer ? b->newer->older : newest_) = b->older;
    (b->older ? b->older->newer : oldest_) = b->newer;
    (b->previous ? b->previous->next : heads_[b->list]) = b->next;
    if (b->next) b->next->previous = b->previous;
    if (b->list < kClasses && !heads_[b->list])
      filled_[b->list / 64] &= ~(std::uint64_t{1} << b->list % 64);
    nbytes_ -= b->capacity;
  }

 private:
  std::array<Block*, kClasses + 1> heads_{};
  std::array<std::uint64_t, kClasses / 64> filled_{};
  Block* newest_ = nullptr;
  Block* oldest_ = nullptr;
  std::size_t nbytes_ = 0;
};

}  // namespace ingot
