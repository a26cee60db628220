// weight[c, kh, kw] = sum over (n, oh, ow) of y[n, oh, ow, c] · x[n, oh·s - p + kh·d, ow·s - p +
// kw·d, c]
//
// The lanes of a vector are neighbouring channels, which lie side by side in both images. A run of
// taps in one row of the kernel is kept in registers along one row of y; rows are added up for each
// image, and images at last: no chain of sums is longer than a row, a column or the batch.
#include "backend/cpu/depthwise_weight.h"

#include <algorithm>
#include <utility>

#include <ingot/core/parallel.h>

#include "backend/cpu/conv_sizes.h"
#include "backend/cpu/simd.h"
#include "backend/layouts.h"
#include "core/ceil_div.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/depthwise_weight.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef INGOT_BACKEND_CPU_DEPTHWISE_WEIGHT_ONCE
#define INGOT_BACKEND_CPU_DEPTHWISE_WEIGHT_ONCE
namespace ingot::cpu {

struct DepthwiseWeight : ConvSizes {
  using ConvSizes::ConvSizes;
  std::int64_t parts = 1;  ///< of the images, each with sums of its own
  std::int64_t products() const { return images * out_height * out_width * taps(); }
};

// The sums of a block of channels: of one image, and of all images of a part. More taps than this
// are left to others.
inline constexpr std::int64_t kMaxTaps = 64;
// Also the fewest channels: a whole vector of them.
inline constexpr std::int64_t kWidestVector = 16;

}  // namespace ingot::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
static_assert(kLanes <= kWidestVector);

struct Range {
  std::int64_t first, last;
};

// The places o of 0 … `outputs` - 1 for which o · stride + offset lies in 0 … size - 1.
Range places_inside(std::int64_t outputs, std::int64_t stride, std::int64_t offset,
                    std::int64_t size) {
  const std::int64_t first = offset >= 0 ? 0 : ceil_div(-offset, stride);
  const std::int64_t last = offset >= size ? 0 : ceil_div(size - offset, stride);
  return {std::min(first, outputs), std::min(last, outputs)};
}

// One row of y against one row of x: adds the taps `first_tap` + T... to `sums`, a vector each.
template <std::int64_t... T>
HWY_INLINE void row_taps(std::integer_sequence<std::int64_t, T...>, const DepthwiseWeight& g,
                         const float* x, const float* y, std::int64_t first_tap, float* sums) {
  const D d;
  const auto offset = [&](std::int64_t t) { return (first_tap + t) * g.dilation_w - g.pad_w; };
  const Range inside[] = {places_inside(g.out_width, g.stride_w, offset(T), g.width)...};
  constexpr std::int64_t kLast = sizeof...(T) - 1;
  // Where all taps lie inside x; what is left and right of it, tap by tap.
  const std::int64_t first = std::min(inside[0].first, inside[kLast].last);
  const std::int64_t last = std::max(first, inside[kLast].last);
  V sum[] = {hn::Load(d, sums + T * kLanes)...};
  V row[] = {((void)T, hn::Zero(d))...};
  const auto add = [&](V s, std::int64_t t, std::int64_t from, std::int64_t to) {
    for (std::int64_t o = from; o < to; ++o)
      s = hn::MulAdd(hn::LoadU(d, y + o * g.channels),
                     hn::LoadU(d, x + (o * g.stride_w + offset(t)) * g.channels), s);
    return s;
  };
  ((row[T] = add(row[T], T, inside[T].first, std::min(inside[T].last, first))), ...);
  if (first < last) {
    const float* at[] = {x + (first * g.stride_w + offset(T)) * g.channels...};
    const std::int64_t step = g.stride_w * g.channels;
    for (std::int64_t o = first; o < last; ++o) {
      const V v = hn::LoadU(d, y + o * g.channels);
      ((row[T] = hn::MulAdd(v, hn::LoadU(d, at[T]), row[T]), at[T] += step), ...);
    }
  }
  ((row[T] = add(row[T], T, std::max(inside[T].first, last), inside[T].last)), ...);
  ((sum[T] = hn::Add(sum[T], row[T])), ...);
  (hn::Store(sum[T], d, sums + T * kLanes), ...);
}

void image_sums(const DepthwiseWeight& g, const float* x, const float* y, float* sums) {
  for (std::int64_t oh = 0; oh < g.out_height; ++oh)
    for (std::int64_t kh = 0; kh < g.kernel_h; ++kh) {
      const std::int64_t h = oh * g.stride_h - g.pad_h + kh * g.dilation_h;
      if (h < 0 || h >= g.height) continue;
      const float* x_row = x + h * g.width * g.channels;
      const float* y_row = y + oh * g.out_width * g.channels;
      float* to = sums + kh * g.kernel_w * kLanes;
      const auto taps = [&]<std::int64_t N>(std::integral_constant<std::int64_t, N>,
                                            std::int64_t first) {
        row_taps(std::make_integer_sequence<std::int64_t, N>{}, g, x_row, y_row, first,
                 to + first * kLanes);
      };
      std::int64_t t = 0;
      for (; g.kernel_w - t >= 5; t += 5) taps(std::integral_constant<std::int64_t, 5>{}, t);
      for (; g.kernel_w - t >= 3; t += 3) taps(std::integral_constant<std::int64_t, 3>{}, t);
      for (; t < g.kernel_w; ++t) taps(std::integral_constant<std::int64_t, 1>{}, t);
    }
}

