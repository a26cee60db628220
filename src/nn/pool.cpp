#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/pool.h>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

void check_window(std::string_view layer, const Pair& kernel, const std::optional<Pair>& stride,
                  const Pair& padding) {
  require_at_least(layer, "kernel_size", kernel, 1);
  if (stride) require_at_least(layer, "stride", *stride, 1);
  require_at_least(layer, "padding", padding, 0);
  if (padding.h > kernel.h / 2 || padding.w > kernel.w / 2)
    throw ValueError(fmt::format("{}: padding {} must be at most half of kernel_size {}", layer,
                                 pair_str(padding), pair_str(kernel)));
}

std::string window(const Pair& kernel, const std::optional<Pair>& stride, const Pair& padding,
                   bool ceil_mode) {
  return fmt::format("kernel_size={}, stride={}, padding={}{}", pair_str(kernel),
                     pair_str(stride.value_or(kernel)), pair_str(padding),
                     ceil_mode ? ", ceil_mode=true" : "");
}

}  // namespace

MaxPool2d::MaxPool2d(Pair kernel_size, const MaxPool2dOptions& options)
    : kernel_(kernel_size), options_(options) {
  check_window("MaxPool2d", kernel_size, options.stride, options.padding);
  require_at_least("MaxPool2d", "dilation", options.dilation, 1);
}

MaxPool2d::MaxPool2d(Module& owner, std::string name, Pair kernel_size,
                     const MaxPool2dOptions& options)
    : MaxPool2d(kernel_size, options) {
  attach_to(owner, std::move(name));
}

Tensor MaxPool2d::forward(const Tensor& x) { return max_pool2d(x, kernel_, options_); }

std::string MaxPool2d::description() const {
  return window(kernel_, options_.stride, options_.padding, options_.ceil_mode);
}

AvgPool2d::AvgPool2d(Pair kernel_size, const AvgPool2dOptions& options)
    : kernel_(kernel_size), options_(options) {
  check_window("AvgPool2d", kernel_size, options.stride, options.padding);
  if (options.divisor_override == 0) throw ValueError("AvgPool2d: divisor_override must not be 0");
}

AvgPool2d::AvgPool2d(Module& owner, std::string name, Pair kernel_size,
                     const AvgPool2dOptions& options)
    : AvgPool2d(kernel_size, options) {
  attach_to(owner, std::move(name));
}

Tensor AvgPool2d::forward(const Tensor& x) { return avg_pool2d(x, kernel_, options_); }

std::string AvgPool2d::description() const {
  return window(kernel_, options_.stride, options_.padding, options_.ceil_mode);
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Pair output_size) : output_(output_size) {
  require_at_least("AdaptiveAvgPool2d", "output_size", output_size, 1);
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Module& owner, std::string name, Pair output_size)
    : AdaptiveAvgPool2d(output_size) {
  attach_to(owner, std::move(name));
}

Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return adaptive_avg_pool2d(x, output_); }
std::string AdaptiveAvgPool2d::description() const { return "output_size=" + pair_str(output_); }

std::unique_ptr<Module> MaxPool2d::make_same() const {
  return std::make_unique<MaxPool2d>(kernel_, options_);
}

std::unique_ptr<Module> AvgPool2d::make_same() const {
  return std::make_unique<AvgPool2d>(kernel_, options_);
}

std::unique_ptr<Module> AdaptiveAvgPool2d::make_same() const {
  return std::make_unique<AdaptiveAvgPool2d>(output_);
}

AdaptiveMaxPool2d::AdaptiveMaxPool2d(Pair output_size) : output_(output_size) {
  require_at_least("AdaptiveMaxPool2d", "output_size", output_size, 1);
}

AdaptiveMaxPool2d::AdaptiveMaxPool2d(Module& owner, std::string name, Pair output_size)
    : AdaptiveMaxPool2d(output_size) {
  attach_to(owner, std::move(name));
}

Tensor AdaptiveMaxPool2d::forward(const Tensor& x) { return adaptive_max_pool2d(x, output_); }
std::string AdaptiveMaxPool2d::description() const { return "output_size=" + pair_str(output_); }

std::unique_ptr<Module> AdaptiveMaxPool2d::make_same() const {
  return std::make_unique<AdaptiveMaxPool2d>(output_);
}

}  // namespace ingot::nn
