// sort (and topk, which is its first k): lines in parallel, each by its elements and, where they
// are equal, by their places. That makes every order stable and every result unique.
#include <algorithm>
#include <cmath>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/kernel_table.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

template <class T>
struct Item {
  T value;
  std::int64_t place;
};

// NaN counts as larger than everything.
template <bool descending, class T>
bool before(const Item<T>& a, const Item<T>& b) {
  const auto x = comparable(a.value), y = comparable(b.value);
  const bool x_nan = x != x, y_nan = y != y;
  if (x_nan || y_nan) {
    if (x_nan != y_nan) return descending ? x_nan : y_nan;
  } else if (x != y) {
    return descending ? x > y : x < y;
  }
  return a.place < b.place;
}

template <bool descending, class T>
void order(std::vector<Item<T>>& items, std::int64_t k) {
  const auto middle = items.begin() + k;
  if (middle != items.end())
    std::nth_element(items.begin(), middle, items.end(), before<descending, T>);
  std::sort(items.begin(), middle, before<descending, T>);
}

// The first k of a line, where k is small: most elements are only compared with the last of them.
constexpr std::int64_t kFew = 32;
template <bool descending, class T>
void order_few(const T* from, std::int64_t stride, std::int64_t count, std::int64_t k,
               std::vector<Item<T>>& items) {
  items.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    const Item<T> item{from[i * stride], i};
    const bool full = static_cast<std::int64_t>(items.size()) == k;
    if (full && !before<descending>(item, items.back())) continue;
    if (full) items.pop_back();
    items.insert(std::upper_bound(items.begin(), items.end(), item, before<descending, T>), item);
  }
}

std::unique_ptr<Kernel> lower_sort(const StepDesc& step) {
  const auto& a = step.as<SortAttrs>();
  const Shape& shape = step.inputs[0].shape;
  std::int64_t outer = 1, count = 1, inner = 1;
  for (int d = 0; d < shape.rank(); ++d)
    (d < a.dim ? outer : d == a.dim ? count : inner) *= shape[d];
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) {
    return make_kernel(
        [outer, count, inner, k = a.k, descending = a.descending](const KernelArgs& args) {
          const T* x = args.in<T>(0);
          T* values = args.out<T>(0);
          auto* places = args.out<std::int64_t>(1);
          // A comparison costs more than a copy, and there are about log2(count) for each element.
          parallel_for(0, outer * inner, grain_for(8 * count),
                       [&](std::int64_t first, std::int64_t last) {
                         std::vector<Item<T>> items;
                         for (std::int64_t line = first; line < last; ++line) {
                           const std::int64_t o = line / inner, column = line % inner;
                           const T* from = x + o * count * inner + column;
                           if (k <= kFew && k < count) {
                             if (k > 0)
                               descending ? order_few<true>(from, inner, count, k, items)
                                          : order_few<false>(from, inner, count, k, items);
                           } else {
                             items.resize(static_cast<std::size_t>(count));
                             for (std::int64_t i = 0; i < count; ++i)
                               items[static_cast<std::size_t>(i)] = {from[i * inner], i};
                             descending ? order<true>(items, k) : order<false>(items, k);
                           }
                           for (std::int64_t i = 0; i < k; ++i) {
                             const Item<T>& item = items[static_cast<std::size_t>(i)];
                             values[(o * k + i) * inner + column] = item.value;
                             places[(o * k + i) * inner + column] = item.place;
                           }
                         }
                       });
        });
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(sort) { table.add("sort", {lower_sort}); }

}  // namespace ingot::cpu
