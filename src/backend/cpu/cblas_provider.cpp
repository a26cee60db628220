// CBLAS (Accelerate, OpenBLAS): matrix products and, by im2col, convolutions.
#if defined(INGOT_HAVE_CBLAS)

#if defined(INGOT_CBLAS_ACCELERATE)
#include <Accelerate/Accelerate.h>
#else
#include <cblas.h>
#endif

#include <limits>

#include <ingot/core/parallel.h>

#include "backend/cpu/batch_offsets.h"
#include "backend/cpu/contraction.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/im2col.h"

namespace ingot::cpu {
namespace {

using Int = int;

// A matrix as CBLAS takes it: rows or columns contiguous.
struct Operand {
  CBLAS_TRANSPOSE transpose = CblasNoTrans;
  Int leading = 1;
  bool fits = false;
};

template <class T>
Operand as_operand(Matrix<T> a, std::int64_t rows, std::int64_t cols) {
  constexpr std::int64_t limit = 1 << 30;
  const auto with = [&](CBLAS_TRANSPOSE t, std::int64_t stride, std::int64_t least) {
    const std::int64_t leading = std::max(stride, least);
    return Operand{t, static_cast<Int>(leading), leading < limit};
  };
  if ((a.col_stride == 1 || cols == 1) && (a.row_stride >= cols || rows == 1))
    return with(CblasNoTrans, rows == 1 ? cols : a.row_stride, std::max<std::int64_t>(1, cols));
  if ((a.row_stride == 1 || rows == 1) && (a.col_stride >= rows || cols == 1))
    return with(CblasTrans, cols == 1 ? rows : a.col_stride, std::max<std::int64_t>(1, rows));
  return {};
}

template <class T>
void blas_gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<const T> a, Matrix<const T> b,
               Matrix<T> c, bool accumulate) {
  constexpr std::int64_t kLargest = std::numeric_limits<Int>::max();
  if (m > kLargest || n > kLargest || k > kLargest) return gemm(m, n, k, a, b, c, accumulate);
  const Operand oa = as_operand(a, m, k), ob = as_operand(b, k, n), oc = as_operand(c, m, n);
  if (m == 0 || n == 0 || k == 0 || !oa.fits || !ob.fits || !oc.fits ||
      oc.transpose != CblasNoTrans)
    return gemm(m, n, k, a, b, c, accumulate);
#if defined(OPENBLAS_CONFIG_H)
  openblas_set_num_threads(num_threads());
#endif
  const auto im = static_cast<Int>(m), in = static_cast<Int>(n), ik = static_cast<Int>(k);
  const T beta = accumulate ? T(1) : T(0);
  if constexpr (sizeof(T) == 4) {
    cblas_sgemm(CblasRowMajor, oa.transpose, ob.transpose, im, in, ik, 1.0f, a.data, oa.leading,
                b.data, ob.leading, beta, c.data, oc.leading);
  } else {
    cblas_dgemm(CblasRowMajor, oa.transpose, ob.transpose, im, in, ik, 1.0, a.data, oa.leading,
                b.data, ob.leading, beta, c.data, oc.leading);
  }
}

template <class T>
class BlasMatmul final : public Kernel {
 public:
  explicit BlasMatmul(const MatmulDesc& desc)
      : desc_(desc),
        a_offsets_(batch_offsets(desc.a)),
        b_offsets_(batch_offsets(desc.b)),
        out_offsets_(batch_offsets(desc.out)) {}

  void run(const KernelArgs& args) const override {
    const std::int64_t m = desc_.m(), n = desc_.n();
    for (std::size_t i = 0; i < out_offsets_.size(); ++i) {
      const Matrix<T> out = matrix<T>(desc_.out, args.out<T>(0) + out_offsets_[i]);
      const T* bias = desc_.bias ? args.in<T>(2) : nullptr;
      for (std::int64_t r = 0; bias && r < m; ++r)
        for (std::int64_t j = 0; j < n; ++j) *out.at(r, j) = bias[j * desc_.bias->strides[0]];
      blas_gemm<T>(m, n, desc_.k(), matrix<const T>(desc_.a, args.in<T>(0) + a_offsets_[i]),
                   matrix<const T>(desc_.b, args.in<T>(1) + b_offsets_[i]), out, bias != nullptr);
    }
  }
  std::string describe() const override { return "cblas gemm"; }

 private:
  template <class U>
  static Matrix<U> matrix(const TensorDesc& t, U* data) {
    const int r = t.shape.rank();
    return {data, t.strides[r - 2], t.strides[r - 1]};
  }

  MatmulDesc desc_;
  std::vector<std::int64_t> a_offsets_, b_offsets_, out_offsets_;
};

class CblasProvider final : public ContractionProvider {
 public:
  std::string_view name() const override { return "cblas"; }

  std::unique_ptr<Kernel> matmul(const MatmulDesc& desc) const override {
    if (desc.out.dtype == DType::Float32) return std::make_unique<BlasMatmul<float>>(desc);
    if (desc.out.dtype == DType::Float64) return std::make_unique<BlasMatmul<double>>(desc);
    return nullptr;
  }
  std::unique_ptr<Kernel> convolution(const ConvDesc& desc) const override {
    return lower_im2col(desc, Im2colGemm{blas_gemm<float>, blas_gemm<double>, "cblas"});
  }
};

}  // namespace

const ContractionProvider& cblas_provider() {
  static const CblasProvider provider;
  return provider;
}

}  // namespace ingot::cpu

#endif
