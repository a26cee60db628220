// cumsum and cumprod of row-major tensors: sums of float32 and 16-bit types are held in double.
#include <algorithm>
#include <array>

#include <ingot/core/parallel.h>

#include "backend/kernel_table.h"
#include "core/convert.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

struct Add {
  static constexpr int kStart = 0;
  template <class A>
  A operator()(A a, A b) const {
    return a + b;
  }
};
struct Multiply {
  static constexpr int kStart = 1;
  template <class A>
  A operator()(A a, A b) const {
    return a * b;
  }
};

template <class Join>
std::unique_ptr<Kernel> lower_scan(const StepDesc& step) {
  const Shape& shape = step.inputs[0].shape;
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  std::int64_t outer = 1, count = 1, inner = 1;
  for (int d = 0; d < shape.rank(); ++d) (d < dim ? outer : d == dim ? count : inner) *= shape[d];
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    using Sum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;  // integers wrap
    return make_kernel([outer, count, inner](const KernelArgs& args) {
      constexpr std::int64_t kWidth = 128;
      const T* x = args.in<T>(0);
      T* out = args.out<T>(0);
      parallel_for(0, outer * inner, grain_for(count), [&](std::int64_t first, std::int64_t last) {
        std::array<Sum, kWidth> sums;
        while (first < last) {
          const std::int64_t o = first / inner, column = first % inner;
          const std::int64_t width = std::min({last - first, inner - column, kWidth});
          std::int64_t row = o * count * inner + column;
          sums.fill(Sum(Join::kStart));
          for (std::int64_t i = 0; i < count; ++i, row += inner)
            for (std::int64_t k = 0; k < width; ++k) {
              Sum& sum = sums[static_cast<std::size_t>(k)];
              sum = Join{}(sum, static_cast<Sum>(x[row + k]));
              out[row + k] = convert_element<T>(sum);
            }
          first += width;
        }
      });
    });
  });
}

bool is_number(const StepDesc& step) {
  return is_floating(step.inputs[0].dtype) || step.inputs[0].dtype == DType::Int64;
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(scan) {
  table.add("cumsum", {lower_scan<Add>, nullptr, is_number});
  table.add("cumprod", {lower_scan<Multiply>, nullptr, is_number});
}

}  // namespace ingot::cpu
