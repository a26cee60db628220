// A vector of channels of one place at a time. The channels' last vector overlaps the one before it
// where their number is no multiple: elements are then written twice, with the same values.
//
// The gradient gathers: an input element adds up the gradients of the windows that reach it and
// whose maximum came from it, in the order of the windows.
#include "backend/cpu/max_pool.h"

#include <algorithm>
#include <limits>

#include <ingot/core/parallel.h>

#include "backend/cpu/simd.h"
#include "backend/layouts.h"
#include "core/ceil_div.h"
#include "core/op_attrs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/max_pool.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef INGOT_BACKEND_CPU_MAX_POOL_ONCE
#define INGOT_BACKEND_CPU_MAX_POOL_ONCE
namespace ingot::cpu {

struct MaxPoolShape {
  std::int64_t images, channels, height, width;  // x
  std::int64_t out_height, out_width;
  std::int64_t kernel[2], stride[2], padding[2], dilation[2];
};

// Channels of the widest vector.
inline constexpr std::int64_t kMaxPoolLanes = 512 / 32;

// Windows [first, last) that may reach row or column `at` of x.
struct Reach {
  std::int64_t first, last;
};
inline Reach windows_at(const MaxPoolShape& s, int axis, std::int64_t at, std::int64_t windows) {
  const std::int64_t from = at + s.padding[axis];
  const std::int64_t before = from - s.dilation[axis] * (s.kernel[axis] - 1);
  const std::int64_t first = before <= 0 ? 0 : ceil_div(before, s.stride[axis]);
  return {first, std::min(windows, from / s.stride[axis] + 1)};
}

}  // namespace ingot::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using D64 = hn::ScalableTag<std::int64_t>;

constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
static_assert(kLanes <= kMaxPoolLanes);

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void store_places(hn::Vec<DI> places, std::int64_t* to) { *to = hn::GetLane(places); }
HWY_INLINE hn::Vec<DI> load_places(const std::int64_t* from) {
  return hn::Set(DI(), static_cast<std::int32_t>(*from));
}
#else
HWY_INLINE void store_places(hn::Vec<DI> places, std::int64_t* to) {
  const D64 d64;
  const hn::Half<DI> half;
  hn::StoreU(hn::PromoteTo(d64, hn::LowerHalf(half, places)), d64, to);
  hn::StoreU(hn::PromoteTo(d64, hn::UpperHalf(half, places)), d64, to + kLanes / 2);
}

// Places are below 2^31: the even halves of little-endian 64-bit integers.
HWY_INLINE hn::Vec<DI> load_places(const std::int64_t* from) {
  const DI di;
  const auto low = hn::BitCast(di, hn::LoadU(D64(), from));
  const auto high = hn::BitCast(di, hn::LoadU(D64(), from + kLanes / 2));
  return hn::ConcatEven(di, high, low);
}
#endif

}  // namespace

void max_pool(const MaxPoolShape& s, const float* x, float* y, std::int64_t* places) {
  const D d;
  const DI di;
  const std::int64_t window = s.kernel[0] * s.kernel[1];
  parallel_for(0, s.images * s.out_height, grain_for(s.out_width * s.channels * window / 4),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const float* image = x + row / s.out_height * s.height * s.width * s.channels;
                   const std::int64_t top = row % s.out_height * s.stride[0] - s.padding[0];
                   for (std::int64_t ow = 0; ow < s.out_width; ++ow) {
                     const std::int64_t left = ow * s.stride[1] - s.padding[1];
                     const std::int64_t to = (row * s.out_width + ow) * s.channels;
                     for (std::int64_t start = 0; start < s.channels; start += kLanes) {
                       const std::int64_t c = std::min(start, s.channels - kLanes);
                       auto best = hn::Zero(d);
                       auto place = hn::Zero(di);
                       bool found = false;
                       for (std::int64_t kh = 0; kh < s.kernel[0]; ++kh) {
                         const std::int64_t h = top + kh * s.dilation[0];
                         if (h < 0 || h >= s.height) continue;
                         for (std::int64_t kw = 0; kw < s.kernel[1]; ++kw) {
                           const std::int64_t w = left + kw * s.dilation[1];
                           if (w < 0 || w >= s.width) continue;
                           const auto v = hn::LoadU(d, image + (h * s.width + w) * s.channels + c);
                           const auto here =
                               hn::Set(di, static_cast<std::int32_t>(h * s.width + w));
                           // A NaN is the maximum.
                           const auto better = found ? hn::Or(hn::Gt(v, best), hn::IsNaN(v))
                                                     : hn::Eq(hn::Zero(d), hn::Zero(d));
                           best = hn::IfThenElse(better, v, best);
                           place = hn::IfThenElse(hn::RebindMask(di, better), here, place);
                           found = true;
                         }
                       }
                       hn::StoreU(best, d, y + to + c);
                       store_places(place, places + to + c);
                     }
                   }
                 }
               });
}

