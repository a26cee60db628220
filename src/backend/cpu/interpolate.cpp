// Resizing, one output row at a time: first the input rows that it reads are summed up, then that
// row is read at the output's columns. Pixels are single elements of a row-major image, all
// channels of a channels-last one.
#include <algorithm>
#include <type_traits>

#include <ingot/core/parallel.h>

#include "backend/cpu/scratch.h"
#include "backend/cpu/simd.h"
#include "backend/kernel_table.h"
#include "backend/layouts.h"
#include "backend/sampling.h"

namespace ingot::cpu {
namespace {

// An image of one pixel has both orders; the other one then tells.
bool works_on_channels_last(const StepDesc& step) {
  return is_channels_last(step.inputs[0]) || is_channels_last(step.outputs[0]);
}

// Dense planes [height][width][pixel].
struct Planes {
  std::int64_t count, h, w, pixel;
  Planes(const TensorDesc& t, bool channels_last) {
    pixel = channels_last ? t.shape[1] : 1;
    count = channels_last ? t.shape[0] : t.shape[0] * t.shape[1];
    h = t.shape[2];
    w = t.shape[3];
  }
  std::int64_t row() const { return w * pixel; }
};

// What sums of T are held in.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;

// A table with weights of the type sums have.
template <class S>
struct Table {
  std::int64_t width;
  std::vector<std::int64_t> index;
  std::vector<S> weight;
  Table(const InterpolateAttrs& a, int axis) {
    SamplingTable t = sampling_table(a, axis);
    width = t.width;
    index = std::move(t.index);
    weight.assign(t.weight.begin(), t.weight.end());
  }
};

template <class T>
class Interpolate {
 public:
  explicit Interpolate(const StepDesc& step)
      : x_(step.inputs[0], works_on_channels_last(step)),
        y_(step.outputs[0], works_on_channels_last(step)),
        rows_(step.as<InterpolateAttrs>(), 0),
        columns_(step.as<InterpolateAttrs>(), 1) {}

  void operator()(const KernelArgs& args) const {
    const std::int64_t work = x_.row() * rows_.width + y_.row() * columns_.width;
    parallel_for(0, y_.count * y_.h, grain_for(work), [&](std::int64_t first, std::int64_t last) {
      const ThreadScratch scratch(ScratchUser::Tiles,
                                  static_cast<std::size_t>(x_.row()) * sizeof(S));
      S* summed = scratch.as<S>();
      for (std::int64_t t = first; t < last; ++t) {
        const T* plane = args.in<T>(0) + t / y_.h * x_.h * x_.row();
        sum_rows(plane, t % y_.h, summed);
        read_columns(summed, args.out<T>(0) + t * y_.row());
      }
    });
  }

 private:
  using S = Sum<T>;

  void sum_rows(const T* plane, std::int64_t oh, S* summed) const {
    const std::int64_t n = x_.row();
    for (std::int64_t k = 0; k < rows_.width; ++k) {
      const auto tap = static_cast<std::size_t>(oh * rows_.width + k);
      const T* from = plane + rows_.index[tap] * n;
      const S weight = rows_.weight[tap];
      if (k == 0) {
        for (std::int64_t i = 0; i < n; ++i) summed[i] = weight * static_cast<S>(from[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i) summed[i] += weight * static_cast<S>(from[i]);
      }
    }
  }

  void read_columns(const S* summed, T* out) const {
    for (std::int64_t ow = 0; ow < y_.w; ++ow)
      for (std::int64_t c = 0; c < y_.pixel; ++c) {
        S sum = 0;
        for (std::int64_t k = 0; k < columns_.width; ++k) {
          const auto tap = static_cast<std::size_t>(ow * columns_.width + k);
          sum += columns_.weight[tap] * summed[columns_.index[tap] * y_.pixel + c];
        }
        out[ow * y_.pixel + c] = static_cast<T>(sum);
      }
  }

  Planes x_, y_;
  Table<S> rows_, columns_;
};

template <class T>
class InterpolateBackward {
 public:
  explicit InterpolateBackward(const StepDesc& step)
      : g_(step.inputs[0], works_on_channels_last(step)),
        dx_(step.outputs[0], works_on_channels_last(step)),
        rows_(step.as<InterpolateAttrs>(), 0),
        columns_(step.as<InterpolateAttrs>(), 1) {}

  void operator()(const KernelArgs& args) const {
    const std::int64_t work =
        g_.h * (dx_.row() * (rows_.width + 1) + g_.row() * columns_.width) + dx_.h * dx_.row();
    parallel_for(0, dx_.count, grain_for(work), [&](std::int64_t first, std::int64_t last) {
      const std::int64_t size = dx_.h * dx_.row();
      const ThreadScratch scratch(ScratchUser::Tiles,
                                  static_cast<std::size_t>(size + dx_.row()) * sizeof(S));
      S* plane = scratch.as<S>();
      for (std::int64_t t = first; t < last; ++t) {
        std::fill_n(plane, size, S(0));
        for (std::int64_t oh = 0; oh < g_.h; ++oh) {
          spread_columns(args.in<T>(0) + (t * g_.h + oh) * g_.row(), plane + size);
          spread_rows(plane + size, oh, plane);
        }
        T* to = args.out<T>(0) + t * size;
        for (std::int64_t i = 0; i < size; ++i) to[i] = static_cast<T>(plane[i]);
      }
    });
  }

 private:
  using S = Sum<T>;

  void spread_columns(const T* grad, S* row) const {
    std::fill_n(row, dx_.row(), S(0));
    for (std::int64_t ow = 0; ow < g_.w; ++ow)
      for (std::int64_t k = 0; k < columns_.width; ++k) {
        const auto tap = static_cast<std::size_t>(ow * columns_.width + k);
        S* to = row + columns_.index[tap] * g_.pixel;
        for (std::int64_t c = 0; c < g_.pixel; ++c)
          to[c] += columns_.weight[tap] * static_cast<S>(grad[ow * g_.pixel + c]);
      }
  }

  void spread_rows(const S* row, std::int64_t oh, S* plane) const {
    for (std::int64_t k = 0; k < rows_.width; ++k) {
      const auto tap = static_cast<std::size_t>(oh * rows_.width + k);
      S* to = plane + rows_.index[tap] * dx_.row();
      const S weight = rows_.weight[tap];
      for (std::int64_t i = 0; i < dx_.row(); ++i) to[i] += weight * row[i];
    }
  }

  Planes g_, dx_;
  Table<S> rows_, columns_;
};

template <template <class> class K>
std::unique_ptr<Kernel> lower(const StepDesc& step) {
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    if constexpr (std::is_same_v<T, bool>) {
      return nullptr;
    } else {
      return make_kernel(K<T>(step));
    }
  });
}

bool takes(const StepDesc& step) {
  return is_floating(step.inputs[0].dtype) || step.inputs[0].dtype == DType::UInt8;
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(interpolate) {
  table.add("interpolate", {lower<Interpolate>, follow_first_input, takes});
  table.add("interpolate_backward", {lower<InterpolateBackward>, follow_first_input, takes});
}

}  // namespace ingot::cpu
