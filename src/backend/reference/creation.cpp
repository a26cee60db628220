// full, arange, linspace, eye.
#include "backend/kernel_table.h"
#include "backend/reference/loops.h"
#include "core/progression.h"

namespace ingot::reference {
namespace {

// A kernel that writes element i of a row-major output of type T as f(T{}, i, slots).
template <class F>
std::unique_ptr<Kernel> generate(const StepDesc& step, F f) {
  return make_kernel([f, desc = step.outputs[0]](const KernelArgs& args) {
    visit_dtype(desc.dtype, [&](auto type) {
      using T = decltype(type);
      T* out = args.out<T>(0);
      const std::int64_t numel = desc.numel();
      for (std::int64_t i = 0; i < numel; ++i) out[i] = f(type, i, args.slots);
    });
  });
}

std::unique_ptr<Kernel> lower_full(const StepDesc& step) {
  return generate(step, [](auto type, std::int64_t, const Scalar* slots) {
    return convert_scalar<decltype(type)>(slots[0]);
  });
}

std::unique_ptr<Kernel> lower_arange(const StepDesc& step) {
  return generate(step, [](auto type, std::int64_t i, const Scalar* slots) {
    using T = decltype(type);
    if (slots[0].kind() != Scalar::Kind::Float && slots[1].kind() != Scalar::Kind::Float)
      return convert_element<T>(progression_at(slots[0].to_int64(), i, slots[1].to_int64()));
    return convert_element<T>(
        progression_at(slots[0].to_double(), static_cast<double>(i), slots[1].to_double()));
  });
}

std::unique_ptr<Kernel> lower_linspace(const StepDesc& step) {
  const std::int64_t n = step.outputs[0].numel();
  return generate(step, [n](auto type, std::int64_t i, const Scalar* slots) {
    return convert_element<decltype(type)>(
        spaced_at(slots[0].to_double(), slots[1].to_double(), i, n));
  });
}

std::unique_ptr<Kernel> lower_eye(const StepDesc& step) {
  const std::int64_t columns = step.outputs[0].shape[1];
  return generate(step, [columns](auto type, std::int64_t i, const Scalar*) {
    return convert_element<decltype(type)>(std::int64_t{i / columns == i % columns});
  });
}

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(creation) {
  table.add("full", {lower_full, take_any_strides});
  table.add("arange", {lower_arange, take_any_strides});
  table.add("linspace", {lower_linspace, take_any_strides});
  table.add("eye", {lower_eye, take_any_strides});
}

}  // namespace ingot::reference
