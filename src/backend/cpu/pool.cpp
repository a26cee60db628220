// Pooling in both image layouts. The innermost loops run over neighbouring channels of a
// channels-last image; of a row-major image they take one channel at a time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <ingot/core/parallel.h>

#include "backend/cpu/max_pool.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/simd.h"
#include "backend/kernel_table.h"
#include "backend/layouts.h"
#include "core/ceil_div.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

constexpr std::int64_t kMaxRun = 64;

// What sums of T are held in.
template <class T>
using Sum = std::conditional_t<std::is_same_v<T, double>, double,
                               std::conditional_t<std::is_integral_v<T>, std::int64_t, float>>;

template <class T>
constexpr bool kIsFloating = !std::is_integral_v<T>;

// An image batch cut into runs of neighbouring channels.
struct Images {
  std::int64_t n, c, h, w;
  std::int64_t stride_n, stride_c, stride_h, stride_w;
  std::int64_t run;  ///< channels that lie next to each other and are worked on together

  // `partner` is the step's other image batch. A row-major image of 1×1 pixels has neighbouring
  // channels by chance; only where the partner has them too can both be walked in runs.
  Images(const TensorDesc& t, const TensorDesc& partner, std::int64_t longest_run = kMaxRun)
      : n(t.shape[0]), c(t.shape[1]), h(t.shape[2]), w(t.shape[3]) {
    stride_n = t.strides[0];
    stride_c = t.strides[1];
    stride_h = t.strides[2];
    stride_w = t.strides[3];
    const bool neighbours = stride_c == 1 && partner.strides[1] == 1;
    run = neighbours && c > 1 ? std::min(c, longest_run) : 1;
  }
  std::int64_t runs() const { return ceil_div(c, run); }
  std::int64_t offset(std::int64_t in, std::int64_t ic, std::int64_t ih, std::int64_t iw) const {
    return in * stride_n + ic * stride_c + ih * stride_h + iw * stride_w;
  }
};

// -- Windows --------------------------------------------------------------------------------------

// One axis of one window: the elements inside the image, and by how many a sum is divided.
struct Window {
  std::int64_t begin, end, count;
  std::int64_t step = 1;
};

Window fixed_window(const PoolAttrs& a, int axis, std::int64_t o, std::int64_t size) {
  const std::int64_t begin = o * a.stride[axis] - a.padding[axis];
  const std::int64_t end = std::min(begin + a.kernel[axis], size + a.padding[axis]);
  const std::int64_t first = std::max<std::int64_t>(begin, 0), last = std::min(end, size);
  return {first, last, a.count_include_pad ? end - begin : last - first};
}

Window adaptive_window(const PoolAttrs& a, int axis, std::int64_t o, std::int64_t size) {
  const std::int64_t n = a.kernel[axis];
  const std::int64_t begin = o * size / n, end = ceil_div((o + 1) * size, n);
  return {begin, end, end - begin};
}

// Of a maximum, whose windows may have gaps.
Window dilated_window(const PoolAttrs& a, int axis, std::int64_t o, std::int64_t size) {
  const std::int64_t begin = o * a.stride[axis] - a.padding[axis], step = a.dilation[axis];
  const std::int64_t outside = begin < 0 ? ceil_div(-begin, step) : 0;
  return {begin + outside * step, std::min(begin + (a.kernel[axis] - 1) * step + 1, size), 0, step};
}

using WindowOf = Window (*)(const PoolAttrs&, int, std::int64_t, std::int64_t);

// -- Maximum --------------------------------------------------------------------------------------

template <WindowOf window, class T>
class MaxPool {
 public:
  explicit MaxPool(const StepDesc& step)
      : a_(step.as<PoolAttrs>()),
        x_(step.inputs[0], step.outputs[0]),
        y_(step.outputs[0], step.inputs[0]) {}

