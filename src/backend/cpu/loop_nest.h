// LoopNest: the index space of an elementwise step, reduced to few long dimensions. Dimensions are
// ordered as output 0 lies in memory (slowest first), those of size 1 are gone, and neighbours that
// every operand walks through without a jump are merged.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "backend/step.h"

namespace ingot::cpu {

struct LoopNest {
  using Indices = std::array<std::int64_t, Shape::kMaxRank>;

  int rank = 0;  ///< at least 1
  Indices sizes{};
  /// Per operand: elements to the next index of each dimension; 0 where it is broadcast.
  std::vector<Indices> strides;

  std::int64_t numel() const;
  std::int64_t inner_size() const { return sizes[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t inner_stride(std::size_t operand) const {
    return strides[operand][static_cast<std::size_t>(rank - 1)];
  }
  /// The operand's elements follow one another in loop order.
  bool is_flat(std::size_t operand) const;
  /// The operand is one element.
  bool is_uniform(std::size_t operand) const;
};

/// The nest over `shape`; each operand has this shape or one that broadcasts to it. Operand 0
/// decides the order.
LoopNest make_loop_nest(const Shape& shape, std::span<const TensorDesc* const> operands);

/// Walks through one operand row by row: calls row(offset, first, count) for runs along the inner
/// dimension that together are the elements [first, last) in loop order.
template <class F>
void for_each_run(const LoopNest& nest, std::size_t operand, std::int64_t first, std::int64_t last,
                  F&& row) {
  const auto& strides = nest.strides[operand];
  LoopNest::Indices index{};
  std::int64_t rest = first, offset = 0;
  for (int d = nest.rank - 1; d >= 0; --d) {
    const auto k = static_cast<std::size_t>(d);
    index[k] = rest % nest.sizes[k];
    rest /= nest.sizes[k];
    offset += index[k] * strides[k];
  }
  const auto inner = static_cast<std::size_t>(nest.rank - 1);
  while (first < last) {
    const std::int64_t count = std::min(last - first, nest.sizes[inner] - index[inner]);
    row(offset, first, count);
    first += count;
    offset -= index[inner] * strides[inner];
    index[inner] = 0;
    for (int d = nest.rank - 2; d >= 0; --d) {
      const auto k = static_cast<std::size_t>(d);
      offset += strides[k];
      if (++index[k] < nest.sizes[k]) break;
      offset -= nest.sizes[k] * strides[k];
      index[k] = 0;
    }
  }
}

}  // namespace ingot::cpu
