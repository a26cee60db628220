#include "backend/cpu/reduce_kernels.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "backend/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <Join join, class T>
HWY_INLINE T joined(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return join == Join::Max ? a || b : a && b;
  } else if constexpr (join == Join::Sum || join == Join::Prod) {
    if constexpr (std::is_integral_v<T>) {
      const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
      return static_cast<T>(join == Join::Sum ? x + y : x * y);
    } else {
      return join == Join::Sum ? a + b : a * b;
    }
  } else {
    // NaN wins.
    if (a != a) return a;
    if constexpr (join == Join::Max) return b > a || b != b ? b : a;
    return b < a || b != b ? b : a;
  }
}

template <Join join, class D, class V>
HWY_INLINE V joined_vectors(D, V a, V b) {
  if constexpr (join == Join::Sum) {
    return hn::Add(a, b);
  } else if constexpr (join == Join::Prod) {
    return hn::Mul(a, b);
  } else {
    const auto ordered = hn::And(hn::Eq(a, a), hn::Eq(b, b));
    const V best = join == Join::Max ? hn::Max(a, b) : hn::Min(a, b);
    return hn::IfThenElse(ordered, best, hn::Add(a, b));
  }
}

template <Join join, class T>
constexpr T neutral() {
  using Limits = std::numeric_limits<T>;
  switch (join) {
    case Join::Sum:
      return T(0);
    case Join::Prod:
      return T(1);
    case Join::Max:
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    case Join::Min:
      break;
  }
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

template <Join join, std::int64_t kHalf = kReduceLanes / 2, class T>
HWY_INLINE T join_lanes(T* lanes) {
  if constexpr (std::is_floating_point_v<T>) {  // in vectors: scalar comparisons guess wrong
    const hn::CappedTag<T, kHalf> d;
    constexpr auto kWidth = static_cast<std::int64_t>(hn::MaxLanes(d));
    for (std::int64_t l = 0; l < kHalf; l += kWidth)
      hn::StoreU(joined_vectors<join>(d, hn::LoadU(d, lanes + l), hn::LoadU(d, lanes + l + kHalf)),
                 d, lanes + l);
  } else {
    for (std::int64_t l = 0; l < kHalf; ++l) lanes[l] = joined<join>(lanes[l], lanes[l + kHalf]);
  }
  if constexpr (kHalf > 1) return join_lanes<join, kHalf / 2>(lanes);
  return lanes[0];
}

// kReduceLanes chains in as many vectors as they need.
template <Join join, class T>
void reduce_block(const void* from, std::int64_t count, void* to) {
  const T* x = static_cast<const T*>(from);
  HWY_ALIGN T lanes[kReduceLanes];
  std::int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    const hn::CappedTag<T, kReduceLanes> d;
    constexpr std::int64_t kWidth = static_cast<std::int64_t>(hn::MaxLanes(d));
    constexpr std::int64_t kVectors = kReduceLanes / kWidth;
    using V = hn::Vec<decltype(d)>;
    V sums[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) sums[v] = hn::Set(d, neutral<join, T>());
    for (; i + kReduceLanes <= count; i += kReduceLanes)
      for (std::int64_t v = 0; v < kVectors; ++v)
        sums[v] = joined_vectors<join>(d, sums[v], hn::LoadU(d, x + i + v * kWidth));
    for (std::int64_t v = 0; v < kVectors; ++v) hn::Store(sums[v], d, lanes + v * kWidth);
  } else {
    std::fill_n(lanes, kReduceLanes, neutral<join, T>());
  }
  for (std::int64_t l = 0; i < count; ++i) {
    lanes[l] = joined<join>(lanes[l], x[i]);
    l = (l + 1) % kReduceLanes;
  }
  *static_cast<T*>(to) = join_lanes<join>(lanes);
}

