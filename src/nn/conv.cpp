#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/init.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>

#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

Shape weight_shape(std::int64_t in_channels, std::int64_t out_channels, const Pair& kernel,
                   const Conv2dOptions& o) {
  require_at_least("Conv2d", "in_channels", in_channels, 1);
  require_at_least("Conv2d", "out_channels", out_channels, 1);
  require_at_least("Conv2d", "kernel_size", kernel, 1);
  require_at_least("Conv2d", "stride", o.stride, 1);
  require_at_least("Conv2d", "padding", o.padding, 0);
  require_at_least("Conv2d", "dilation", o.dilation, 1);
  require_at_least("Conv2d", "groups", o.groups, 1);
  if (in_channels % o.groups != 0 || out_channels % o.groups != 0)
    throw ValueError(fmt::format("Conv2d: groups={} must divide in_channels={} and out_channels={}",
                                 o.groups, in_channels, out_channels));
  return {out_channels, in_channels / o.groups, kernel.h, kernel.w};
}

}  // namespace

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels, Pair kernel_size,
               const Conv2dOptions& options)
    : weight(register_parameter(
          "weight", zeros(weight_shape(in_channels, out_channels, kernel_size, options)))),
      bias(register_parameter("bias", options.bias ? zeros({out_channels}) : Tensor())),
      options_(options) {
  reset_parameters();
}

Conv2d::Conv2d(Module& owner, std::string name, std::int64_t in_channels, std::int64_t out_channels,
               Pair kernel_size, const Conv2dOptions& options)
    : Conv2d(in_channels, out_channels, kernel_size, options) {
  attach_to(owner, std::move(name));
}

void Conv2d::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(init::fans_of(weight.shape()).in));
  init::uniform_(bias, -bound, bound);
}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight, bias,
                {.stride = options_.stride,
                 .padding = options_.padding,
                 .dilation = options_.dilation,
                 .groups = options_.groups});
}

std::string Conv2d::description() const {
  std::string text =
      fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                  pair_str(Pair(weight.size(2), weight.size(3))), pair_str(options_.stride));
  if (options_.padding != Pair(0)) text += ", padding=" + pair_str(options_.padding);
  if (options_.dilation != Pair(1)) text += ", dilation=" + pair_str(options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups={}", options_.groups);
  if (!bias.defined()) text += ", bias=false";
  return text;
}

std::unique_ptr<Module> Conv2d::make_same() const {
  return std::make_unique<Conv2d>(in_channels(), out_channels(),
                                  Pair(weight.size(2), weight.size(3)), options_);
}

}  // namespace ingot::nn
