// full, arange, linspace, eye: the reference's formulas, in pieces. -0.0, NaN and the rounding of
// 16-bit types are the reference's, too, because every element is made by the same expression.
#include <algorithm>

#include <ingot/core/parallel.h>

#include "backend/kernel_table.h"
#include "core/ceil_div.h"
#include "core/convert.h"
#include "core/progression.h"

namespace ingot::cpu {
namespace {

constexpr std::int64_t kGrain = kParallelNumel;

// A kernel that calls f(out, first, last, slots) for pieces of a row-major output.
template <class F>
std::unique_ptr<Kernel> in_pieces(const StepDesc& step, F f) {
  const std::int64_t numel = step.outputs[0].numel();
  return visit_dtype(step.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([f, numel](const KernelArgs& args) {
      T* const out = args.out<T>(0);
      parallel_for(0, numel, kGrain,
                   [&](std::int64_t first, std::int64_t last) { f(out, first, last, args.slots); });
    });
  });
}

std::unique_ptr<Kernel> lower_full(const StepDesc& step) {
  return in_pieces(step,
                   []<class T>(T* out, std::int64_t first, std::int64_t last, const Scalar* slots) {
                     std::fill(out + first, out + last, convert_scalar<T>(slots[0]));
                   });
}

std::unique_ptr<Kernel> lower_arange(const StepDesc& step) {
  return in_pieces(
      step, []<class T>(T* out, std::int64_t first, std::int64_t last, const Scalar* slots) {
        if (slots[0].kind() != Scalar::Kind::Float && slots[1].kind() != Scalar::Kind::Float) {
          const std::int64_t start = slots[0].to_int64(), by = slots[1].to_int64();
          for (std::int64_t i = first; i < last; ++i)
            out[i] = convert_element<T>(progression_at(start, i, by));
        } else {
          const double start = slots[0].to_double(), by = slots[1].to_double();
          for (std::int64_t i = first; i < last; ++i)
            out[i] = convert_element<T>(progression_at(start, static_cast<double>(i), by));
        }
      });
}

std::unique_ptr<Kernel> lower_linspace(const StepDesc& step) {
  const std::int64_t n = step.outputs[0].numel();
  return in_pieces(
      step, [n]<class T>(T* out, std::int64_t first, std::int64_t last, const Scalar* slots) {
        const double start = slots[0].to_double(), end = slots[1].to_double();
        for (std::int64_t i = first; i < last; ++i)
          out[i] = convert_element<T>(spaced_at(start, end, i, n));
      });
}

std::unique_ptr<Kernel> lower_eye(const StepDesc& step) {
  const std::int64_t columns = step.outputs[0].shape[1];
  const std::int64_t square = std::min(step.outputs[0].shape[0], columns) * columns;
  return in_pieces(step, [columns, square]<class T>(T* out, std::int64_t first, std::int64_t last,
                                                    const Scalar*) {
    std::fill(out + first, out + last, convert_element<T>(std::int64_t{0}));
    const std::int64_t stride = columns + 1;  // between the ones
    const std::int64_t end = std::min(last, square);
    for (std::int64_t i = ceil_div(first, stride) * stride; i < end; i += stride)
      out[i] = convert_element<T>(std::int64_t{1});
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(creation) {
  table.add("full", {.lower = lower_full});
  table.add("arange", {.lower = lower_arange});
  table.add("linspace", {.lower = lower_linspace});
  table.add("eye", {.lower = lower_eye});
}

}  // namespace ingot::cpu