void max_pool_backward(const MaxPoolShape& s, const float* g, const std::int64_t* places,
                       float* dx) {
  const D d;
  const DI di;
  parallel_for(0, s.images * s.height, grain_for(s.width * s.channels * 2),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t image = row / s.height, h = row % s.height;
                   const Reach rows = windows_at(s, 0, h, s.out_height);
                   for (std::int64_t w = 0; w < s.width; ++w) {
                     const Reach columns = windows_at(s, 1, w, s.out_width);
                     const auto here = hn::Set(di, static_cast<std::int32_t>(h * s.width + w));
                     for (std::int64_t start = 0; start < s.channels; start += kLanes) {
                       const std::int64_t c = std::min(start, s.channels - kLanes);
                       auto sum = hn::Zero(d);
                       for (std::int64_t oh = rows.first; oh < rows.last; ++oh)
                         for (std::int64_t ow = columns.first; ow < columns.last; ++ow) {
                           const std::int64_t from =
                               ((image * s.out_height + oh) * s.out_width + ow) * s.channels + c;
                           const auto chosen = hn::Eq(load_places(places + from), here);
                           sum = hn::Add(sum, hn::IfThenElseZero(hn::RebindMask(d, chosen),
                                                                 hn::LoadU(d, g + from)));
                         }
                       hn::StoreU(sum, d, dx + (row * s.width + w) * s.channels + c);
                     }
                   }
                 }
               });
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(max_pool);
HWY_EXPORT(max_pool_backward);

// Windows that reach far beyond the image are walked by the other kernel, which clips them first.
constexpr std::int64_t kLargestWindow = 4096;

bool is_small(const PoolAttrs& a) {
  return a.kernel[0] <= kLargestWindow && a.kernel[1] <= kLargestWindow;
}

bool fits(const TensorDesc& x, const TensorDesc& y) {
  return x.dtype == DType::Float32 && x.shape[1] >= kMaxPoolLanes && y.numel() > 0 &&
         x.shape[2] * x.shape[3] <= std::numeric_limits<std::int32_t>::max() &&
         fits_channels_last(x) && fits_channels_last(y);
}

MaxPoolShape shape_of(const PoolAttrs& a, const Shape& x, const Shape& y) {
  return {x[0],
          x[1],
          x[2],
          x[3],
          y[2],
          y[3],
          {a.kernel[0], a.kernel[1]},
          {a.stride[0], a.stride[1]},
          {a.padding[0], a.padding[1]},
          {a.dilation[0], a.dilation[1]}};
}

}  // namespace

std::unique_ptr<Kernel> lower_vector_max_pool(const StepDesc& step) {
  const TensorDesc &x = step.inputs[0], &y = step.outputs[0];
  if (!is_small(step.as<PoolAttrs>()) || !fits(x, y) || !fits_channels_last(step.outputs[1]))
    return nullptr;
  const MaxPoolShape s = shape_of(step.as<PoolAttrs>(), x.shape, y.shape);
  return make_kernel([s](const KernelArgs& args) {
    HWY_DYNAMIC_DISPATCH(max_pool)
    (s, args.in<float>(0), args.out<float>(0), args.out<std::int64_t>(1));
  });
}

std::unique_ptr<Kernel> lower_vector_max_pool_backward(const StepDesc& step) {
  const TensorDesc &g = step.inputs[0], &dx = step.outputs[0];
  if (!fits(dx, g) || !fits_channels_last(step.inputs[1])) return nullptr;
  const MaxPoolShape s = shape_of(step.as<PoolAttrs>(), dx.shape, g.shape);
  return make_kernel([s](const KernelArgs& args) {
    HWY_DYNAMIC_DISPATCH(max_pool_backward)
    (s, args.in<float>(0), args.in<std::int64_t>(1), args.out<float>(0));
  });
}

}  // namespace ingot::cpu
#endif
