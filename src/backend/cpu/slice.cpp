// slice, slice_backward, slice_scatter, flip, cat, unbind and pad: copies of whole rows.
#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/strided_copy.h"
#include "backend/kernel_table.h"
#include "backend/layouts.h"
#include "core/convert.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

Dims with_step(Dims strides, std::int64_t dim, std::int64_t step) {
  // A huge step has one element, so its stride is never used: it may wrap.
  std::int64_t& stride = strides[static_cast<int>(dim)];
  stride = static_cast<std::int64_t>(static_cast<std::uint64_t>(stride) *
                                     static_cast<std::uint64_t>(step));
  return strides;
}

// Bytes from element to element of one dimension.
std::int64_t step_nbytes(const TensorDesc& t, std::int64_t dim) {
  return t.strides[static_cast<int>(dim)] * static_cast<std::int64_t>(nbytes_of(t.dtype));
}

void fill_zero(const TensorDesc& t, std::byte* to) {
  const std::uint64_t zero = 0;
  fill_elements(to, t.numel(), &zero, nbytes_of(t.dtype));
}

std::unique_ptr<Kernel> lower_slice(const StepDesc& step) {
  const auto& a = step.as<SliceAttrs>();
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  return make_kernel([copy = StridedCopy(out.shape, out.strides,
                                         with_step(in.strides, a.dim, a.step), nbytes_of(in.dtype)),
                      start_nbytes = step_nbytes(in, a.dim),
                      empty = out.numel() == 0](const KernelArgs& args) {
    if (empty) return;
    copy.run(args.out<std::byte>(0),
             args.in<std::byte>(0) + args.slots[0].to_int64() * start_nbytes);
  });
}

std::unique_ptr<Kernel> lower_slice_backward(const StepDesc& step) {
  const auto& a = step.as<ScatterAttrs>();
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  return make_kernel([copy = StridedCopy(in.shape, with_step(out.strides, a.dim, a.step),
                                         in.strides, nbytes_of(in.dtype)),
                      start_nbytes = step_nbytes(out, a.dim), out,
                      empty = in.numel() == 0](const KernelArgs& args) {
    fill_zero(out, args.out<std::byte>(0));
    if (empty) return;
    copy.run(args.out<std::byte>(0) + args.slots[0].to_int64() * start_nbytes,
             args.in<std::byte>(0));
  });
}

// Only the part is written where the whole may be overwritten.
class SliceScatterKernel final : public Kernel {
 public:
  explicit SliceScatterKernel(const StepDesc& step)
      : whole_(step.outputs[0].shape, step.outputs[0].strides, step.inputs[0].strides,
               nbytes_of(step.outputs[0].dtype)),
        part_(step.inputs[1].shape,
              with_step(step.outputs[0].strides, step.as<SliceAttrs>().dim,
                        step.as<SliceAttrs>().step),
              step.inputs[1].strides, nbytes_of(step.outputs[0].dtype)),
        start_nbytes_(step_nbytes(step.outputs[0], step.as<SliceAttrs>().dim)),
        empty_(step.inputs[1].numel() == 0),
        same_order_(step.inputs[0].strides == step.outputs[0].strides) {}

  void run(const KernelArgs& args) const override {
    auto* out = args.out<std::byte>(0);
    if (args.inputs[0] != args.outputs[0]) whole_.run(out, args.in<std::byte>(0));
    if (!empty_) part_.run(out + args.slots[0].to_int64() * start_nbytes_, args.in<std::byte>(1));
  }
  bool can_overwrite(int i, int o) const override { return i == 0 && o == 0 && same_order_; }

 private:
  StridedCopy whole_, part_;
  std::int64_t start_nbytes_;
  bool empty_, same_order_;
};

std::unique_ptr<Kernel> lower_slice_scatter(const StepDesc& step) {
  return std::make_unique<SliceScatterKernel>(step);
}

std::unique_ptr<Kernel> lower_flip(const StepDesc& step) {
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  Dims strides = in.strides;
  std::int64_t last_nbytes = 0;
  for (const std::int64_t dim : step.as<PermuteAttrs>().dims) {
    const auto d = static_cast<int>(dim);
    last_nbytes += (in.shape[d] - 1) * step_nbytes(in, dim);
    strides[d] = -strides[d];
  }
  return make_kernel([copy = StridedCopy(out.shape, out.strides, strides, nbytes_of(in.dtype)),
                      last_nbytes, empty = out.numel() == 0](const KernelArgs& args) {
    if (!empty) copy.run(args.out<std::byte>(0), args.in<std::byte>(0) + last_nbytes);
  });
}

std::unique_ptr<Kernel> lower_cat(const StepDesc& step) {
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  const TensorDesc& out = step.outputs[0];
  std::vector<StridedCopy> copies;
  std::vector<std::int64_t> starts;
  std::int64_t start = 0;
  for (const TensorDesc& in : step.inputs) {
    copies.emplace_back(in.shape, out.strides, in.strides, nbytes_of(in.dtype));
    starts.push_back(start * step_nbytes(out, dim));
    start += in.shape[static_cast<int>(dim)];
  }
  return make_kernel([copies, starts](const KernelArgs& args) {
    for (std::size_t i = 0; i < copies.size(); ++i)
      copies[i].run(args.out<std::byte>(0) + starts[i], args.in<std::byte>(static_cast<int>(i)));
  });
}

std::unique_ptr<Kernel> lower_unbind(const StepDesc& step) {
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  const TensorDesc& in = step.inputs[0];
  Dims strides = in.strides;
  strides.erase(static_cast<int>(dim));
  std::vector<StridedCopy> copies;
  for (const TensorDesc& out : step.outputs)
    copies.emplace_back(out.shape, out.strides, strides, nbytes_of(out.dtype));
  return make_kernel([copies, entry_nbytes = step_nbytes(in, dim)](const KernelArgs& args) {
    for (std::size_t i = 0; i < copies.size(); ++i)
      copies[i].run(args.out<std::byte>(static_cast<int>(i)),
                    args.in<std::byte>(0) + static_cast<std::int64_t>(i) * entry_nbytes);
  });
}

std::unique_ptr<Kernel> lower_pad(const StepDesc& step) {
  const TensorDesc &in = step.inputs[0], &out = step.outputs[0];
  std::int64_t first_nbytes = 0;
  for (int d = 0; d < in.shape.rank(); ++d)
    first_nbytes += step.as<PadAttrs>().before[d] * step_nbytes(out, d);
  return make_kernel([copy = StridedCopy(in.shape, out.strides, in.strides, nbytes_of(in.dtype)),
                      first_nbytes, out, empty = in.numel() == 0](const KernelArgs& args) {
    visit_dtype(out.dtype, [&](auto type) {
      const auto value = convert_scalar<decltype(type)>(args.slots[0]);
      fill_elements(args.out<std::byte>(0), out.numel(), &value, sizeof(value));
    });
    if (!empty) copy.run(args.out<std::byte>(0) + first_nbytes, args.in<std::byte>(0));
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(slice) {
  table.add("slice", {lower_slice, keep_channels_last});
  table.add("slice_backward", {lower_slice_backward, keep_channels_last});
  table.add("slice_scatter", {lower_slice_scatter, keep_channels_last});
  table.add("flip", {lower_flip, keep_channels_last});
  table.add("cat", {lower_cat, keep_channels_last});
  table.add("unbind", {lower_unbind, take_any_strides});
  table.add("pad", {lower_pad, keep_channels_last});
}

}  // namespace ingot::cpu