template <Join join, class T>
void reduce_row(void* accumulators, const void* row, std::int64_t count) {
  T* acc = static_cast<T*>(accumulators);
  const T* x = static_cast<const T*>(row);
  std::int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    const hn::ScalableTag<T> d;
    const auto width = static_cast<std::int64_t>(hn::Lanes(d));
    for (; i + width <= count; i += width)
      hn::StoreU(joined_vectors<join>(d, hn::LoadU(d, acc + i), hn::LoadU(d, x + i)), d, acc + i);
  }
  for (; i < count; ++i) acc[i] = joined<join>(acc[i], x[i]);
}

template <class D>
HWY_INLINE auto squares_of(D d, const float* from, hn::Vec<D> center) {
  const auto x = hn::Sub(hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), from)), center);
  return hn::Mul(x, x);
}

double square_of(float x, double center) {
  const double beyond = static_cast<double>(x) - center;
  return beyond * beyond;
}

void square_block(const float* x, double center, std::int64_t count, double* to) {
  const hn::CappedTag<double, kReduceLanes> d;
  constexpr auto kWidth = static_cast<std::int64_t>(hn::MaxLanes(d));
  constexpr std::int64_t kVectors = kReduceLanes / kWidth;
  HWY_ALIGN double lanes[kReduceLanes];
  hn::Vec<decltype(d)> sums[kVectors];
  for (std::int64_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  const auto centers = hn::Set(d, center);
  std::int64_t i = 0;
  for (; i + kReduceLanes <= count; i += kReduceLanes)
    for (std::int64_t v = 0; v < kVectors; ++v)
      sums[v] = hn::Add(sums[v], squares_of(d, x + i + v * kWidth, centers));
  for (std::int64_t v = 0; v < kVectors; ++v) hn::Store(sums[v], d, lanes + v * kWidth);
  for (std::int64_t l = 0; i < count; ++i, ++l) lanes[l] += square_of(x[i], center);
  *to = join_lanes<Join::Sum>(lanes);
}

void square_row(double* accumulators, const float* x, const double* centers, std::int64_t count) {
  const hn::ScalableTag<double> d;
  const auto width = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + width <= count; i += width) {
    const auto center = centers ? hn::LoadU(d, centers + i) : hn::Zero(d);
    hn::StoreU(hn::Add(hn::LoadU(d, accumulators + i), squares_of(d, x + i, center)), d,
               accumulators + i);
  }
  for (; i < count; ++i) accumulators[i] += square_of(x[i], centers ? centers[i] : 0);
}

template <Join join, class T>
void start_accumulators(void* accumulators, std::int64_t count) {
  std::fill_n(static_cast<T*>(accumulators), count, neutral<join, T>());
}

template <Join join>
ReduceFunctions functions_of(DType t) {
  return visit_dtype(t, [&]<class T>(T) -> ReduceFunctions {
    if constexpr (std::is_arithmetic_v<T>) {
      return {reduce_block<join, T>, reduce_row<join, T>, start_accumulators<join, T>};
    } else {
      return {};
    }
  });
}

}  // namespace

ReduceFunctions find_reduce_functions(Join join, DType t) {
  switch (join) {
    case Join::Sum:
      return functions_of<Join::Sum>(t);
    case Join::Prod:
      return functions_of<Join::Prod>(t);
    case Join::Max:
      return functions_of<Join::Max>(t);
    case Join::Min:
      break;
  }
  return functions_of<Join::Min>(t);
}

SquareFunctions find_square_functions() { return {square_block, square_row}; }

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {
HWY_EXPORT(find_reduce_functions);
HWY_EXPORT(find_square_functions);
}  // namespace

ReduceFunctions reduce_functions(Join join, DType t) {
  return HWY_DYNAMIC_DISPATCH(find_reduce_functions)(join, t);
}

SquareFunctions square_functions() { return HWY_DYNAMIC_DISPATCH(find_square_functions)(); }

}  // namespace ingot::cpu
#endif
