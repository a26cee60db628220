// Blocked matrix product after Goto: panels of a and b are packed so that the innermost loop reads
// both in order, and a tile of c lives in registers.
#include "backend/cpu/gemm.h"

#include <algorithm>
#include <utility>

#include "backend/cpu/scratch.h"
#include "backend/cpu/simd.h"
#include "core/ceil_div.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Blocking {
  using D = hn::ScalableTag<T>;
  static constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
  // The register tile: kRows × 2 vectors, as many as there are registers for.
  static constexpr std::int64_t kRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;
  static constexpr std::int64_t kCols = 2 * kLanes;
  // Panels: b's (kDepth × kCols) in the first-level cache, a's block in the second.
  static constexpr std::int64_t kDepth = 256;
  static constexpr std::int64_t kBlockRows = 192;
  static constexpr std::int64_t kBlockCols = 256;
};

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return ceil_div(n, to) * to; }

// Panels of `width` rows (or columns), each stored by k; missing ones are zero.
template <std::int64_t width, class T>
void pack(const T* from, std::int64_t stride, std::int64_t k_stride, std::int64_t count,
          std::int64_t depth, T* to) {
  for (std::int64_t i = 0; i < count; i += width, to += width * depth) {
    const std::int64_t present = std::min(width, count - i);
    const T* panel = from + i * stride;
    if (present == width && stride == 1) {
      for (std::int64_t p = 0; p < depth; ++p)
        std::copy_n(panel + p * k_stride, width, to + p * width);
      continue;
    }
    for (std::int64_t w = 0; w < width; ++w)
      for (std::int64_t p = 0; p < depth; ++p)
        to[p * width + w] = w < present ? panel[w * stride + p * k_stride] : T(0);
  }
}

// R... = 0 … kRows - 1: indices that are constants keep the sums in registers.
template <class T, std::int64_t... R>
HWY_INLINE void multiply_tile(std::integer_sequence<std::int64_t, R...>, std::int64_t depth,
                              const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, Matrix<T> c,
                              std::int64_t rows, std::int64_t cols, bool accumulate) {
  using B = Blocking<T>;
  const typename B::D d;
  using V = hn::Vec<typename B::D>;
  V left[B::kRows], right[B::kRows];
  ((left[R] = right[R] = hn::Zero(d)), ...);
  for (std::int64_t p = 0; p < depth; ++p) {
    const V b0 = hn::LoadU(d, b), b1 = hn::LoadU(d, b + B::kLanes);
    V x;
    ((x = hn::Set(d, a[R]), left[R] = hn::MulAdd(x, b0, left[R]),
      right[R] = hn::MulAdd(x, b1, right[R])),
     ...);
    a += B::kRows;
    b += B::kCols;
  }
  if (rows == B::kRows && cols == B::kCols) {
    if (accumulate) {
      ((left[R] = hn::Add(hn::LoadU(d, c.at(R, 0)), left[R]),
        right[R] = hn::Add(hn::LoadU(d, c.at(R, B::kLanes)), right[R])),
       ...);
    }
    ((hn::StoreU(left[R], d, c.at(R, 0)), hn::StoreU(right[R], d, c.at(R, B::kLanes))), ...);
    return;
  }
  HWY_ALIGN T tile[B::kRows * B::kCols];
  ((hn::Store(left[R], d, tile + R * B::kCols),
    hn::Store(right[R], d, tile + R * B::kCols + B::kLanes)),
   ...);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < cols; ++j) {
      T* to = c.at(r, j);
      *to = accumulate ? *to + tile[r * B::kCols + j] : tile[r * B::kCols + j];
    }
}

template <class T>
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const T> a, Matrix<const T> b,
              Matrix<T> c, bool accumulate) {
  using B = Blocking<T>;
  const std::int64_t row_blocks = ceil_div(m, B::kBlockRows);
  const std::int64_t col_blocks = ceil_div(n, B::kBlockCols);
  const std::int64_t block_work =
      std::min(m, B::kBlockRows) * std::min(n, B::kBlockCols) * std::max<std::int64_t>(k, 1) / 8;
  parallel_for(
      0, row_blocks * col_blocks, grain_for(block_work),
      [&](std::int64_t first, std::int64_t last) {
        const std::int64_t depth_max = std::min(k, B::kDepth);
        const std::int64_t a_numel = round_up(std::min(m, B::kBlockRows), B::kRows) * depth_max;
        const std::int64_t b_numel = round_up(std::min(n, B::kBlockCols), B::kCols) * depth_max;
        const ThreadScratch scratch(
            ScratchUser::Gemm,
            static_cast<std::size_t>(round_up(a_numel, 64) + b_numel) * sizeof(T));
        T* packed_a = scratch.as<T>();
        T* packed_b = packed_a + round_up(a_numel, 64);
        for (std::int64_t block = first; block < last; ++block) {
          const std::int64_t i0 = block / col_blocks * B::kBlockRows;
          const std::int64_t j0 = block % col_blocks * B::kBlockCols;
          const std::int64_t rows = std::min(B::kBlockRows, m - i0);
          const std::int64_t cols = std::min(B::kBlockCols, n - j0);
          for (std::int64_t p0 = 0; p0 < k; p0 += B::kDepth) {
            const std::int64_t depth = std::min(B::kDepth, k - p0);
            pack<B::kRows>(a.at(i0, p0), a.row_stride, a.col_stride, rows, depth, packed_a);
            pack<B::kCols>(b.at(p0, j0), b.col_stride, b.row_stride, cols, depth, packed_b);
            for (std::int64_t j = 0; j < cols; j += B::kCols)
              for (std::int64_t i = 0; i < rows; i += B::kRows)
                multiply_tile<T>(std::make_integer_sequence<std::int64_t, B::kRows>{}, depth,
                                 packed_a + i * depth, packed_b + j * depth,
                                 {c.at(i0 + i, j0 + j), c.row_stride, c.col_stride},
                                 std::min(B::kRows, rows - i), std::min(B::kCols, cols - j),
                                 accumulate || p0 > 0);
          }
        }
      });
}

}  // namespace

void gemm_float32(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const float> a,
                  Matrix<const float> b, Matrix<float> c, bool accumulate) {
  multiply(m, n, k, a, b, c, accumulate);
}
void gemm_float64(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const double> a,
                  Matrix<const double> b, Matrix<double> c, bool accumulate) {
  multiply(m, n, k, a, b, c, accumulate);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(gemm_float32);
HWY_EXPORT(gemm_float64);

template <class T>
void fill_zero(std::int64_t m, std::int64_t n, Matrix<T> c) {
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) *c.at(i, j) = T(0);
}

}  // namespace

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const float> a,
          Matrix<const float> b, Matrix<float> c, bool accumulate) {
  if (k == 0 && !accumulate) return fill_zero(m, n, c);
  HWY_DYNAMIC_DISPATCH(gemm_float32)(m, n, k, a, b, c, accumulate);
}
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const double> a,
          Matrix<const double> b, Matrix<double> c, bool accumulate) {
  if (k == 0 && !accumulate) return fill_zero(m, n, c);
  HWY_DYNAMIC_DISPATCH(gemm_float64)(m, n, k, a, b, c, accumulate);
}

}  // namespace ingot::cpu
#endif
