// What must hold of values before others are computed from them.
#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"

namespace ingot::reference {
namespace {

// Division of integers: the divisor unchanged, but not with a 0 in it.
struct CheckDivisor {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
    for_each_index(in.shape, [&](const Dims& i) {
      const T value = args.in<T>(0)[offset_of(i, in.strides)];
      if (load(value) == 0)
        throw ValueError(fmt::format("{}: integer division by zero at position {} of the divisor{}",
                                     step.as<NameAttrs>().name, i.str(), in.shape.str()));
      args.out<T>(0)[offset_of(i, out.strides)] = value;
    });
  }
};

// Probabilities: unchanged, but with none outside [0, 1].
struct CheckUnit {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
    for_each_index(in.shape, [&](const Dims& i) {
      const T value = args.in<T>(0)[offset_of(i, in.strides)];
      if (!(load(value) >= 0 && load(value) <= 1))
        throw ValueError(fmt::format("{} {} at position {} is not between 0 and 1",
                                     step.as<NameAttrs>().name, load(value), i.str()));
      args.out<T>(0)[offset_of(i, out.strides)] = value;
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(checks) {
  table.add("check_unit", {lower_floating<CheckUnit>, take_any_strides});
  table.add("check_divisor", {lower_any<CheckDivisor>, take_any_strides});
}

}  // namespace ingot::reference
