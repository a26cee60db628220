// The sizes of a convolution, as the loops of our own kernels want them.
#pragma once

#include "backend/cpu/contraction.h"

namespace ingot::cpu {

struct ConvSizes {
  std::int64_t images, channels, height, width;  // x
  std::int64_t outputs, out_height, out_width;   // y
  std::int64_t kernel_h, kernel_w;
  std::int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;

  explicit ConvSizes(const ConvDesc& d)
      : images(d.x.shape[0]),
        channels(d.x.shape[1]),
        height(d.x.shape[2]),
        width(d.x.shape[3]),
        outputs(d.y.shape[1]),
        out_height(d.y.shape[2]),
        out_width(d.y.shape[3]),
        kernel_h(d.weight.shape[2]),
        kernel_w(d.weight.shape[3]),
        stride_h(d.attrs.stride[0]),
        stride_w(d.attrs.stride[1]),
        pad_h(d.attrs.padding[0]),
        pad_w(d.attrs.padding[1]),
        dilation_h(d.attrs.dilation[0]),
        dilation_w(d.attrs.dilation[1]) {}

  std::int64_t taps() const { return kernel_h * kernel_w; }
};

}  // namespace ingot::cpu
