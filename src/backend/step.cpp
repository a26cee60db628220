#include "backend/step.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace ingot {

bool TensorDesc::is_contiguous() const {
  std::int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

bool TensorDesc::is_dense() const {
  std::array<int, Shape::kMaxRank> order{};
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + shape.rank();
  // Insertion sort; std::sort's path for long ranges makes GCC 12 warn about this short array.
  for (auto i = order.begin(); i != end; ++i) {
    const auto place = std::upper_bound(order.begin(), i, *i,
                                        [&](int a, int b) { return strides[a] < strides[b]; });
    std::rotate(place, i, i + 1);
  }
  if (shape.numel() == 0) return true;
  std::int64_t expected = 1;
  for (auto i = order.begin(); i != end; ++i) {
    if (shape[*i] == 1) continue;
    if (strides[*i] != expected) return false;
    expected *= shape[*i];
  }
  return true;
}

}  // namespace ingot