  void operator()(const KernelArgs& args) const {
    const Window rows = window(a_, 0, y_.h / 2, x_.h), columns = window(a_, 1, y_.w / 2, x_.w);
    const std::int64_t elements = std::max<std::int64_t>(
        1, (rows.end - rows.begin) * (columns.end - columns.begin) / (rows.step * columns.step));
    parallel_for(0, y_.n * y_.runs() * y_.h, grain_for(y_.w * y_.run * elements),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t t = first; t < last; ++t)
                     row(args, t / (y_.runs() * y_.h), t / y_.h % y_.runs() * y_.run, t % y_.h);
                 });
  }

 private:
  using Value = std::conditional_t<std::is_arithmetic_v<T>, T, float>;

  void row(const KernelArgs& args, std::int64_t n, std::int64_t c, std::int64_t oh) const {
    const std::int64_t count = std::min(y_.run, y_.c - c);
    const Window rows = window(a_, 0, oh, x_.h);
    Value best[kMaxRun];
    std::int32_t place[kMaxRun];
    for (std::int64_t ow = 0; ow < y_.w; ++ow) {
      const Window columns = window(a_, 1, ow, x_.w);
      bool found = false;
      for (std::int64_t h = rows.begin; h < rows.end; h += rows.step) {
        for (std::int64_t w = columns.begin; w < columns.end; w += columns.step) {
          const T* from = args.in<T>(0) + x_.offset(n, c, h, w);
          const auto here = static_cast<std::int32_t>(h * x_.w + w);
          if (!found) {
            for (std::int64_t i = 0; i < count; ++i) {
              best[i] = static_cast<Value>(from[i]);
              place[i] = here;
            }
            found = true;
          } else {
            INGOT_INDEPENDENT
            for (std::int64_t i = 0; i < count; ++i) {
              const auto v = static_cast<Value>(from[i]);
              const bool better = v > best[i] || v != v;  // a NaN is the maximum
              best[i] = better ? v : best[i];
              place[i] = better ? here : place[i];
            }
          }
        }
      }
      const std::int64_t to = y_.offset(n, c, oh, ow);
      for (std::int64_t i = 0; i < count; ++i) {
        args.out<T>(0)[to + i] = static_cast<T>(found ? best[i] : Value(0));
        args.out<std::int64_t>(1)[to + i] = found ? place[i] : 0;
      }
    }
  }

  PoolAttrs a_;
  Images x_, y_;
};

// Gradients: the images of one run of channels are summed up in scratch, [place][channel].
template <class T, class F>
void scatter_runs(const Images& dx, const Images& g, T* out, F add) {
  parallel_for(0, dx.n * dx.runs(), grain_for(dx.h * dx.w * dx.run),
               [&](std::int64_t first, std::int64_t last) {
                 using S = Sum<T>;
                 const std::int64_t places = dx.h * dx.w;
                 const ThreadScratch scratch(ScratchUser::Tiles,
                                             static_cast<std::size_t>(places * dx.run) * sizeof(S));
                 auto* sums = scratch.as<S>();
                 for (std::int64_t t = first; t < last; ++t) {
                   const std::int64_t n = t / dx.runs(), c = t % dx.runs() * dx.run;
                   const std::int64_t count = std::min(dx.run, dx.c - c);
                   std::fill_n(sums, places * count, S(0));
                   for (std::int64_t oh = 0; oh < g.h; ++oh)
                     for (std::int64_t ow = 0; ow < g.w; ++ow)
                       add(sums, g.offset(n, c, oh, ow), oh, ow, count);
                   for (std::int64_t h = 0; h < dx.h; ++h)
                     for (std::int64_t w = 0; w < dx.w; ++w) {
                       const S* from = sums + (h * dx.w + w) * count;
                       T* to = out + dx.offset(n, c, h, w);
                       for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
                     }
                 }
               });
}

// Fewer channels at a time, so that small batches still make enough runs for all threads.
constexpr std::int64_t kGradientRun = 16;

template <class T>
class MaxPoolBackward {
 public:
  explicit MaxPoolBackward(const StepDesc& step)
      : g_(step.inputs[0], step.outputs[0], kGradientRun),
        dx_(step.outputs[0], step.inputs[0], kGradientRun) {}

