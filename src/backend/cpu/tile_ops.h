// Tile functions: one ScalarOp over a short run of elements. They are the instructions that a
// program is made of; calling one through a pointer costs a few nanoseconds per tile.
//
// Registers of float16 and bfloat16 hold floats (their compute dtype), rounded after each
// instruction. `out` may be exactly `a`, `b` or `c` when element sizes agree, else they may not
// overlap.
#pragma once

#include <cstddef>

#include "backend/step.h"

namespace ingot::cpu {

/// Elements are of the op's compute dtype; bool results are bytes of 0 and 1.
using TileFunction = void (*)(const void* a, const void* b, const void* c, void* out,
                              std::size_t count);

/// How registers of `t` are held.
constexpr DType compute_dtype(DType t) { return is_reduced_float(t) ? DType::Float32 : t; }

/// The function for operands of compute dtype `t` (for Where: of its second and third operand), or
/// nullptr. Bit i of `uniform` asks for a version whose operand i is a single element; there are
/// such versions for few ops.
TileFunction find_tile_function(ScalarOp op, DType t, unsigned uniform = 0);

/// Conversion between compute dtypes. Same dtypes give nullptr: nothing to do.
TileFunction find_cast(DType from, DType to);

/// From storage to compute dtype and back; nullptr where both are the same.
TileFunction find_unpack(DType storage);
TileFunction find_pack(DType storage);
/// Rounds floats to what float16 or bfloat16 can hold; nullptr for other dtypes.
TileFunction find_round(DType t);

}  // namespace ingot::cpu
