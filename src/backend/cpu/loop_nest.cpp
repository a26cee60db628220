#include "backend/cpu/loop_nest.h"

#include <algorithm>
#include <numeric>

namespace ingot::cpu {

std::int64_t LoopNest::numel() const {
  std::int64_t n = 1;
  for (int d = 0; d < rank; ++d) n *= sizes[static_cast<std::size_t>(d)];
  return n;
}

bool LoopNest::is_flat(std::size_t operand) const {
  std::int64_t expected = 1;
  for (int d = rank - 1; d >= 0; --d) {
    const auto k = static_cast<std::size_t>(d);
    if (sizes[k] != 1 && strides[operand][k] != expected) return false;
    expected *= sizes[k];
  }
  return true;
}

bool LoopNest::is_uniform(std::size_t operand) const {
  for (int d = 0; d < rank; ++d) {
    const auto k = static_cast<std::size_t>(d);
    if (sizes[k] != 1 && strides[operand][k] != 0) return false;
  }
  return true;
}

LoopNest make_loop_nest(const Shape& shape, std::span<const TensorDesc* const> operands) {
  LoopNest nest;
  nest.strides.resize(operands.size());
  // Strides over the dimensions of `shape` that have more than one element.
  std::vector<LoopNest::Indices> strides(operands.size());
  std::vector<std::int64_t> sizes;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 1) continue;
    for (std::size_t o = 0; o < operands.size(); ++o) {
      const TensorDesc& t = *operands[o];
      const int own = d - (shape.rank() - t.shape.rank());
      strides[o][sizes.size()] = own < 0 || t.shape[own] == 1 ? 0 : t.strides[own];
    }
    sizes.push_back(shape[d]);
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!operands.empty())
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return strides[0][a] > strides[0][b]; });
  for (const std::size_t d : order) {
    bool merges = nest.rank > 0;
    const auto previous = static_cast<std::size_t>(nest.rank - 1);
    for (std::size_t o = 0; merges && o < operands.size(); ++o)
      merges = nest.strides[o][previous] == strides[o][d] * sizes[d];
    const auto target = merges ? previous : static_cast<std::size_t>(nest.rank++);
    nest.sizes[target] = (merges ? nest.sizes[target] : 1) * sizes[d];
    for (std::size_t o = 0; o < operands.size(); ++o) nest.strides[o][target] = strides[o][d];
  }
  if (nest.rank == 0) {
    nest.rank = 1;
    nest.sizes[0] = 1;
  }
  return nest;
}

}  // namespace ingot::cpu