  void operator()(const KernelArgs& args) const {
    const T* g = args.in<T>(0);
    const std::int64_t* places = args.in<std::int64_t>(1);
    scatter_runs(
        dx_, g_, args.out<T>(0),
        [&](Sum<T>* sums, std::int64_t from, std::int64_t, std::int64_t, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i)
            sums[places[from + i] * count + i] += static_cast<Sum<T>>(g[from + i]);
        });
  }

 private:
  Images g_, dx_;
};

// -- Averages -------------------------------------------------------------------------------------

std::int64_t divisor(const PoolAttrs& a, const Window& rows, const Window& columns) {
  return a.divisor_override != 0 ? a.divisor_override : rows.count * columns.count;
}

template <WindowOf window>
struct Average {
  template <class T>
  class Kernel {
   public:
    explicit Kernel(const StepDesc& step)
        : a_(step.as<PoolAttrs>()),
          x_(step.inputs[0], step.outputs[0]),
          y_(step.outputs[0], step.inputs[0]) {}

    void operator()(const KernelArgs& args) const {
      const std::int64_t per_output =
          std::max<std::int64_t>(1, x_.h * x_.w / std::max<std::int64_t>(1, y_.h * y_.w));
      parallel_for(0, y_.n * y_.runs() * y_.h, grain_for(y_.w * y_.run * per_output),
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t t = first; t < last; ++t)
                       row(args, t / (y_.runs() * y_.h), t / y_.h % y_.runs() * y_.run, t % y_.h);
                   });
    }

   private:
    using S = Sum<T>;
    // Larger windows than this one are summed up in double: a chain of float would lose digits.
    static constexpr std::int64_t kLongSum = 1024;

    template <class A>
    void add_window(const KernelArgs& args, std::int64_t n, std::int64_t c, const Window& rows,
                    const Window& cols, std::int64_t count, S* to) const {
      A sums[kMaxRun];
      std::fill_n(sums, count, A(0));
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = cols.begin; w < cols.end; ++w) {
          const T* from = args.in<T>(0) + x_.offset(n, c, h, w);
          for (std::int64_t i = 0; i < count; ++i) sums[i] += static_cast<A>(from[i]);
        }
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<S>(sums[i]);
    }

    // Sums that are no numbers of S, in double and in units that keep them small.
    void average_large(const KernelArgs& args, std::int64_t n, std::int64_t c, const Window& rows,
                       const Window& cols, std::int64_t count, const S* sums, S by, T* to) const {
      for (std::int64_t i = 0; i < count; ++i) {
        if (std::isfinite(static_cast<double>(sums[i]))) continue;
        double sum = 0;
        for (std::int64_t h = rows.begin; h < rows.end; ++h)
          for (std::int64_t w = cols.begin; w < cols.end; ++w)
            sum += std::ldexp(static_cast<double>(args.in<T>(0)[x_.offset(n, c + i, h, w)]), -64);
        to[i] = static_cast<T>(static_cast<S>(std::ldexp(sum / static_cast<double>(by), 64)));
      }
    }

    void row(const KernelArgs& args, std::int64_t n, std::int64_t c, std::int64_t oh) const {
      const std::int64_t count = std::min(y_.run, y_.c - c);
      const Window rows = window(a_, 0, oh, x_.h);
      S sums[kMaxRun];
      for (std::int64_t ow = 0; ow < y_.w; ++ow) {
        const Window cols = window(a_, 1, ow, x_.w);
        const std::int64_t elements = (rows.end - rows.begin) * (cols.end - cols.begin);
        if (elements > kLongSum)
          add_window<double>(args, n, c, rows, cols, count, sums);
        else
          add_window<S>(args, n, c, rows, cols, count, sums);
        const bool empty = rows.begin >= rows.end || cols.begin >= cols.end;
        const S by = empty ? S(1) : static_cast<S>(divisor(a_, rows, cols));
        T* to = args.out<T>(0) + y_.offset(n, c, oh, ow);
        bool overflow = false;
        for (std::int64_t i = 0; i < count; ++i) {
          overflow |= !(std::abs(sums[i]) <= std::numeric_limits<S>::max());
          to[i] = static_cast<T>(sums[i] / by);
        }
        if (overflow) average_large(args, n, c, rows, cols, count, sums, by, to);
      }
    }

    PoolAttrs a_;
    Images x_, y_;
  };
};

