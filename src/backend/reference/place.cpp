// scatter and pad: elements put into other places.
#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "core/convert.h"

namespace ingot::reference {
namespace {

struct Scatter {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &index = step.inputs[1], &source = step.inputs[2];
    const TensorDesc& out = step.outputs[0];
    const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
    const auto place = [&](const Dims& i) {
      const std::int64_t value = args.in<std::int64_t>(1)[offset_of(i, index.strides)];
      if (value < 0 || value >= x.shape[dim])
        throw IndexError(
            fmt::format("{}: index {} at position {} is out of range for dimension {} of size {}",
                        step.op->name, value, i.rank() == 1 ? std::to_string(i[0]) : i.str(), dim,
                        x.shape[dim]));
      return value;
    };
    for_each_index(index.shape, place);  // all checks come before the first change
    for_each_index(x.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(i, x.strides)];
    });
    for_each_index(index.shape, [&](const Dims& i) {
      Dims to = i;
      to[dim] = place(i);
      args.out<T>(0)[offset_of(to, out.strides)] = args.in<T>(2)[offset_of(i, source.strides)];
    });
  }
};

struct Pad {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    const Dims& before = step.as<PadAttrs>().before;
    const T value = convert_scalar<T>(args.slots[0]);
    for_each_index(out.shape,
                   [&](const Dims& i) { args.out<T>(0)[offset_of(i, out.strides)] = value; });
    for_each_index(x.shape, [&](const Dims& i) {
      Dims to = i;
      for (int d = 0; d < to.rank(); ++d) to[d] += before[d];
      args.out<T>(0)[offset_of(to, out.strides)] = args.in<T>(0)[offset_of(i, x.strides)];
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(place) {
  table.add("scatter", {lower_any<Scatter>, take_any_strides});
  table.add("pad", {lower_any<Pad>, take_any_strides});
}

}  // namespace ingot::reference
