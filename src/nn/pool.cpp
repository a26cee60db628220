#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/pool.h>

#include <limits>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

/// The same bounds as the function's: half of what the kernel reaches over, dilation included.
void check_window(std::string_view layer, const Pair& kernel, const std::optional<Pair>& stride,
                  const Pair& padding, const Pair& dilation = 1) {
  require_at_least(layer, "kernel_size", kernel, 1);
  if (stride) require_at_least(layer, "stride", *stride, 1);
  require_at_least(layer, "padding", padding, 0);
  require_at_least(layer, "dilation", dilation, 1);
  const auto reach = [](std::int64_t size, std::int64_t gap) {
    std::int64_t all = 0;
    if (__builtin_mul_overflow(size - 1, gap, &all))
      return std::numeric_limits<std::int64_t>::max();
    return all + 1;
  };
  if (padding.h > reach(kernel.h, dilation.h) / 2 || padding.w > reach(kernel.w, dilation.w) / 2)
    throw ValueError(fmt::format(
        "{}: padding {} must be at most half of what kernel_size {} with dilation {} reaches over",
        layer, pair_str(padding), pair_str(kernel), pair_str(dilation)));
}

std::string window(const Pair& kernel, const std::optional<Pair>& stride, const Pair& padding,
                   bool ceil_mode, const Pair& dilation = 1) {
  return fmt::format("kernel_size={}, stride={}, padding={}{}{}", pair_str(kernel),
                     pair_str(stride.value_or(kernel)), pair_str(padding),
                     dilation == Pair(1) ? "" : ", dilation=" + pair_str(dilation),
                     ceil_mode ? ", ceil_mode=true" : "");
}

}  // namespace

void MaxPool2d::check(Pair kernel_size, const MaxPool2dOptions& options) {
  check_window("MaxPool2d", kernel_size, options.stride, options.padding, options.dilation);
}

Tensor MaxPool2d::forward(const Tensor& x) { return max_pool2d(x, argument<0>(), options()); }

std::string MaxPool2d::description() const {
  return window(argument<0>(), options().stride, options().padding, options().ceil_mode,
                options().dilation);
}

void AvgPool2d::check(Pair kernel_size, const AvgPool2dOptions& options) {
  check_window("AvgPool2d", kernel_size, options.stride, options.padding);
  if (options.divisor_override == 0) throw ValueError("AvgPool2d: divisor_override must not be 0");
}

Tensor AvgPool2d::forward(const Tensor& x) { return avg_pool2d(x, argument<0>(), options()); }

std::string AvgPool2d::description() const {
  return window(argument<0>(), options().stride, options().padding, options().ceil_mode);
}

void AdaptiveAvgPool2d::check(Pair output_size, const NoOptions&) {
  require_at_least("AdaptiveAvgPool2d", "output_size", output_size, 1);
}
Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return adaptive_avg_pool2d(x, argument<0>()); }
std::string AdaptiveAvgPool2d::description() const {
  return "output_size=" + pair_str(argument<0>());
}

void AdaptiveMaxPool2d::check(Pair output_size, const NoOptions&) {
  require_at_least("AdaptiveMaxPool2d", "output_size", output_size, 1);
}
Tensor AdaptiveMaxPool2d::forward(const Tensor& x) { return adaptive_max_pool2d(x, argument<0>()); }
std::string AdaptiveMaxPool2d::description() const {
  return "output_size=" + pair_str(argument<0>());
}

}  // namespace ingot::nn
