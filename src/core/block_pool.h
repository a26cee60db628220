// A per-thread free list of small blocks: recording a node costs two of these instead of two
// trips to the heap. Blocks may be freed on another thread than the one that took them.
#pragma once

#include <cstddef>

namespace ingot {

/// At least `nbytes` bytes, aligned to 16. Throws std::bad_alloc.
void* pool_take(std::size_t nbytes);
/// True where every block is the heap's, so that a sanitizer sees its life.
bool pool_is_heap();
/// Gives a block back; `nbytes` as it was asked for.
void pool_give(void* block, std::size_t nbytes) noexcept;

}  // namespace ingot
