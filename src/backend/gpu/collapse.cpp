#include "backend/gpu/collapse.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace ingot::gpu {

std::int64_t Collapsed::numel() const {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

bool Collapsed::is_linear(std::size_t o) const {
  return sizes.empty() || (sizes.size() == 1 && strides[o][0] == 1);
}

Collapsed collapse(const Shape& shape, std::span<const Dims> strides, std::size_t lead) {
  std::vector<int> order;
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] != 1) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return std::abs(strides[lead][a]) > std::abs(strides[lead][b]);
  });
  Collapsed c;
  c.strides.resize(strides.size());
  for (const int d : order) {
    const bool joins = !c.sizes.empty() && [&] {
      for (std::size_t o = 0; o < strides.size(); ++o)
        if (c.strides[o].back() != strides[o][d] * shape[d]) return false;
      return true;
    }();
    if (joins) {
      c.sizes.back() *= shape[d];
      for (std::size_t o = 0; o < strides.size(); ++o) c.strides[o].back() = strides[o][d];
    } else {
      c.sizes.push_back(shape[d]);
      for (std::size_t o = 0; o < strides.size(); ++o) c.strides[o].push_back(strides[o][d]);
    }
  }
  return c;
}

std::size_t extent_nbytes(const TensorDesc& t) {
  std::int64_t last = 0;
  for (int d = 0; d < t.shape.rank(); ++d) {
    if (t.shape[d] == 0) return 0;
    last += (t.shape[d] - 1) * t.strides[d];
  }
  return static_cast<std::size_t>(last + 1) * nbytes_of(t.dtype);
}

}  // namespace ingot::gpu
