// Our own matrix product: any strides, float32 and float64 in vector code, other types in plain
// loops. Each element of the result is one chain of multiply-adds over k in blocks of fixed size,
// so its bits depend on K alone, not on threads or strides.
#pragma once

#include <cstdint>

#include <ingot/core/parallel.h>

namespace ingot::cpu {

/// An operand with the distance, in elements, from one row and one column to the next.
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t row_stride = 0, col_stride = 0;

  T* at(std::int64_t i, std::int64_t j) const { return data + i * row_stride + j * col_stride; }
};

/// c[m, n] = a[m, k] · b[k, n], or c += with `accumulate`. c's columns are contiguous.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const float> a,
          Matrix<const float> b, Matrix<float> c, bool accumulate = false);
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const double> a,
          Matrix<const double> b, Matrix<double> c, bool accumulate = false);

/// The same for integers, which wrap.
template <class T>
void integer_gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const T> a,
                  Matrix<const T> b, Matrix<T> c) {
  parallel_for(0, m, grain_for(n * k), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      for (std::int64_t j = 0; j < n; ++j) *c.at(i, j) = 0;
      for (std::int64_t p = 0; p < k; ++p) {
        const auto x = static_cast<std::uint64_t>(*a.at(i, p));
        for (std::int64_t j = 0; j < n; ++j) {
          T& sum = *c.at(i, j);
          sum = static_cast<T>(static_cast<std::uint64_t>(sum) +
                               x * static_cast<std::uint64_t>(*b.at(p, j)));
        }
      }
    }
  });
}

}  // namespace ingot::cpu
