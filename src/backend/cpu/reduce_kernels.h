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

/// What squares are made of before they are summed up, in float64: (x − center)².
struct SquareFunctions {
  /// The block of the squares of `count` ≤ kReduceBlock contiguous elements, as
  /// ReduceFunctions::block of float64 makes it.
  void (*block)(const float* from, double center, std::int64_t count, double* to) = nullptr;
  /// accumulators[i] += (row[i] − centers[i])²; the centers are 0 without any.
  void (*row)(double* accumulators, const float* row, const double* centers,
              std::int64_t count) = nullptr;
};

SquareFunctions square_functions();

/// For accumulator dtype `t` (float32, float64 or an integer; bool for Max and Min).
ReduceFunctions reduce_functions(Join join, DType t);

}  // namespace ingot::cpu
