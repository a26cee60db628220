// Resizing: each output element is a weighted sum over the input elements that both axes' tables
// name; the gradient adds the same products the other way.
#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "backend/sampling.h"

namespace ingot::reference {
namespace {

// f(input row, input column, weight) for all that output element (oh, ow) reads.
template <class F>
void for_each_tap(const SamplingTable& rows, const SamplingTable& columns, std::int64_t oh,
                  std::int64_t ow, F f) {
  for (std::int64_t i = 0; i < rows.width; ++i)
    for (std::int64_t j = 0; j < columns.width; ++j) {
      const auto r = static_cast<std::size_t>(oh * rows.width + i);
      const auto c = static_cast<std::size_t>(ow * columns.width + j);
      f(rows.index[r], columns.index[c], rows.weight[r] * columns.weight[c]);
    }
}

struct Interpolate {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<InterpolateAttrs>();
    const SamplingTable rows = sampling_table(a, 0), columns = sampling_table(a, 1);
    const Dims& xs = step.inputs[0].strides;
    const TensorDesc& out = step.outputs[0];
    for_each_index(out.shape, [&](const Dims& i) {
      double sum = 0;
      for_each_tap(rows, columns, i[2], i[3], [&](std::int64_t h, std::int64_t w, double weight) {
        sum += weight * static_cast<double>(load(
                            args.in<T>(0)[i[0] * xs[0] + i[1] * xs[1] + h * xs[2] + w * xs[3]]));
      });
      args.out<T>(0)[offset_of(i, out.strides)] = round_to<T>(static_cast<Accumulator<T>>(sum));
    });
  }
};

struct InterpolateBackward {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<InterpolateAttrs>();
    const SamplingTable rows = sampling_table(a, 0), columns = sampling_table(a, 1);
    const TensorDesc &g = step.inputs[0], &dx = step.outputs[0];
    std::vector<double> plane(static_cast<std::size_t>(dx.shape[2] * dx.shape[3]));
    for_each_index({dx.shape[0], dx.shape[1]}, [&](const Dims& nc) {
      std::fill(plane.begin(), plane.end(), 0.0);
      for_each_index({g.shape[2], g.shape[3]}, [&](const Dims& o) {
        const double grad = load(args.in<T>(0)[offset_of({nc[0], nc[1], o[0], o[1]}, g.strides)]);
        for_each_tap(rows, columns, o[0], o[1], [&](std::int64_t h, std::int64_t w, double weight) {
          plane[static_cast<std::size_t>(h * dx.shape[3] + w)] += weight * grad;
        });
      });
      for_each_index({dx.shape[2], dx.shape[3]}, [&](const Dims& i) {
        args.out<T>(0)[offset_of({nc[0], nc[1], i[0], i[1]}, dx.strides)] =
            round_to<T>(plane[static_cast<std::size_t>(i[0] * dx.shape[3] + i[1])]);
      });
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(interpolate) {
  table.add("interpolate", {lower_numbers<Interpolate>, take_any_strides});
  table.add("interpolate_backward", {lower_floating<InterpolateBackward>, take_any_strides});
}

}  // namespace ingot::reference
