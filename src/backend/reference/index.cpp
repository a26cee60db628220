// Selecting and adding by indices.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <ingot/core/error.h>

#include "backend/indexing.h"
#include "backend/kernel_table.h"
#include "backend/reference/naive.h"

namespace ingot::reference {
namespace {

[[noreturn]] void out_of_range(std::string_view op, std::int64_t value, const Dims& position,
                               std::int64_t bound, const std::string& of) {
  throw IndexError(fmt::format("{}: index {} at position {} is out of range for {} of size {}", op,
                               value, position_text(position), of, bound));
}

// Reads the index operand (input 1) with its bounds checked.
struct Indices {
  const StepDesc& step;
  const std::int64_t* data;
  std::int64_t bound;
  std::int64_t dim;

  std::int64_t operator()(const Dims& position) const {
    const std::int64_t value = data[offset_of(position, step.inputs[1].strides)];
    if (value < 0 || value >= bound)
      out_of_range(step.op->name, value, position, bound, fmt::format("dimension {}", dim));
    return value;
  }
};

struct Gather {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    const int dim = static_cast<int>(step.as<AxisAttrs>().dim);
    const Indices indices{step, args.in<std::int64_t>(1), x.shape[dim], dim};
    for_each_index(out.shape, [&](const Dims& i) {
      Dims from = i;
      from[dim] = indices(i);
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(from, x.strides)];
    });
  }
};

struct IndexSelect {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    const int dim = static_cast<int>(step.as<AxisAttrs>().dim);
    const Indices indices{step, args.in<std::int64_t>(1), x.shape[dim], dim};
    for (std::int64_t i = 0; i < step.inputs[1].shape[0]; ++i) indices(Dims{i});
    for_each_index(out.shape, [&](const Dims& i) {
      Dims from = i;
      from[dim] = indices(Dims{i[dim]});
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(from, x.strides)];
    });
  }
};

struct Embedding {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &weight = step.inputs[0], &out = step.outputs[0];
    const Indices indices{step, args.in<std::int64_t>(1), weight.shape[0], 0};
    for_each_index(step.inputs[1].shape, [&](const Dims& i) {
      const std::int64_t row = indices(i);
      Dims to = i;
      to.push_back(0);
      for (std::int64_t column = 0; column < weight.shape[1]; ++column) {
        to[to.rank() - 1] = column;
        args.out<T>(0)[offset_of(to, out.strides)] =
            args.in<T>(0)[row * weight.strides[0] + column * weight.strides[1]];
      }
    });
  }
};

// Adds every element of the source at place(index) of zeros.
template <class T, class Place>
void add_into_zeros(const StepDesc& step, const KernelArgs& args, Place place) {
  const TensorDesc &source = step.inputs[0], &out = step.outputs[0];
  std::vector<Accumulator<T>> sums(static_cast<std::size_t>(out.numel()), 0);
  const Dims rows = out.shape.contiguous_strides();
  for_each_index(source.shape, [&](const Dims& i) {
    sums[static_cast<std::size_t>(offset_of(place(i), rows))] +=
        load(args.in<T>(0)[offset_of(i, source.strides)]);
  });
  for_each_index(out.shape, [&](const Dims& i) {
    args.out<T>(0)[offset_of(i, out.strides)] =
        round_to<T>(sums[static_cast<std::size_t>(offset_of(i, rows))]);
  });
}

struct ScatterAdd {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const int dim = static_cast<int>(step.as<ScatterAttrs>().dim);
    const Indices indices{step, args.in<std::int64_t>(1), step.outputs[0].shape[dim], dim};
    add_into_zeros<T>(step, args, [&](const Dims& i) {
      Dims to = i;
      to[dim] = indices(i);
      return to;
    });
  }
};

struct IndexAdd {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const int dim = static_cast<int>(step.as<ScatterAttrs>().dim);
    const Indices indices{step, args.in<std::int64_t>(1), step.outputs[0].shape[dim], dim};
    add_into_zeros<T>(step, args, [&](const Dims& i) {
      Dims to = i;
      to[dim] = indices(Dims{i[dim]});
      return to;
    });
  }
};

void run_check_labels(const StepDesc& step, const KernelArgs& args) {
  const auto& a = step.as<LabelAttrs>();
  const TensorDesc &labels = step.inputs[0], &out = step.outputs[0];
  for_each_index(labels.shape, [&](const Dims& i) {
    std::int64_t label = args.in<std::int64_t>(0)[offset_of(i, labels.strides)];
    if (a.can_ignore && label == a.ignore_index) {
      label = 0;
    } else if (label < 0 || label >= a.classes) {
      throw IndexError(fmt::format("{}: label {} at position {} is out of range for {} classes",
                                   a.what, label, position_text(i), a.classes));
    }
    args.out<std::int64_t>(0)[offset_of(i, out.strides)] = label;
  });
}

std::unique_ptr<Kernel> lower_check_labels(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) { run_check_labels(step, args); });
}

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(index) {
  table.add("gather", {lower_any<Gather>, take_any_strides});
  table.add("scatter_add", {lower_any<ScatterAdd>, take_any_strides});
  table.add("index_select", {lower_any<IndexSelect>, take_any_strides});
  table.add("index_add", {lower_any<IndexAdd>, take_any_strides});
  table.add("embedding", {lower_any<Embedding>, take_any_strides});
  table.add("check_labels", {lower_check_labels, take_any_strides});
}

}  // namespace ingot::reference
