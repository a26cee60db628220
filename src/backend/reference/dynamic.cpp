// nonzero, masked_select, masked_scatter, unique: how many results there are is in the attributes.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <ingot/core/error.h>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "core/distinct.h"

namespace ingot::reference {
namespace {

// The values were counted when the op was recorded, and values never change.
void check_count(const StepDesc& step, std::int64_t found) {
  if (found != step.as<CountAttrs>().count)
    throw InternalError(fmt::format("{}: {} places found, {} were recorded", step.op->name, found,
                                    step.as<CountAttrs>().count));
}

std::unique_ptr<Kernel> lower_nonzero(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const TensorDesc &mask = step.inputs[0], &out = step.outputs[0];
    std::int64_t found = 0;
    for_each_index(mask.shape, [&](const Dims& i) {
      if (!args.in<bool>(0)[offset_of(i, mask.strides)]) return;
      for (int d = 0; d < i.rank(); ++d)
        args.out<std::int64_t>(0)[found * out.strides[0] + d * out.strides[1]] = i[d];
      ++found;
    });
    check_count(step, found);
  });
}

struct MaskedSelect {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &mask = step.inputs[1];
    std::int64_t found = 0;
    for_each_index(x.shape, [&](const Dims& i) {
      if (args.in<bool>(1)[offset_of(i, mask.strides)])
        args.out<T>(0)[found++ * step.outputs[0].strides[0]] =
            args.in<T>(0)[offset_of(i, x.strides)];
    });
    check_count(step, found);
  }
};

struct MaskedScatter {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &mask = step.inputs[1], &out = step.outputs[0];
    std::int64_t found = 0;
    for_each_index(x.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] =
          args.in<bool>(1)[offset_of(i, mask.strides)]
              ? args.in<T>(2)[found++ * step.inputs[2].strides[0]]
              : args.in<T>(0)[offset_of(i, x.strides)];
    });
    check_count(step, found);
  }
};

struct Unique {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &table = step.inputs[0], &out = step.outputs[0];
    const std::int64_t rows = table.shape[0], width = table.shape[1];
    // Not a vector: that of bool has no data().
    const std::unique_ptr<T[]> data(new T[static_cast<std::size_t>(rows * width)]);
    T* next = data.get();
    for_each_index(table.shape,
                   [&](const Dims& i) { *next++ = args.in<T>(0)[offset_of(i, table.strides)]; });
    const Distinct d = find_distinct(data.get(), table.dtype, rows, width);
    check_count(step, static_cast<std::int64_t>(d.first.size()));
    for_each_index(out.shape, [&](const Dims& i) {
      const std::int64_t row = d.first[static_cast<std::size_t>(i[0])];
      args.out<T>(0)[offset_of(i, out.strides)] =
          data[static_cast<std::size_t>(row * width + i[1])];
    });
    std::copy(d.inverse.begin(), d.inverse.end(), args.out<std::int64_t>(1));
    std::copy(d.counts.begin(), d.counts.end(), args.out<std::int64_t>(2));
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(dynamic) {
  table.add("nonzero", {lower_nonzero, take_any_strides});
  table.add("masked_select", {lower_any<MaskedSelect>, take_any_strides});
  table.add("masked_scatter", {lower_any<MaskedScatter>, take_any_strides});
  table.add("unique", {lower_any<Unique>, take_any_strides});
}

}  // namespace ingot::reference
