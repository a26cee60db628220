// What the naive kernels share: walking over all indices of a shape, and element arithmetic that
// accumulates in double (floating dtypes) or int64 and rounds once.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "backend/step.h"

namespace ingot::reference {

template <class T>
inline constexpr bool is_float_type =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// What sums of T are held in.
template <class T>
using Accumulator = std::conditional_t<is_float_type<T>, double, std::int64_t>;

template <class T>
Accumulator<T> load(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    return static_cast<float>(value);
  else
    return static_cast<Accumulator<T>>(value);
}

template <class T>
T round_to(Accumulator<T> value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
    return T(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

/// Element offset of an index.
inline std::int64_t offset_of(const Dims& index, const Dims& strides) {
  std::int64_t offset = 0;
  for (int i = 0; i < index.rank(); ++i) offset += index[i] * strides[i];
  return offset;
}

/// f(index) for every index of `shape`, in row-major order.
template <class F>
void for_each_index(const Shape& shape, F&& f) {
  if (shape.numel() == 0) return;
  Dims index = Dims::filled(shape.rank(), 0);
  while (true) {
    f(static_cast<const Dims&>(index));
    int d = shape.rank() - 1;
    while (d >= 0 && ++index[d] == shape[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

// A naive kernel is a struct with `template <class T> static void run(const StepDesc&, const
// KernelArgs&)`, T being the C++ type of output 0. These lower it for the dtypes it takes and
// answer nullptr, no kernel, for the others.

template <class K, class T>
std::unique_ptr<Kernel> kernel_of(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) { K::template run<T>(step, args); });
}

template <class K>
std::unique_ptr<Kernel> lower_any(const StepDesc& step) {
  return visit_dtype(step.outputs[0].dtype,
                     [&](auto t) { return kernel_of<K, decltype(t)>(step); });
}

/// All dtypes but bool.
template <class K>
std::unique_ptr<Kernel> lower_numbers(const StepDesc& step) {
  return visit_dtype(step.outputs[0].dtype, [&](auto t) -> std::unique_ptr<Kernel> {
    if constexpr (std::is_same_v<decltype(t), bool>)
      return nullptr;
    else
      return kernel_of<K, decltype(t)>(step);
  });
}

template <class K>
std::unique_ptr<Kernel> lower_floating(const StepDesc& step) {
  return visit_dtype(step.outputs[0].dtype, [&](auto t) -> std::unique_ptr<Kernel> {
    if constexpr (is_float_type<decltype(t)>)
      return kernel_of<K, decltype(t)>(step);
    else
      return nullptr;
  });
}

}  // namespace ingot::reference
