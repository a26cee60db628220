// The table of tile functions for float32 and float64 in the best instruction set of this machine.
#pragma once

#include <array>

#include "backend/cpu/tile_ops.h"

namespace ingot::cpu {

inline constexpr std::size_t kNumScalarOps = static_cast<std::size_t>(ScalarOp::Where) + 1;

struct FloatTiles {
  struct Entry {
    /// By the set of uniform operands: none, the first, the second.
    std::array<TileFunction, 3> by_uniform{};
  };
  std::array<Entry, kNumScalarOps> float32{}, float64{};
};

const FloatTiles& float_tiles();

}  // namespace ingot::cpu