// The vector of channels that holds `channel` and those behind it, images `first` … `last` - 1:
// to[c · taps + t], of channels that are not in the vector before.
void block_sums(const DepthwiseWeight& g, const float* x, const float* y, std::int64_t channel,
                std::int64_t first, std::int64_t last, float* to) {
  const D d;
  HWY_ALIGN float image[kMaxTaps * kLanes], total[kMaxTaps * kLanes];
  const std::int64_t taps = g.taps();
  // The last vector ends with the last channel, and may begin with some of the vector before.
  const std::int64_t start = std::min(channel, g.channels - kLanes);
  std::fill_n(total, taps * kLanes, 0.0f);
  for (std::int64_t n = first; n < last; ++n) {
    std::fill_n(image, taps * kLanes, 0.0f);
    image_sums(g, x + n * g.height * g.width * g.channels + start,
               y + n * g.out_height * g.out_width * g.channels + start, image);
    for (std::int64_t i = 0; i < taps * kLanes; i += kLanes)
      hn::Store(hn::Add(hn::Load(d, total + i), hn::Load(d, image + i)), d, total + i);
  }
  for (std::int64_t c = channel; c < start + kLanes; ++c)
    for (std::int64_t t = 0; t < taps; ++t) to[c * taps + t] = total[t * kLanes + c - start];
}

}  // namespace

// `sums`: a whole gradient for each part, where there are several.
void depthwise_weight(const DepthwiseWeight& g, const float* x, const float* y, float* weight,
                      float* sums) {
  const std::int64_t blocks = ceil_div(g.channels, kLanes), numel = g.channels * g.taps();
  const std::int64_t work = g.products() / g.parts;
  parallel_for(0, g.parts * blocks, grain_for(work), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t part = unit / blocks, channel = unit % blocks * kLanes;
      block_sums(g, x, y, channel, g.images * part / g.parts, g.images * (part + 1) / g.parts,
                 g.parts == 1 ? weight : sums + part * numel);
    }
  });
  if (g.parts == 1) return;
  parallel_for(0, numel, grain_for(g.parts), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      float sum = sums[i];
      for (std::int64_t p = 1; p < g.parts; ++p) sum += sums[p * numel + i];
      weight[i] = sum;
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(depthwise_weight);

class DepthwiseWeightKernel final : public Kernel {
 public:
  explicit DepthwiseWeightKernel(const ConvDesc& d) : g_(d) {
    // A few pieces of work for each thread: of the channels where there are many, else of the
    // images as well.
    constexpr std::int64_t kFew = 4;
    const std::int64_t wanted = num_threads() > 1 ? kFew * num_threads() : 1;
    const std::int64_t blocks = ceil_div(g_.channels, kWidestVector);
    g_.parts = std::clamp<std::int64_t>(ceil_div(wanted, blocks), 1, g_.images);
  }

  std::size_t workspace_nbytes() const override {
    if (g_.parts == 1) return 0;
    return static_cast<std::size_t>(g_.parts * g_.channels * g_.taps()) * sizeof(float);
  }

  void run(const KernelArgs& args) const override {
    HWY_DYNAMIC_DISPATCH(depthwise_weight)
    (g_, args.in<float>(1), args.in<float>(0), args.out<float>(0),
     static_cast<float*>(args.workspace));
  }

  std::string describe() const override { return "depthwise, channels side by side"; }

 private:
  DepthwiseWeight g_;
};

}  // namespace

std::unique_ptr<Kernel> lower_depthwise_weight(const ConvDesc& d) {
  const Shape& w = d.weight.shape;
  // For 3×3 without gaps oneDNN has a kernel that is twice as fast; beyond, what it has takes up to
  // fourteen times as long.
  if (w[2] <= 3 && w[3] <= 3 && d.attrs.dilation[0] == 1 && d.attrs.dilation[1] == 1)
    return nullptr;
  if (d.kind != ConvKind::BackwardWeight || d.x.dtype != DType::Float32 ||
      d.attrs.groups != d.x.shape[1] || w[0] != d.attrs.groups || w[1] != 1 ||
      w[0] < kWidestVector || d.y.numel() == 0 || d.x.numel() == 0 || w[2] > kMaxTaps ||
      w[3] > kMaxTaps || w[2] * w[3] > kMaxTaps || !d.weight.is_contiguous() ||
      !fits_channels_last(d.x) || !fits_channels_last(d.y))
    return nullptr;
  return std::make_unique<DepthwiseWeightKernel>(d);
}

}  // namespace ingot::cpu
#endif
