// The innermost loops of reductions. A reduction of R elements has one shape of tree for each R:
// blocks of kBlock elements, in each of them kLanes chains (element i belongs to chain i mod
// kLanes), the chains joined pairwise, then the blocks joined pairwise. Elements are counted in
// logical row-major order, so neither layout nor thread count changes a bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ingot/core/dtype.h>

namespace ingot::cpu {

inline constexpr std::int64_t kReduceBlock = 1024;
inline constexpr std::int64_t kReduceLanes = 16;

enum class Join : std::uint8_t { Sum, Prod, Max, Min };

struct ReduceFunctions {
  /// One block of `count` ≤ kReduceBlock contiguous elements to one element.
  void (*block)(const void* from, std::int64_t count, void* to) = nullptr;
  /// accumulators[i] = join(accumulators[i], row[i])
  void (*row)(void* accumulators, const void* row, std::int64_t count) = nullptr;
  /// Starts `count` accumulators.
  void (*start)(void* accumulators, std::int64_t count) = nullptr;
};

/// For accumulator dtype `t` (float32, float64 or an integer; bool for Max and Min).
ReduceFunctions reduce_functions(Join join, DType t);

}  // namespace ingot::cpu
