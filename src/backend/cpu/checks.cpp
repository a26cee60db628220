// check_unit of row-major tensors: looked at as a whole; what is wrong is named afterwards.
#include <algorithm>

#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/indexing.h"
#include "backend/kernel_table.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

double wide(double x) { return x; }
template <class T>
float wide(T x) {
  return static_cast<float>(x);
}

template <class T>
bool is_probability(T value) {
  return wide(value) >= 0 && wide(value) <= 1;
}

std::unique_ptr<Kernel> lower_check_unit(const StepDesc& step) {
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    if constexpr (std::is_integral_v<T>) {
      return nullptr;
    } else {
      return make_kernel(
          [what = step.as<NameAttrs>().name, shape = step.inputs[0].shape](const KernelArgs& args) {
            const std::int64_t numel = shape.numel();
            const T* x = args.in<T>(0);
            bool fine = true;
            for (std::int64_t i = 0; i < numel; ++i) fine &= is_probability(x[i]);
            if (!fine) {
              const T* bad = std::find_if_not(x, x + numel, is_probability<T>);
              throw ValueError(fmt::format("{} {} at position {} is not between 0 and 1", what,
                                           wide(*bad), index_at(bad - x, shape).str()));
            }
            std::copy(x, x + numel, args.out<T>(0));
          });
    }
  });
}

bool is_floating_step(const StepDesc& step) { return is_floating(step.inputs[0].dtype); }

}  // namespace

INGOT_EXPORT_CPU_KERNELS(checks) {
  table.add("check_unit", {lower_check_unit, nullptr, is_floating_step});
}

}  // namespace ingot::cpu
