// matmul: out[..., m, n] = Σ_k a[..., m, k] · b[..., k, n].
#include "backend/kernel_table.h"
#include "backend/reference/naive.h"

namespace ingot::reference {
namespace {

struct Matmul {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &a = step.inputs[0], &b = step.inputs[1], &out = step.outputs[0];
    const int rank = out.shape.rank();
    const std::int64_t k_size = a.shape.back();
    for_each_index(out.shape, [&](const Dims& index) {
      Dims ia = index, ib = index;
      Accumulator<T> sum = 0;
      for (std::int64_t k = 0; k < k_size; ++k) {
        ia[rank - 1] = k;
        ib[rank - 2] = k;
        sum += load(args.in<T>(0)[offset_of(ia, a.strides)]) *
               load(args.in<T>(1)[offset_of(ib, b.strides)]);
      }
      args.out<T>(0)[offset_of(index, out.strides)] = round_to<T>(sum);
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(matmul) {
  table.add("matmul", {lower_numbers<Matmul>, take_any_strides});
}

}  // namespace ingot::reference
