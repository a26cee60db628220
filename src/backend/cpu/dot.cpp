#include "backend/cpu/dot.h"

#include <algorithm>

#include "backend/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/dot.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

double dot_contiguous(const float* a, const float* b, std::int64_t count) {
  constexpr std::int64_t kLanes = 64, kVectorLanes = 16;
  const hn::CappedTag<float, kVectorLanes> d;
  constexpr auto kWidth = static_cast<std::int64_t>(hn::MaxLanes(d));
  constexpr std::int64_t kVectors = kLanes / kWidth;
  HWY_ALIGN float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (std::int64_t v = 0; v < kVectors; v += 4) {  // 4 sums fit the registers of every target
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    const float *x = a + v * kWidth, *y = b + v * kWidth;
    for (i = 0; i + kLanes <= count; i += kLanes) {
      s0 = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), s0);
      s1 = hn::MulAdd(hn::LoadU(d, x + i + kWidth), hn::LoadU(d, y + i + kWidth), s1);
      s2 = hn::MulAdd(hn::LoadU(d, x + i + 2 * kWidth), hn::LoadU(d, y + i + 2 * kWidth), s2);
      s3 = hn::MulAdd(hn::LoadU(d, x + i + 3 * kWidth), hn::LoadU(d, y + i + 3 * kWidth), s3);
    }
    hn::Store(s0, d, lanes + v * kWidth);
    hn::Store(s1, d, lanes + (v + 1) * kWidth);
    hn::Store(s2, d, lanes + (v + 2) * kWidth);
    hn::Store(s3, d, lanes + (v + 3) * kWidth);
  }
  for (std::int64_t l = 0; i < count; ++i, ++l) lanes[l] += a[i] * b[i];
  double sums[kLanes];
  for (std::int64_t l = 0; l < kLanes; ++l) sums[l] = static_cast<double>(lanes[l]);
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
  return sums[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(dot_contiguous);
}  // namespace

double dot_block(const float* a, const float* b, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(dot_contiguous)(a, b, count);
}

}  // namespace ingot::cpu
#endif
