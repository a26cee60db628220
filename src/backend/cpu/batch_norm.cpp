// batch_norm and batch_norm_backward for float32: the statistics of all channels in one or two
// passes over the images, then one pass that writes.
//
// A channel's elements are counted in logical order (image, place) and summed as reduce_kernels.h
// says, so both image layouts give the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <ingot/core/parallel.h>

#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/simd.h"
#include "backend/kernel_table.h"
#include "backend/layouts.h"
#include "core/ceil_div.h"
#include "core/op_attrs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/batch_norm.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef INGOT_BACKEND_CPU_BATCH_NORM_ONCE
#define INGOT_BACKEND_CPU_BATCH_NORM_ONCE
namespace ingot::cpu {

// Images as [images, channels, places] or, channels-last, [images, places, channels].
struct NormShape {
  std::int64_t images = 1, channels = 1, places = 1;
  bool channels_last = false;

  std::int64_t count() const { return images * places; }  ///< elements per channel
  std::int64_t numel() const { return count() * channels; }
  std::int64_t blocks() const { return std::max<std::int64_t>(1, ceil_div(count(), kReduceBlock)); }
};

// Per-channel vectors of a pass.
struct NormVectors {
  const float* mean = nullptr;
  const float* rstd = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;         ///< bias, or dbias / count
  const float* second_shift = nullptr;  ///< dweight / count
};

// Channels that are summed together; their lanes stay in the first-level cache.
inline constexpr std::int64_t kNormChannels = 64;

}  // namespace ingot::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

// What is summed: `kSums` sums of functions of x, g and the channel's mean and rstd.
struct SumX {
  static constexpr int kSums = 1;
  template <class U, class F>
  static HWY_INLINE void add(F f, U x, U, U, U) {
    f(0, x);
  }
};
struct SumSquares {
  static constexpr int kSums = 1;
  template <class U, class F>
  static HWY_INLINE void add(F f, U x, U, U mean, U) {
    const U centered = x - mean;
    f(0, centered * centered);
  }
};
struct SumGradients {
  static constexpr int kSums = 2;
  template <class U, class F>
  static HWY_INLINE void add(F f, U x, U g, U mean, U rstd) {
    f(0, g * ((x - mean) * rstd));
    f(1, g);
  }
};

// The loops below are plain: each adds independent elements, which the compiler vectorises.

// One block of neighbouring channels of channels-last images; to[sum][channel].
template <class S>
void sum_columns(const float* x, const float* g, std::int64_t row_stride, std::int64_t rows,
                 std::int64_t width, const float* mean, const float* rstd, float* to,
                 std::int64_t to_stride) {
  HWY_ALIGN float lanes[S::kSums][kReduceLanes][kNormChannels];
  std::memset(lanes, 0, sizeof lanes);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * row_stride;
    const float* grad = g ? g + r * row_stride : row;
    const std::int64_t lane = r % kReduceLanes;
    INGOT_INDEPENDENT
    for (std::int64_t c = 0; c < width; ++c)
      S::add([&](int s, float v) HWY_ATTR { lanes[s][lane][c] += v; }, row[c], grad[c], mean[c],
             rstd[c]);
  }
  for (int s = 0; s < S::kSums; ++s) {
    for (std::int64_t half = kReduceLanes / 2; half > 0; half /= 2)
      for (std::int64_t l = 0; l < half; ++l)
        for (std::int64_t c = 0; c < width; ++c) lanes[s][l][c] += lanes[s][l + half][c];
    std::copy_n(lanes[s][0], width, to + s * to_stride);
  }
}

