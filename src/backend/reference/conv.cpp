// conv2d and its gradients: one loop over (output element, kernel element) pairs each, written so
// that every pair (image element, kernel element, result element) is visited the same way.
#include "backend/kernel_table.h"
#include "backend/reference/naive.h"

namespace ingot::reference {
namespace {

std::int64_t at4(const Dims& strides, std::int64_t i, std::int64_t j, std::int64_t k,
                 std::int64_t l) {
  return i * strides[0] + j * strides[1] + k * strides[2] + l * strides[3];
}

// Which input position kernel element k touches for output position o; negative or beyond the image
// means padding.
std::int64_t input_position(const ConvAttrs& a, int axis, std::int64_t o, std::int64_t k) {
  return o * a.stride[axis] - a.padding[axis] + k * a.dilation[axis];
}

// The output position for which kernel element k touches input position i, or -1.
std::int64_t output_position(const ConvAttrs& a, int axis, std::int64_t i, std::int64_t k,
                             std::int64_t size) {
  const std::int64_t shifted = i + a.padding[axis] - k * a.dilation[axis];
  if (shifted < 0 || shifted % a.stride[axis] != 0) return -1;
  const std::int64_t o = shifted / a.stride[axis];
  return o < size ? o : -1;
}

struct Forward {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<ConvAttrs>();
    const TensorDesc &x = step.inputs[0], &w = step.inputs[1], &out = step.outputs[0];
    const bool has_bias = step.inputs.size() == 3;
    const std::int64_t outputs_per_group = w.shape[0] / a.groups;
    for_each_index(out.shape, [&](const Dims& i) {
      const std::int64_t o = i[1], first = o / outputs_per_group * w.shape[1];
      double sum = has_bias ? load(args.in<T>(2)[o * step.inputs[2].strides[0]]) : 0.0;
      for (std::int64_t c = 0; c < w.shape[1]; ++c)
        for (std::int64_t kh = 0; kh < w.shape[2]; ++kh)
          for (std::int64_t kw = 0; kw < w.shape[3]; ++kw) {
            const std::int64_t h = input_position(a, 0, i[2], kh),
                               v = input_position(a, 1, i[3], kw);
            if (h < 0 || h >= x.shape[2] || v < 0 || v >= x.shape[3]) continue;
            sum += load(args.in<T>(0)[at4(x.strides, i[0], first + c, h, v)]) *
                   load(args.in<T>(1)[at4(w.strides, o, c, kh, kw)]);
          }
      args.out<T>(0)[offset_of(i, out.strides)] = round_to<T>(sum);
    });
  }
};

struct BackwardInput {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<ConvAttrs>();
    const TensorDesc &g = step.inputs[0], &w = step.inputs[1], &dx = step.outputs[0];
    const std::int64_t outputs_per_group = w.shape[0] / a.groups;
    for_each_index(dx.shape, [&](const Dims& i) {
      const std::int64_t group = i[1] / w.shape[1], c = i[1] % w.shape[1];
      double sum = 0;
      for (std::int64_t o = group * outputs_per_group; o < (group + 1) * outputs_per_group; ++o)
        for (std::int64_t kh = 0; kh < w.shape[2]; ++kh)
          for (std::int64_t kw = 0; kw < w.shape[3]; ++kw) {
            const std::int64_t oh = output_position(a, 0, i[2], kh, g.shape[2]);
            const std::int64_t ow = output_position(a, 1, i[3], kw, g.shape[3]);
            if (oh < 0 || ow < 0) continue;
            sum += load(args.in<T>(0)[at4(g.strides, i[0], o, oh, ow)]) *
                   load(args.in<T>(1)[at4(w.strides, o, c, kh, kw)]);
          }
      args.out<T>(0)[offset_of(i, dx.strides)] = round_to<T>(sum);
    });
  }
};

struct BackwardWeight {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const auto& a = step.as<ConvAttrs>();
    const TensorDesc &g = step.inputs[0], &x = step.inputs[1], &dw = step.outputs[0];
    const std::int64_t outputs_per_group = dw.shape[0] / a.groups;
    for_each_index(dw.shape, [&](const Dims& i) {
      const std::int64_t channel = i[0] / outputs_per_group * dw.shape[1] + i[1];
      double sum = 0;
      for (std::int64_t n = 0; n < g.shape[0]; ++n)
        for (std::int64_t oh = 0; oh < g.shape[2]; ++oh)
          for (std::int64_t ow = 0; ow < g.shape[3]; ++ow) {
            const std::int64_t h = input_position(a, 0, oh, i[2]),
                               v = input_position(a, 1, ow, i[3]);
            if (h < 0 || h >= x.shape[2] || v < 0 || v >= x.shape[3]) continue;
            sum += load(args.in<T>(0)[at4(g.strides, n, i[0], oh, ow)]) *
                   load(args.in<T>(1)[at4(x.strides, n, channel, h, v)]);
          }
      args.out<T>(0)[offset_of(i, dw.strides)] = round_to<T>(sum);
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(conv) {
  table.add("conv2d", {lower_floating<Forward>, take_any_strides});
  table.add("conv2d_backward_input", {lower_floating<BackwardInput>, take_any_strides});
  table.add("conv2d_backward_weight", {lower_floating<BackwardWeight>, take_any_strides});
}

}  // namespace ingot::reference
