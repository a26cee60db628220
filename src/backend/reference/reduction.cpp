// sum, mean, prod, amax, amin, any, all, argmax, argmin. Floating sums and products accumulate in
// double with an exponent of its own, so that only the result has to be a number of the dtype.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backend/kernel_table.h"
#include "backend/reference/loops.h"

namespace ingot::reference {
namespace {

// Splits a tensor into kept and reduced dimensions.
struct Split {
  Shape kept, reduced;
  Dims kept_strides, reduced_strides;
};

Split split_dims(const TensorDesc& in, const Dims& dims) {
  Split s;
  for (int d = 0; d < in.shape.rank(); ++d) {
    const bool reduced = dims.contains(d);
    (reduced ? s.reduced : s.kept).push_back(in.shape[d]);
    (reduced ? s.reduced_strides : s.kept_strides).push_back(in.strides[d]);
  }
  return s;
}

// A kernel that folds each group of elements: acc = f(acc, element, position in the group), then
// out = finish(acc). The functions get the input's type through their arguments.
template <class Init, class F, class Finish>
void fold(const Split& s, const KernelArgs& args, auto in_type, auto out_type, Init init, F f,
          Finish finish) {
  using In = decltype(in_type);
  using Out = decltype(out_type);
  const In* in = args.in<In>(0);
  Out* out = args.out<Out>(0);
  for_each_index<1>(s.kept, {s.kept_strides}, [&](const auto& base) {
    auto acc = init;
    std::int64_t position = 0;
    for_each_index<1>(s.reduced, {s.reduced_strides}, [&](const auto& offset) {
      acc = f(acc, in[base[0] + offset[0]], position++);
    });
    *out++ = finish(acc);
  });
}

// A sum, and the same in units of 2^64 for the case that it left the numbers of double.
struct RangedSum {
  double plain = 0, scaled = 0;

  RangedSum operator+(double x) const { return {plain + x, scaled + std::ldexp(x, -64)}; }
  double over(double divisor) const {
    return std::isfinite(plain) ? plain / divisor : std::ldexp(scaled / divisor, 64);
  }
};

// mantissa · 2^exponent
struct RangedProduct {
  double mantissa = 1;
  std::int64_t exponent = 0;

  RangedProduct operator*(double x) const {
    int own = 0, others = 0;
    const double product = std::frexp(mantissa, &own) * std::frexp(x, &others);
    if (!std::isfinite(product)) return {product, 0};
    return {product, exponent + own + others};
  }
  double over(double) const {
    const std::int64_t limit = 10'000;  // beyond all doubles
    return std::ldexp(mantissa, static_cast<int>(std::clamp(exponent, -limit, limit)));
  }
};

// sum, mean and prod: double for floating dtypes, int64 modulo 2^64 for the others.
template <class Ranged, class Join>
std::unique_ptr<Kernel> lower_accumulate(const StepDesc& step, int start, Join join,
                                         bool is_mean = false) {
  return make_kernel([=, s = split_dims(step.inputs[0], step.as<ReduceAttrs>().dims),
                      dtype = step.inputs[0].dtype](const KernelArgs& args) {
    visit_dtype(dtype, [&](auto type) {
      using T = decltype(type);
      if constexpr (std::is_integral_v<T>) {
        fold(
            s, args, type, std::int64_t{}, static_cast<std::uint64_t>(start),
            [&](std::uint64_t acc, T x, std::int64_t) {
              return join(acc, static_cast<std::uint64_t>(x));
            },
            [](std::uint64_t acc) { return static_cast<std::int64_t>(acc); });
      } else {
        const double divisor = is_mean ? static_cast<double>(s.reduced.numel()) : 1;
        fold(
            s, args, type, type, Ranged{},
            [&](Ranged acc, T x, std::int64_t) { return join(acc, static_cast<double>(x)); },
            [&](Ranged acc) { return convert_element<T>(acc.over(divisor)); });
      }
    });
  });
}

constexpr auto kPlus = [](auto a, auto b) { return a + b; };

std::unique_ptr<Kernel> lower_sum(const StepDesc& step) {
  return lower_accumulate<RangedSum>(step, 0, kPlus);
}
std::unique_ptr<Kernel> lower_mean(const StepDesc& step) {
  return lower_accumulate<RangedSum>(step, 0, kPlus, true);
}
std::unique_ptr<Kernel> lower_prod(const StepDesc& step) {
  return lower_accumulate<RangedProduct>(step, 1, [](auto a, auto b) { return a * b; });
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return static_cast<double>(x) != static_cast<double>(x);
}

// Whether `x` replaces `best`: strictly better, or the first NaN.
template <bool largest, class T>
bool beats(T x, T best) {
  if (is_nan(best)) return false;
  return is_nan(x) || (largest ? x > best : x < best);
}

template <class T>
struct Best {
  T value{};
  std::int64_t position = -1;
};

template <bool largest, class Finish>
void fold_best(const Split& s, const KernelArgs& args, auto type, auto out_type, Finish finish) {
  using T = decltype(type);
  fold(
      s, args, type, out_type, Best<T>{},
      [](Best<T> best, T x, std::int64_t position) {
        if (best.position < 0 || beats<largest>(x, best.value)) best = {x, position};
        return best;
      },
      finish);
}

template <bool largest>
std::unique_ptr<Kernel> lower_extremum(const StepDesc& step) {
  return make_kernel([s = split_dims(step.inputs[0], step.as<ReduceAttrs>().dims),
                      dtype = step.inputs[0].dtype](const KernelArgs& args) {
    visit_dtype(dtype, [&](auto type) {
      fold_best<largest>(s, args, type, type, [](const auto& best) { return best.value; });
    });
  });
}

template <bool largest>
std::unique_ptr<Kernel> lower_position(const StepDesc& step) {
  // A 0-dim tensor counts as one element along dimension 0.
  const Dims dims = step.inputs[0].shape.empty() ? Dims{} : Dims{step.as<AxisAttrs>().dim};
  return make_kernel(
      [s = split_dims(step.inputs[0], dims), dtype = step.inputs[0].dtype](const KernelArgs& args) {
        visit_dtype(dtype, [&](auto type) {
          fold_best<largest>(s, args, type, std::int64_t{},
                             [](const auto& best) { return best.position; });
        });
      });
}

// any and all.
template <bool looked_for>
std::unique_ptr<Kernel> lower_logical(const StepDesc& step) {
  return make_kernel([s = split_dims(step.inputs[0], step.as<ReduceAttrs>().dims),
                      dtype = step.inputs[0].dtype](const KernelArgs& args) {
    visit_dtype(dtype, [&](auto type) {
      using T = decltype(type);
      fold(
          s, args, type, bool{}, false,
          [](bool found, T x, std::int64_t) {
            return found || convert_element<bool>(x) == looked_for;
          },
          [](bool found) { return found == looked_for; });
    });
  });
}

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(reduction) {
  table.add("sum", {lower_sum, take_any_strides});
  table.add("mean", {lower_mean, take_any_strides});
  table.add("prod", {lower_prod, take_any_strides});
  table.add("amax", {lower_extremum<true>, take_any_strides});
  table.add("amin", {lower_extremum<false>, take_any_strides});
  table.add("argmax", {lower_position<true>, take_any_strides});
  table.add("argmin", {lower_position<false>, take_any_strides});
  table.add("any", {lower_logical<true>, take_any_strides});
  table.add("all", {lower_logical<false>, take_any_strides});
}

}  // namespace ingot::reference
