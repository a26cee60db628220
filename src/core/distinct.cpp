#include "core/distinct.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

namespace ingot {
namespace {

// Comparable: 16-bit floats as the float32 they stand for.
template <class T>
auto number(T v) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    return static_cast<float>(v);
  else
    return v;
}

template <class T>
bool less(T x, T y) {
  const auto a = number(x), b = number(y);
  if constexpr (std::is_floating_point_v<decltype(a)>) {
    if (a != a) return false;
    if (b != b) return true;
  }
  return a < b;
}

template <class T>
Distinct find(const T* data, std::int64_t rows, std::int64_t width) {
  const auto row = [&](std::int64_t r) { return data + r * width; };
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return std::lexicographical_compare(row(a), row(a) + width, row(b), row(b) + width,
                                        [](T x, T y) { return less(x, y); });
  });
  Distinct result;
  result.inverse.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto same = [&] {
      return std::equal(row(order[i]), row(order[i]) + width, row(order[i - 1]),
                        [](T x, T y) { return number(x) == number(y); });
    };
    if (i == 0 || !same()) {
      result.first.push_back(order[i]);
      result.counts.push_back(0);
    }
    ++result.counts.back();
    result.inverse[static_cast<std::size_t>(order[i])] =
        static_cast<std::int64_t>(result.first.size() - 1);
  }
  return result;
}

}  // namespace

Distinct find_distinct(const void* data, DType dtype, std::int64_t rows, std::int64_t width) {
  return visit_dtype(dtype, [&](auto type) {
    using T = decltype(type);
    return find(static_cast<const T*>(data), rows, width);
  });
}

}  // namespace ingot
