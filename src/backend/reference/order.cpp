// sort, cumsum, cumprod, cummax, cummin: one line after the other.
#include <algorithm>
#include <numeric>
#include <vector>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "core/convert.h"

namespace ingot::reference {
namespace {

// f(index of the first element) for every line along `dim`.
template <class F>
void for_each_line(Shape shape, std::int64_t dim, F&& f) {
  if (shape.numel() == 0) return;
  shape[static_cast<int>(dim)] = 1;
  for_each_index(shape, f);
}

template <class T>
bool is_nan(T x) {
  if constexpr (is_float_type<T>)
    return load(x) != load(x);
  else
    return false;
}

// NaN counts as larger than everything.
template <class T>
bool less(T a, T b) {
  if (is_nan(a) || is_nan(b)) return !is_nan(a) && is_nan(b);
  return load(a) < load(b);
}

struct Sort {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<SortAttrs>();
    const TensorDesc &in = step.inputs[0], &values = step.outputs[0], &places = step.outputs[1];
    const auto dim = static_cast<int>(a.dim);
    for_each_line(in.shape, a.dim, [&](const Dims& line) {
      const T* from = args.in<T>(0) + offset_of(line, in.strides);
      const auto at = [&](std::int64_t i) { return from[i * in.strides[dim]]; };
      std::vector<std::int64_t> order(static_cast<std::size_t>(in.shape[dim]));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
        return a.descending ? less(at(j), at(i)) : less(at(i), at(j));
      });
      for (std::int64_t i = 0; i < a.k; ++i) {
        const std::int64_t place = order[static_cast<std::size_t>(i)];
        args.out<T>(0)[offset_of(line, values.strides) + i * values.strides[dim]] = at(place);
        args.out<std::int64_t>(1)[offset_of(line, places.strides) + i * places.strides[dim]] =
            place;
      }
    });
  }
};

template <class Join>
struct Scan {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
    const std::int64_t dim = step.as<AxisAttrs>().dim;
    using Sum = std::conditional_t<is_float_type<T>, double, std::uint64_t>;  // integers wrap
    for_each_line(in.shape, dim, [&](const Dims& line) {
      Sum sum = Join::start;
      Dims i = line;
      for (std::int64_t& k = i[static_cast<int>(dim)]; k < in.shape[static_cast<int>(dim)]; ++k) {
        const T x = args.in<T>(0)[offset_of(i, in.strides)];
        sum = Join::join(sum, static_cast<Sum>(load(x)));
        args.out<T>(0)[offset_of(i, out.strides)] = convert_element<T>(sum);
      }
    });
  }
};

// Where the largest (or smallest) element so far is: the last of equal ones; NaN wins and stays.
template <bool kLargest>
struct ExtremeIndex {
  template <class T>
  static void of(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
    const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
    for_each_line(in.shape, dim, [&](const Dims& line) {
      const T* from = args.in<T>(0) + offset_of(line, in.strides);
      const auto at = [&](std::int64_t i) { return from[i * in.strides[dim]]; };
      std::int64_t best = 0;
      for (std::int64_t i = 0; i < in.shape[dim]; ++i) {
        const T x = at(i), held = at(best);
        const bool reaches = kLargest ? !(load(x) < load(held)) : !(load(held) < load(x));
        if (is_nan(x) || (!is_nan(held) && reaches)) best = i;
        args.out<std::int64_t>(0)[offset_of(line, out.strides) + i * out.strides[dim]] = best;
      }
    });
  }

  static std::unique_ptr<Kernel> lower(const StepDesc& step) {
    return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) {
      return make_kernel([step](const KernelArgs& args) { of<T>(step, args); });
    });
  }
};

struct Added {
  static constexpr int start = 0;
  static auto join(auto a, auto b) { return a + b; }
};
struct Multiplied {
  static constexpr int start = 1;
  static auto join(auto a, auto b) { return a * b; }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(order) {
  table.add("sort", {lower_any<Sort>, take_any_strides});
  table.add("cumsum", {lower_numbers<Scan<Added>>, take_any_strides});
  table.add("cummax_index", {ExtremeIndex<true>::lower, take_any_strides});
  table.add("cummin_index", {ExtremeIndex<false>::lower, take_any_strides});
  table.add("cumprod", {lower_numbers<Scan<Multiplied>>, take_any_strides});
}

}  // namespace ingot::reference
