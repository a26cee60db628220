// The provider that takes everything: our own GEMM, and convolutions as im2col and GEMM.
#include <ingot/core/parallel.h>

#include "backend/cpu/batch_offsets.h"
#include "backend/cpu/contraction.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/im2col.h"
#include "backend/cpu/reduced.h"

namespace ingot::cpu {
namespace {

template <class T>
class OwnMatmul final : public Kernel {
 public:
  explicit OwnMatmul(const MatmulDesc& desc)
      : desc_(desc),
        a_offsets_(batch_offsets(desc.a)),
        b_offsets_(batch_offsets(desc.b)),
        out_offsets_(batch_offsets(desc.out)) {}

  void run(const KernelArgs& args) const override {
    const std::int64_t m = desc_.m(), n = desc_.n(), k = desc_.k();
    if (m == 0 || n == 0) return;
    const auto one = [&](std::size_t i) {
      const Matrix<T> out = matrix<T>(desc_.out, args.out<T>(0) + out_offsets_[i]);
      const auto a = matrix<const T>(desc_.a, args.in<T>(0) + a_offsets_[i]);
      const auto b = matrix<const T>(desc_.b, args.in<T>(1) + b_offsets_[i]);
      if constexpr (std::is_floating_point_v<T>) {
        gemm(m, n, k, a, b, out);
      } else {
        integer_gemm<T>(m, n, k, a, b, out);
      }
      if (desc_.bias) add_bias(args.in<T>(2), out);
    };
    // Many small products share the threads; a large one uses them all.
    parallel_for(0, static_cast<std::int64_t>(out_offsets_.size()), grain_for(m * n * k / 8),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i) one(static_cast<std::size_t>(i));
                 });
  }
  std::string describe() const override { return "own gemm"; }

 private:
  template <class U>
  static Matrix<U> matrix(const TensorDesc& t, U* data) {
    const int r = t.shape.rank();
    return {data, t.strides[r - 2], t.strides[r - 1]};
  }

  void add_bias(const T* bias, Matrix<T> out) const {
    const std::int64_t stride = desc_.bias->strides[0];
    for (std::int64_t i = 0; i < desc_.m(); ++i)
      for (std::int64_t j = 0; j < desc_.n(); ++j) {
        T& sum = *out.at(i, j);
        sum = static_cast<T>(sum + bias[j * stride]);
      }
  }

  MatmulDesc desc_;
  std::vector<std::int64_t> a_offsets_, b_offsets_, out_offsets_;
};

class OwnProvider final : public ContractionProvider {
 public:
  std::string_view name() const override { return "own"; }

  std::unique_ptr<Kernel> matmul(const MatmulDesc& desc) const override {
    return visit_dtype(desc.out.dtype, [&]<class T>(T) -> std::unique_ptr<Kernel> {
      if constexpr (std::is_same_v<T, bool> || !std::is_arithmetic_v<T>) {
        return nullptr;
      } else {
        return std::make_unique<OwnMatmul<T>>(desc);
      }
    });
  }

  std::unique_ptr<Kernel> convolution(const ConvDesc& desc) const override {
    return lower_im2col(desc, Im2colGemm{gemm, gemm, "own"});
  }
};

}  // namespace

const ContractionProvider& own_provider() {
  static const OwnProvider provider;
  return provider;
}

}  // namespace ingot::cpu