// One block of one channel, contiguous.
template <class S>
void sum_run(const float* x, const float* g, std::int64_t count, float mean, float rstd, float* to,
             std::int64_t to_stride) {
  HWY_ALIGN float lanes[S::kSums][kReduceLanes] = {};
  const float* grad = g ? g : x;
  std::int64_t i = 0;
  for (; i + kReduceLanes <= count; i += kReduceLanes) {
    INGOT_INDEPENDENT
    for (std::int64_t l = 0; l < kReduceLanes; ++l)
      S::add([&](int s, float v) HWY_ATTR { lanes[s][l] += v; }, x[i + l], grad[i + l], mean, rstd);
  }
  for (std::int64_t l = 0; i < count; ++i, ++l)
    S::add([&](int s, float v) HWY_ATTR { lanes[s][l] += v; }, x[i], grad[i], mean, rstd);
  for (int s = 0; s < S::kSums; ++s) {
    for (std::int64_t half = kReduceLanes / 2; half > 0; half /= 2)
      for (std::int64_t l = 0; l < half; ++l) lanes[s][l] += lanes[s][l + half];
    to[s * to_stride] = lanes[s][0];
  }
}

// A block of a channel of row-major images: in place, or gathered from several images.
const float* find_run(const NormShape& n, const float* x, std::int64_t channel, std::int64_t first,
                      std::int64_t count, float* gathered) {
  std::int64_t done = 0;
  while (done < count) {
    const std::int64_t image = (first + done) / n.places, place = (first + done) % n.places;
    const std::int64_t run = std::min(count - done, n.places - place);
    const float* from = x + (image * n.channels + channel) * n.places + place;
    if (run == count) return from;
    std::copy_n(from, run, gathered + done);
    done += run;
  }
  return gathered;
}

// partial[block][sum][channel]; joined into block 0, which is the result.
template <class S>
void sum_channels(const NormShape& n, const float* x, const float* g, const NormVectors& v,
                  float* partial) {
  const std::int64_t blocks = n.blocks(), block_stride = S::kSums * n.channels;
  const auto size_of = [&](std::int64_t b) {
    return std::min(kReduceBlock, n.count() - b * kReduceBlock);
  };
  if (n.channels_last) {
    const std::int64_t groups = ceil_div(n.channels, kNormChannels);
    parallel_for(0, blocks * groups,
                 grain_for(std::min(n.count(), kReduceBlock) * std::min(n.channels, kNormChannels)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t t = begin; t < end; ++t) {
                     const std::int64_t b = t / groups, c = t % groups * kNormChannels;
                     const std::int64_t offset = b * kReduceBlock * n.channels + c;
                     sum_columns<S>(x + offset, g ? g + offset : nullptr, n.channels, size_of(b),
                                    std::min(kNormChannels, n.channels - c), v.mean + c, v.rstd + c,
                                    partial + b * block_stride + c, n.channels);
                   }
                 });
  } else {
    parallel_for(0, blocks * n.channels, grain_for(std::min(n.count(), kReduceBlock)),
                 [&](std::int64_t begin, std::int64_t end) {
                   HWY_ALIGN float x_run[kReduceBlock];
                   HWY_ALIGN float g_run[kReduceBlock];
                   for (std::int64_t t = begin; t < end; ++t) {
                     const std::int64_t c = t / blocks, b = t % blocks, count = size_of(b);
                     const float* xs = find_run(n, x, c, b * kReduceBlock, count, x_run);
                     const float* gs =
                         g ? find_run(n, g, c, b * kReduceBlock, count, g_run) : nullptr;
                     sum_run<S>(xs, gs, count, v.mean[c], v.rstd[c], partial + b * block_stride + c,
                                n.channels);
                   }
                 });
  }
  for (std::int64_t step = 1; step < blocks; step *= 2)
    for (std::int64_t b = 0; b + step < blocks; b += 2 * step) {
      float* to = partial + b * block_stride;
      const float* from = partial + (b + step) * block_stride;
      for (std::int64_t i = 0; i < block_stride; ++i) to[i] += from[i];
    }
}

// Calls f(offset, count, channel) for runs: of all channels (channel 0) of one place where the
// channels are last, else of one channel's places.
template <class F>
void for_each_norm_run(const NormShape& n, F f) {
  const std::int64_t run = n.channels_last ? n.channels : n.places;
  parallel_for(0, n.numel() / std::max<std::int64_t>(1, run), grain_for(run),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t k = begin; k < end; ++k)
                   f(k * run, run, n.channels_last ? 0 : k % n.channels);
               });
}

