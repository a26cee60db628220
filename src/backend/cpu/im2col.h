// Convolutions as matrix products: patches of the image become the columns of a matrix, a block of
// columns at a time so that it stays in cache.
#pragma once

#include "backend/cpu/contraction.h"
#include "backend/cpu/gemm.h"

namespace ingot::cpu {

/// c = a · b (+ c), as in gemm.h.
template <class T>
using GemmFunction = void (*)(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const T> a,
                              Matrix<const T> b, Matrix<T> c, bool accumulate);

struct Im2colGemm {
  GemmFunction<float> float32 = nullptr;
  GemmFunction<double> float64 = nullptr;
  const char* name = "";
};

/// float32 and float64; images row-major or channels-last, weights row-major.
std::unique_ptr<Kernel> lower_im2col(const ConvDesc& desc, const Im2colGemm& gemm);

}  // namespace ingot::cpu
