// slice, slice_backward, slice_scatter, flip, cat: elements copied from place to place.
#include <cstring>
#include <numeric>

#include "backend/kernel_table.h"
#include "backend/reference/loops.h"

namespace ingot::reference {
namespace {

// Copies the elements of `shape`; `to` and `from` point at element [0, 0, …].
void copy_elements(const Shape& shape, std::size_t size, std::byte* to, const Dims& to_strides,
                   const std::byte* from, const Dims& from_strides) {
  const auto bytes = static_cast<std::int64_t>(size);
  for_each_index<2>(shape, {to_strides, from_strides}, [&](const auto& offsets) {
    std::memcpy(to + offsets[0] * bytes, from + offsets[1] * bytes, size);
  });
}

// A tensor and the bytes it lies in.
struct View {
  Shape shape;
  std::size_t size;
  std::byte* data;
  Dims strides;

  View(const TensorDesc& desc, void* bytes)
      : shape(desc.shape),
        size(nbytes_of(desc.dtype)),
        data(static_cast<std::byte*>(bytes)),
        strides(desc.strides) {}

  void move(std::int64_t elements) { data += elements * static_cast<std::int64_t>(size); }
  // Elements start, start + step, … of one dimension.
  View slice(std::int64_t dim, std::int64_t start, std::int64_t length, std::int64_t step) const {
    View v = *this;
    const auto d = static_cast<int>(dim);
    if (length > 0) v.move(start * strides[d]);
    v.shape[d] = length;
    if (length > 1) v.strides[d] *= step;
    return v;
  }
};

void copy(const View& to, const View& from) {
  copy_elements(to.shape, to.size, to.data, to.strides, from.data, from.strides);
}

std::unique_ptr<Kernel> lower_slice(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const auto& a = step.as<SliceAttrs>();
    const View in(step.inputs[0], args.inputs[0]), out(step.outputs[0], args.outputs[0]);
    copy(out, in.slice(a.dim, args.slots[0].to_int64(), a.length, a.step));
  });
}

std::unique_ptr<Kernel> lower_slice_backward(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const auto& a = step.as<ScatterAttrs>();
    const View in(step.inputs[0], args.inputs[0]), out(step.outputs[0], args.outputs[0]);
    if (out.shape.numel() > 0) std::memset(out.data, 0, step.outputs[0].nbytes());
    const std::int64_t length = in.shape[static_cast<int>(a.dim)];
    copy(out.slice(a.dim, args.slots[0].to_int64(), length, a.step), in);
  });
}

std::unique_ptr<Kernel> lower_slice_scatter(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const auto& a = step.as<SliceAttrs>();
    const View in(step.inputs[0], args.inputs[0]), source(step.inputs[1], args.inputs[1]);
    const View out(step.outputs[0], args.outputs[0]);
    copy(out, in);
    copy(out.slice(a.dim, args.slots[0].to_int64(), a.length, a.step), source);
  });
}

std::unique_ptr<Kernel> lower_flip(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    View in(step.inputs[0], args.inputs[0]);
    const View out(step.outputs[0], args.outputs[0]);
    if (out.shape.numel() == 0) return;
    for (const std::int64_t dim : step.as<PermuteAttrs>().dims) {
      const auto d = static_cast<int>(dim);
      in.move((in.shape[d] - 1) * in.strides[d]);
      in.strides[d] = -in.strides[d];
    }
    copy(out, in);
  });
}

std::unique_ptr<Kernel> lower_cat(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const std::int64_t dim = step.as<AxisAttrs>().dim;
    const View out(step.outputs[0], args.outputs[0]);
    std::int64_t start = 0;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const View in(step.inputs[i], args.inputs[i]);
      const std::int64_t length = in.shape[static_cast<int>(dim)];
      copy(out.slice(dim, start, length, 1), in);
      start += length;
    }
  });
}

std::unique_ptr<Kernel> lower_unbind(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
    const View in(step.inputs[0], args.inputs[0]);
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      View entry = in.slice(dim, static_cast<std::int64_t>(i), 1, 1);
      entry.shape.erase(dim);
      entry.strides.erase(dim);
      copy(View(step.outputs[i], args.outputs[i]), entry);
    }
  });
}

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(slice) {
  table.add("slice", {lower_slice, take_any_strides});
  table.add("slice_backward", {lower_slice_backward, take_any_strides});
  table.add("slice_scatter", {lower_slice_scatter, take_any_strides});
  table.add("flip", {lower_flip, take_any_strides});
  table.add("unbind", {lower_unbind, take_any_strides});
  table.add("cat", {lower_cat, take_any_strides});
}

}  // namespace ingot::reference