void normalize(const NormShape& n, const float* x, const NormVectors& v, float* y) {
  for_each_norm_run(n, [&](std::int64_t offset, std::int64_t count, std::int64_t channel) {
    const float* from = x + offset;
    float* to = y + offset;
    if (n.channels_last) {
      INGOT_INDEPENDENT
      for (std::int64_t c = 0; c < count; ++c)
        to[c] = (from[c] - v.mean[c]) * v.scale[c] + v.shift[c];
    } else {
      const float mean = v.mean[channel], scale = v.scale[channel], shift = v.shift[channel];
      INGOT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) to[i] = (from[i] - mean) * scale + shift;
    }
  });
}

void normalize_backward(const NormShape& n, const float* g, const float* x, const NormVectors& v,
                        float* dx) {
  for_each_norm_run(n, [&](std::int64_t offset, std::int64_t count, std::int64_t channel) {
    const float *grad = g + offset, *from = x + offset;
    float* to = dx + offset;
    if (n.channels_last) {
      INGOT_INDEPENDENT
      for (std::int64_t c = 0; c < count; ++c) {
        const float normalized = (from[c] - v.mean[c]) * v.rstd[c];
        to[c] = (grad[c] - v.shift[c] - normalized * v.second_shift[c]) * v.scale[c];
      }
    } else {
      const float mean = v.mean[channel], rstd = v.rstd[channel], scale = v.scale[channel];
      const float shift = v.shift[channel], second = v.second_shift[channel];
      INGOT_INDEPENDENT
      for (std::int64_t i = 0; i < count; ++i) {
        const float normalized = (from[i] - mean) * rstd;
        to[i] = (grad[i] - shift - normalized * second) * scale;
      }
    }
  });
}

}  // namespace

// The mean of a channel's elements, or of the squares of what they are beyond `center`, where the
// sum is no float but the mean may be.
float large_mean(const NormShape& n, const float* x, std::int64_t channel, const float* center) {
  const std::int64_t stride = n.channels_last ? n.channels : 1;
  double sum = 0;
  for (std::int64_t i = 0; i < n.images; ++i) {
    const float* from = x + (n.channels_last ? i * n.places * n.channels + channel
                                             : (i * n.channels + channel) * n.places);
    for (std::int64_t p = 0; p < n.places; ++p) {
      const double v = static_cast<double>(from[p * stride]);
      const double beyond = center ? v - static_cast<double>(*center) : 0;
      sum += center ? beyond * beyond : v;
    }
  }
  return static_cast<float>(sum / static_cast<double>(n.count()));
}

// vectors: 3 · channels floats; partial: blocks · channels floats.
void batch_norm_float32(const NormShape& n, float eps, const float* x, const float* weight,
                        const float* bias, float* y, float* mean, float* var, float* vectors,
                        float* partial) {
  const auto count = static_cast<float>(n.count());
  float *scale = vectors, *unused = vectors + n.channels;
  std::fill_n(unused, n.channels, 0.0f);
  sum_channels<SumX>(n, x, nullptr, {.mean = unused, .rstd = unused}, partial);
  for (std::int64_t c = 0; c < n.channels; ++c) {
    mean[c] = partial[c] / count;
    if (!std::isfinite(mean[c])) mean[c] = large_mean(n, x, c, nullptr);
  }
  sum_channels<SumSquares>(n, x, nullptr, {.mean = mean, .rstd = unused}, partial);
  for (std::int64_t c = 0; c < n.channels; ++c) {
    var[c] = partial[c] / count;
    if (!std::isfinite(var[c])) var[c] = large_mean(n, x, c, mean + c);
    scale[c] = 1.0f / std::sqrt(var[c] + eps) * weight[c];
  }
  normalize(n, x, {.mean = mean, .scale = scale, .shift = bias}, y);
}