template <WindowOf window>
struct AverageBackward {
  template <class T>
  class Kernel {
   public:
    explicit Kernel(const StepDesc& step)
        : a_(step.as<PoolAttrs>()),
          g_(step.inputs[0], step.outputs[0], kGradientRun),
          dx_(step.outputs[0], step.inputs[0], kGradientRun) {}

    void operator()(const KernelArgs& args) const {
      const T* g = args.in<T>(0);
      scatter_runs(dx_, g_, args.out<T>(0),
                   [&](Sum<T>* sums, std::int64_t from, std::int64_t oh, std::int64_t ow,
                       std::int64_t count) {
                     const Window rows = window(a_, 0, oh, dx_.h);
                     const Window cols = window(a_, 1, ow, dx_.w);
                     const auto by = static_cast<Sum<T>>(divisor(a_, rows, cols));
                     for (std::int64_t h = rows.begin; h < rows.end; ++h)
                       for (std::int64_t w = cols.begin; w < cols.end; ++w) {
                         Sum<T>* to = sums + (h * dx_.w + w) * count;
                         for (std::int64_t i = 0; i < count; ++i)
                           to[i] += static_cast<Sum<T>>(g[from + i]) / by;
                       }
                   });
    }

   private:
    PoolAttrs a_;
    Images g_, dx_;
  };
};

// -- Lowering -------------------------------------------------------------------------------------

template <class T>
using FixedMaxPool = MaxPool<dilated_window, T>;
template <class T>
using AdaptiveMaxPool = MaxPool<adaptive_window, T>;

template <template <class> class K>
std::unique_ptr<Kernel> lower_numbers(const StepDesc& step) {
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    if constexpr (std::is_same_v<T, bool>) {
      return nullptr;
    } else {
      return make_kernel(K<T>(step));
    }
  });
}

template <template <class> class K>
std::unique_ptr<Kernel> lower_floating(const StepDesc& step) {
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
    if constexpr (kIsFloating<T>) {
      return make_kernel(K<T>(step));
    } else {
      return nullptr;
    }
  });
}

std::unique_ptr<Kernel> lower_max(const StepDesc& step) {
  if (auto kernel = lower_vector_max_pool(step)) return kernel;
  return lower_numbers<FixedMaxPool>(step);
}

std::unique_ptr<Kernel> lower_max_backward(const StepDesc& step) {
  if (auto kernel = lower_vector_max_pool_backward(step)) return kernel;
  return lower_numbers<MaxPoolBackward>(step);
}

bool takes_numbers(const StepDesc& step) { return step.inputs[0].dtype != DType::Bool; }
// Maxima keep their places in 32 bits; those of larger images are the reference's.
bool takes_maxima(const StepDesc& step) {
  const Shape& x = step.inputs[0].shape;
  return takes_numbers(step) && x[2] * x[3] <= std::numeric_limits<std::int32_t>::max();
}
bool takes_floating(const StepDesc& step) { return is_floating(step.inputs[0].dtype); }

}  // namespace

INGOT_EXPORT_CPU_KERNELS(pool) {
  table.add("max_pool2d", {lower_max, follow_first_input, takes_maxima});
  table.add("max_pool2d_backward", {lower_max_backward, follow_first_input, takes_numbers});
  table.add("adaptive_max_pool2d",
            {lower_numbers<AdaptiveMaxPool>, follow_first_input, takes_maxima});
  table.add("avg_pool2d",
            {lower_floating<Average<fixed_window>::Kernel>, follow_first_input, takes_floating});
  table.add("avg_pool2d_backward", {lower_floating<AverageBackward<fixed_window>::Kernel>,
                                    follow_first_input, takes_floating});
  table.add("adaptive_avg_pool2d",
            {lower_floating<Average<adaptive_window>::Kernel>, follow_first_input, takes_floating});
  table.add("adaptive_avg_pool2d_backward",
            {lower_floating<AverageBackward<adaptive_window>::Kernel>, follow_first_input,
             takes_floating});
}

}  // namespace ingot::cpu
