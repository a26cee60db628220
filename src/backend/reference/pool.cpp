// Pooling: for each output element, a loop over its window.
#include <algorithm>
#include <cmath>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "core/ceil_div.h"

namespace ingot::reference {
namespace {

std::int64_t at4(const Dims& strides, const Dims& nc, std::int64_t h, std::int64_t w) {
  return nc[0] * strides[0] + nc[1] * strides[1] + h * strides[2] + w * strides[3];
}

template <class T>
bool is_nan(T value) {
  if constexpr (is_float_type<T>)
    return std::isnan(load(value));
  else
    return false;
}

struct Max {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<PoolAttrs>();
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0], &places = step.outputs[1];
    for_each_index(out.shape, [&](const Dims& i) {
      bool found = false;
      T best{};
      std::int64_t place = 0;
      for (std::int64_t kh = 0; kh < a.kernel[0]; ++kh)
        for (std::int64_t kw = 0; kw < a.kernel[1]; ++kw) {
          const std::int64_t h = i[2] * a.stride[0] - a.padding[0] + kh * a.dilation[0];
          const std::int64_t w = i[3] * a.stride[1] - a.padding[1] + kw * a.dilation[1];
          if (h < 0 || h >= x.shape[2] || w < 0 || w >= x.shape[3]) continue;
          const T value = args.in<T>(0)[at4(x.strides, i, h, w)];
          if (!found || load(value) > load(best) || is_nan(value)) {
            best = value;
            place = h * x.shape[3] + w;
            found = true;
          }
        }
      args.out<T>(0)[offset_of(i, out.strides)] = best;
      args.out<std::int64_t>(1)[offset_of(i, places.strides)] = place;
    });
  }
};

// Adds every gradient element at its place. Sums are held in the accumulator's type per plane.
struct MaxBackward {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &g = step.inputs[0], &places = step.inputs[1], &dx = step.outputs[0];
    const std::int64_t width = dx.shape[3];
    std::vector<Accumulator<T>> plane(static_cast<std::size_t>(dx.shape[2] * width));
    for_each_index({dx.shape[0], dx.shape[1]}, [&](const Dims& nc) {
      std::fill(plane.begin(), plane.end(), Accumulator<T>{0});
      for (std::int64_t h = 0; h < g.shape[2]; ++h)
        for (std::int64_t w = 0; w < g.shape[3]; ++w) {
          const auto place = args.in<std::int64_t>(1)[at4(places.strides, nc, h, w)];
          plane[static_cast<std::size_t>(place)] += load(args.in<T>(0)[at4(g.strides, nc, h, w)]);
        }
      for (std::int64_t h = 0; h < dx.shape[2]; ++h)
        for (std::int64_t w = 0; w < width; ++w)
          args.out<T>(0)[at4(dx.strides, nc, h, w)] =
              round_to<T>(plane[static_cast<std::size_t>(h * width + w)]);
    });
  }
};

// One axis of one averaging window: the elements inside the image, and how many it is divided by.
struct Window {
  std::int64_t begin, end, count;
};

Window fixed_window(const PoolAttrs& a, int axis, std::int64_t o, std::int64_t size) {
  const std::int64_t begin = o * a.stride[axis] - a.padding[axis];
  const std::int64_t end = std::min(begin + a.kernel[axis], size + a.padding[axis]);
  const Window inside{std::max<std::int64_t>(begin, 0), std::min(end, size), 0};
  return {inside.begin, inside.end, a.count_include_pad ? end - begin : inside.end - inside.begin};
}

Window adaptive_window(const PoolAttrs& a, int axis, std::int64_t o, std::int64_t size) {
  const std::int64_t n = a.kernel[axis];
  const std::int64_t begin = o * size / n, end = ceil_div((o + 1) * size, n);
  return {begin, end, end - begin};
}

using WindowOf = Window (*)(const PoolAttrs&, int, std::int64_t, std::int64_t);