// vectors: 4 · channels floats; partial: 2 · blocks · channels floats.
void batch_norm_backward_float32(const NormShape& n, float eps, const float* g, const float* x,
                                 const float* weight, const float* mean, const float* var,
                                 float* dx, float* dweight, float* dbias, float* vectors,
                                 float* partial) {
  const auto count = static_cast<float>(n.count());
  float *rstd = vectors, *scale = rstd + n.channels, *shift = scale + n.channels,
        *second = shift + n.channels;
  for (std::int64_t c = 0; c < n.channels; ++c) rstd[c] = 1.0f / std::sqrt(var[c] + eps);
  sum_channels<SumGradients>(n, x, g, {.mean = mean, .rstd = rstd}, partial);
  for (std::int64_t c = 0; c < n.channels; ++c) {
    dweight[c] = partial[c];
    dbias[c] = partial[n.channels + c];
    scale[c] = weight[c] * rstd[c];
    shift[c] = dbias[c] / count;
    second[c] = dweight[c] / count;
  }
  normalize_backward(
      n, g, x, {.mean = mean, .rstd = rstd, .scale = scale, .shift = shift, .second_shift = second},
      dx);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(batch_norm_float32);
HWY_EXPORT(batch_norm_backward_float32);

NormShape norm_shape(const TensorDesc& t) {
  NormShape n;
  n.images = t.shape[0];
  n.channels = t.shape[1];
  for (int d = 2; d < t.shape.rank(); ++d) n.places *= t.shape[d];
  n.channels_last = is_channels_last(t) || n.places == 1;
  return n;
}

bool takes_float32(const StepDesc& step) {
  return std::all_of(step.inputs.begin(), step.inputs.end(),
                     [](const TensorDesc& t) { return t.dtype == DType::Float32; });
}

class BatchNorm final : public Kernel {
 public:
  explicit BatchNorm(const StepDesc& step)
      : n_(norm_shape(step.inputs[0])), eps_(static_cast<float>(step.as<NormAttrs>().eps)) {}

  std::size_t workspace_nbytes() const override {
    return times_nbytes(static_cast<std::size_t>(2 + n_.blocks()) * sizeof(float),
                        static_cast<std::size_t>(n_.channels));
  }
  bool can_overwrite(int i, int o) const override { return i == 0 && o == 0; }
  std::string describe() const override { return n_.channels_last ? "channels-last" : "planes"; }

  void run(const KernelArgs& a) const override {
    auto* vectors = static_cast<float*>(a.workspace);
    HWY_DYNAMIC_DISPATCH(batch_norm_float32)
    (n_, eps_, a.in<float>(0), a.in<float>(1), a.in<float>(2), a.out<float>(0), a.out<float>(1),
     a.out<float>(2), vectors, vectors + 2 * n_.channels);
  }

 private:
  NormShape n_;
  float eps_;
};

class BatchNormBackward final : public Kernel {
 public:
  explicit BatchNormBackward(const StepDesc& step)
      : n_(norm_shape(step.inputs[1])), eps_(static_cast<float>(step.as<NormAttrs>().eps)) {}

  std::size_t workspace_nbytes() const override {
    return times_nbytes(static_cast<std::size_t>(4 + 2 * n_.blocks()) * sizeof(float),
                        static_cast<std::size_t>(n_.channels));
  }
  bool can_overwrite(int i, int o) const override { return i < 2 && o == 0; }
  std::string describe() const override { return n_.channels_last ? "channels-last" : "planes"; }

  void run(const KernelArgs& a) const override {
    auto* vectors = static_cast<float*>(a.workspace);
    HWY_DYNAMIC_DISPATCH(batch_norm_backward_float32)
    (n_, eps_, a.in<float>(0), a.in<float>(1), a.in<float>(2), a.in<float>(3), a.in<float>(4),
     a.out<float>(0), a.out<float>(1), a.out<float>(2), vectors, vectors + 4 * n_.channels);
  }

 private:
  NormShape n_;
  float eps_;
};

std::unique_ptr<Kernel> lower_batch_norm(const StepDesc& step) {
  return std::make_unique<BatchNorm>(step);
}
std::unique_ptr<Kernel> lower_batch_norm_backward(const StepDesc& step) {
  return std::make_unique<BatchNormBackward>(step);
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(batch_norm) {
  table.add("batch_norm", {lower_batch_norm, follow_first_input, takes_float32});
  table.add("batch_norm_backward",
            {lower_batch_norm_backward, [](StepDesc& s) { follow_input(s, 1); }, takes_float32});
}

}  // namespace ingot::cpu
#endif
