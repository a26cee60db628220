// Small blocks that are used again: recording a node costs two of these instead of two trips to the
// heap. Blocks may be freed on another thread than the one that took them.
//
// A thread keeps up to 63 blocks of each size (at most 0.6 MB, commonly a tenth of it) without any
// lock; what is beyond goes to a store of all threads, which is bounded and counted.
#pragma once

#include <cstddef>

namespace ingot {

/// At least `nbytes` bytes, aligned to 16. Throws std::bad_alloc.
void* pool_take(std::size_t nbytes);
/// True where every block is the heap's, so that a sanitizer sees its life.
bool pool_is_heap();
/// Gives a block back; `nbytes` as it was asked for.
void pool_give(void* block, std::size_t nbytes) noexcept;

/// The most that the store keeps: the nodes of a large training step.
inline constexpr std::size_t kPoolNbytes = std::size_t{4} << 20;
/// Bytes in the store.
std::size_t pool_cached_nbytes();
/// Gives back to the heap what the store and this thread keep; what other threads keep goes when
/// they next have a handful of blocks to put away.
void empty_pool() noexcept;

}  // namespace ingot
