#include "backend/cpu/scratch.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <new>

namespace ingot::cpu {

std::byte* thread_scratch(ScratchUser user, std::size_t nbytes) {
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  struct Block {
    std::unique_ptr<std::byte, Free> data;
    std::size_t capacity = 0;
  };
  thread_local std::array<Block, 3> blocks;
  Block& block = blocks[static_cast<std::size_t>(user)];
  if (block.capacity < nbytes) {
    const std::size_t wanted = align64(nbytes + nbytes / 2);
    block = {};
    block.data.reset(static_cast<std::byte*>(std::aligned_alloc(64, wanted)));
    if (!block.data) throw std::bad_alloc();
    block.capacity = wanted;
  }
  return block.data.get();
}

}  // namespace ingot::cpu