// How many elements an average divides by.
double divisor(const PoolAttrs& a, const Window& rows, const Window& columns) {
  return static_cast<double>(a.divisor_override != 0 ? a.divisor_override
                                                     : rows.count * columns.count);
}

template <WindowOf window>
struct Average {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<PoolAttrs>();
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    for_each_index(out.shape, [&](const Dims& i) {
      const Window rows = window(a, 0, i[2], x.shape[2]), columns = window(a, 1, i[3], x.shape[3]);
      double sum = 0;
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w)
          sum += load(args.in<T>(0)[at4(x.strides, i, h, w)]);
      const bool empty = rows.begin >= rows.end || columns.begin >= columns.end;
      args.out<T>(0)[offset_of(i, out.strides)] =
          round_to<T>(empty ? 0.0 : sum / divisor(a, rows, columns));
    });
  }
};

template <WindowOf window>
struct AverageBackward {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<PoolAttrs>();
    const TensorDesc &g = step.inputs[0], &dx = step.outputs[0];
    const std::int64_t height = dx.shape[2], width = dx.shape[3];
    std::vector<double> plane(static_cast<std::size_t>(height * width));
    for_each_index({dx.shape[0], dx.shape[1]}, [&](const Dims& nc) {
      std::fill(plane.begin(), plane.end(), 0.0);
      for (std::int64_t oh = 0; oh < g.shape[2]; ++oh)
        for (std::int64_t ow = 0; ow < g.shape[3]; ++ow) {
          const Window rows = window(a, 0, oh, height), columns = window(a, 1, ow, width);
          const double share =
              load(args.in<T>(0)[at4(g.strides, nc, oh, ow)]) / divisor(a, rows, columns);
          for (std::int64_t h = rows.begin; h < rows.end; ++h)
            for (std::int64_t w = columns.begin; w < columns.end; ++w)
              plane[static_cast<std::size_t>(h * width + w)] += share;
        }
      for (std::int64_t h = 0; h < height; ++h)
        for (std::int64_t w = 0; w < width; ++w)
          args.out<T>(0)[at4(dx.strides, nc, h, w)] =
              round_to<T>(plane[static_cast<std::size_t>(h * width + w)]);
    });
  }
};

struct AdaptiveMax {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<PoolAttrs>();
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0], &places = step.outputs[1];
    for_each_index(out.shape, [&](const Dims& i) {
      const Window rows = adaptive_window(a, 0, i[2], x.shape[2]);
      const Window columns = adaptive_window(a, 1, i[3], x.shape[3]);
      std::int64_t place = rows.begin * x.shape[3] + columns.begin;
      T best = args.in<T>(0)[at4(x.strides, i, rows.begin, columns.begin)];
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w) {
          const T value = args.in<T>(0)[at4(x.strides, i, h, w)];
          if (load(value) > load(best) || is_nan(value)) {
            best = value;
            place = h * x.shape[3] + w;
          }
        }
      args.out<T>(0)[offset_of(i, out.strides)] = best;
      args.out<std::int64_t>(1)[offset_of(i, places.strides)] = place;
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(pool) {
  table.add("adaptive_max_pool2d", {lower_numbers<AdaptiveMax>, take_any_strides});
  table.add("max_pool2d", {lower_numbers<Max>, take_any_strides});
  table.add("max_pool2d_backward", {lower_numbers<MaxBackward>, take_any_strides});
  table.add("avg_pool2d", {lower_floating<Average<fixed_window>>, take_any_strides});
  table.add("avg_pool2d_backward",
            {lower_floating<AverageBackward<fixed_window>>, take_any_strides});
  table.add("adaptive_avg_pool2d", {lower_floating<Average<adaptive_window>>, take_any_strides});
  table.add("adaptive_avg_pool2d_backward",
            {lower_floating<AverageBackward<adaptive_window>>, take_any_strides});
}

}  // namespace ingot::reference
