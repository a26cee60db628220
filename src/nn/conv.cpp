#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/init.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>

#include <algorithm>
#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

void check_channels(const char* layer, std::int64_t in_channels, std::int64_t out_channels,
                    std::int64_t groups, const std::string& padding_mode, bool transposed) {
  require_at_least(layer, "in_channels", in_channels, 1);
  require_at_least(layer, "out_channels", out_channels, 1);
  require_at_least(layer, "groups", groups, 1);
  if (in_channels % groups != 0 || out_channels % groups != 0)
    throw ValueError(fmt::format("{}: groups={} must divide in_channels={} and out_channels={}",
                                 layer, groups, in_channels, out_channels));
  const bool known = padding_mode == "zeros" ||
                     (!transposed && (padding_mode == "reflect" || padding_mode == "replicate" ||
                                      padding_mode == "circular"));
  if (!known)
    throw ValueError(
        fmt::format("{}: padding_mode \"{}\" is not there, only \"zeros\"{}", layer, padding_mode,
                    transposed ? "" : ", \"reflect\", \"replicate\" and \"circular\""));
}

// What ingot::pad adds around a dimension: so much on both sides, or with "same" what the kernel
// takes away, the larger half at the end.
void add_around(std::vector<std::int64_t>& around, bool same, std::int64_t padding,
                std::int64_t kernel, std::int64_t dilation) {
  const std::int64_t total = same ? dilation * (kernel - 1) : 2 * padding;
  around.push_back(total / 2);
  around.push_back(total - total / 2);
}

void refuse_stride(const char* layer, bool same, bool strided) {
  if (same && strided) throw ValueError(fmt::format("{}: padding \"same\" needs stride 1", layer));
}

// Bounds of all convolutions: 1/sqrt(elements per output), for a transposed one of its reverse.
void draw(Tensor& weight, Tensor& bias) {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(init::fans_of(weight.shape()).in));
  init::uniform_(bias, -bound, bound);
}

Tensor wanted_bias(bool wanted, std::int64_t channels) {
  return wanted ? zeros({channels}) : Tensor();
}

Shape weight_shape(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
                   const Conv1dOptions& o) {
  check_channels("Conv1d", in_channels, out_channels, o.groups, o.padding_mode, false);
  require_at_least("Conv1d", "kernel_size", kernel, 1);
  require_at_least("Conv1d", "stride", o.stride, 1);
  require_at_least("Conv1d", "padding", o.padding.size, 0);
  require_at_least("Conv1d", "dilation", o.dilation, 1);
  refuse_stride("Conv1d", o.padding.same, o.stride != 1);
  return {out_channels, in_channels / o.groups, kernel};
}

Shape weight_shape(std::int64_t in_channels, std::int64_t out_channels, const Pair& kernel,
                   const ConvTranspose2dOptions& o) {
  constexpr const char* kLayer = "ConvTranspose2d";
  check_channels(kLayer, in_channels, out_channels, o.groups, o.padding_mode, true);
  require_at_least(kLayer, "kernel_size", kernel, 1);
  require_at_least(kLayer, "stride", o.stride, 1);
  require_at_least(kLayer, "padding", o.padding, 0);
  require_at_least(kLayer, "output_padding", o.output_padding, 0);
  require_at_least(kLayer, "dilation", o.dilation, 1);
  if (o.output_padding.h >= std::max(o.stride.h, o.dilation.h) ||
      o.output_padding.w >= std::max(o.stride.w, o.dilation.w))
    throw ValueError(fmt::format("{}: output_padding {} must be less than stride {} or dilation {}",
                                 kLayer, pair_str(o.output_padding), pair_str(o.stride),
                                 pair_str(o.dilation)));
  return {in_channels, out_channels / o.groups, kernel.h, kernel.w};
}

Shape weight_shape(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
                   const ConvTranspose1dOptions& o) {
  constexpr const char* kLayer = "ConvTranspose1d";
  check_channels(kLayer, in_channels, out_channels, o.groups, o.padding_mode, true);
  require_at_least(kLayer, "kernel_size", kernel, 1);
  require_at_least(kLayer, "stride", o.stride, 1);
  require_at_least(kLayer, "padding", o.padding, 0);
  require_at_least(kLayer, "output_padding", o.output_padding, 0);
  require_at_least(kLayer, "dilation", o.dilation, 1);
  if (o.output_padding >= std::max(o.stride, o.dilation))
    throw ValueError(fmt::format("{}: output_padding {} must be less than stride {} or dilation {}",
                                 kLayer, o.output_padding, o.stride, o.dilation));
  return {in_channels, out_channels / o.groups, kernel};
}

Shape weight_shape(std::int64_t in_channels, std::int64_t out_channels, const Pair& kernel,
                   const Conv2dOptions& o) {
  check_channels("Conv2d", in_channels, out_channels, o.groups, o.padding_mode, false);
  require_at_least("Conv2d", "kernel_size", kernel, 1);
  require_at_least("Conv2d", "stride", o.stride, 1);
  require_at_least("Conv2d", "padding", o.padding, 0);
  require_at_least("Conv2d", "dilation", o.dilation, 1);
  refuse_stride("Conv2d", o.padding.same, o.stride != Pair(1));
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

void Conv2d::reset_parameters() { draw(weight, bias); }

Tensor Conv2d::forward(const Tensor& x) {
  if (options_.padding_mode != "zeros") {
    const ConvPadding& p = options_.padding;
    std::vector<std::int64_t> around;
    add_around(around, p.same, p.w, weight.size(3), options_.dilation.w);
    add_around(around, p.same, p.h, weight.size(2), options_.dilation.h);
    return conv2d(pad(x, around, options_.padding_mode), weight, bias,
                  {.stride = options_.stride,
                   .padding = 0,
                   .dilation = options_.dilation,
                   .groups = options_.groups});
  }
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
  if (options_.padding.same) text += ", padding=same";
  if (options_.padding != Pair(0)) text += ", padding=" + pair_str(options_.padding);
  if (options_.dilation != Pair(1)) text += ", dilation=" + pair_str(options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups={}", options_.groups);
  if (!bias.defined()) text += ", bias=false";
  if (options_.padding_mode != "zeros") text += ", padding_mode=" + options_.padding_mode;
  return text;
}

std::unique_ptr<Module> Conv2d::make_same() const {
  return std::make_unique<Conv2d>(in_channels(), out_channels(),
                                  Pair(weight.size(2), weight.size(3)), options_);
}

// -- Conv1d --

Conv1d::Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
               const Conv1dOptions& options)
    : weight(register_parameter(
          "weight", zeros(weight_shape(in_channels, out_channels, kernel_size, options)))),
      bias(register_parameter("bias", wanted_bias(options.bias, out_channels))),
      options_(options) {
  reset_parameters();
}

Conv1d::Conv1d(Module& owner, std::string name, std::int64_t in_channels, std::int64_t out_channels,
               std::int64_t kernel_size, const Conv1dOptions& options)
    : Conv1d(in_channels, out_channels, kernel_size, options) {
  attach_to(owner, std::move(name));
}

void Conv1d::reset_parameters() { draw(weight, bias); }

Tensor Conv1d::forward(const Tensor& x) {
  if (options_.padding_mode != "zeros") {
    std::vector<std::int64_t> around;
    add_around(around, options_.padding.same, options_.padding.size, weight.size(2),
               options_.dilation);
    return conv1d(pad(x, around, options_.padding_mode), weight, bias,
                  {.stride = options_.stride,
                   .padding = 0,
                   .dilation = options_.dilation,
                   .groups = options_.groups});
  }
  return conv1d(x, weight, bias,
                {.stride = options_.stride,
                 .padding = options_.padding,
                 .dilation = options_.dilation,
                 .groups = options_.groups});
}

std::string Conv1d::description() const {
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                                 weight.size(2), options_.stride);
  if (options_.padding.same) text += ", padding=same";
  if (options_.padding.size != 0) text += fmt::format(", padding={}", options_.padding.size);
  if (options_.dilation != 1) text += fmt::format(", dilation={}", options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups={}", options_.groups);
  if (!bias.defined()) text += ", bias=false";
  if (options_.padding_mode != "zeros") text += ", padding_mode=" + options_.padding_mode;
  return text;
}

std::unique_ptr<Module> Conv1d::make_same() const {
  return std::make_unique<Conv1d>(in_channels(), out_channels(), weight.size(2), options_);
}

// -- ConvTranspose2d --

ConvTranspose2d::ConvTranspose2d(std::int64_t in_channels, std::int64_t out_channels,
                                 Pair kernel_size, const ConvTranspose2dOptions& options)
    : weight(register_parameter(
          "weight", zeros(weight_shape(in_channels, out_channels, kernel_size, options)))),
      bias(register_parameter("bias", wanted_bias(options.bias, out_channels))),
      options_(options) {
  reset_parameters();
}

ConvTranspose2d::ConvTranspose2d(Module& owner, std::string name, std::int64_t in_channels,
                                 std::int64_t out_channels, Pair kernel_size,
                                 const ConvTranspose2dOptions& options)
    : ConvTranspose2d(in_channels, out_channels, kernel_size, options) {
  attach_to(owner, std::move(name));
}

void ConvTranspose2d::reset_parameters() { draw(weight, bias); }

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight, bias,
                          {.stride = options_.stride,
                           .padding = options_.padding,
                           .output_padding = options_.output_padding,
                           .groups = options_.groups,
                           .dilation = options_.dilation});
}

std::string ConvTranspose2d::description() const {
  std::string text =
      fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                  pair_str(Pair(weight.size(2), weight.size(3))), pair_str(options_.stride));
  if (options_.padding != Pair(0)) text += ", padding=" + pair_str(options_.padding);
  if (options_.output_padding != Pair(0))
    text += ", output_padding=" + pair_str(options_.output_padding);
  if (options_.dilation != Pair(1)) text += ", dilation=" + pair_str(options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups={}", options_.groups);
  if (!bias.defined()) text += ", bias=false";
  return text;
}

std::unique_ptr<Module> ConvTranspose2d::make_same() const {
  return std::make_unique<ConvTranspose2d>(in_channels(), out_channels(),
                                           Pair(weight.size(2), weight.size(3)), options_);
}

// -- ConvTranspose1d --

ConvTranspose1d::ConvTranspose1d(std::int64_t in_channels, std::int64_t out_channels,
                                 std::int64_t kernel_size, const ConvTranspose1dOptions& options)
    : weight(register_parameter(
          "weight", zeros(weight_shape(in_channels, out_channels, kernel_size, options)))),
      bias(register_parameter("bias", wanted_bias(options.bias, out_channels))),
      options_(options) {
  reset_parameters();
}

ConvTranspose1d::ConvTranspose1d(Module& owner, std::string name, std::int64_t in_channels,
                                 std::int64_t out_channels, std::int64_t kernel_size,
                                 const ConvTranspose1dOptions& options)
    : ConvTranspose1d(in_channels, out_channels, kernel_size, options) {
  attach_to(owner, std::move(name));
}

void ConvTranspose1d::reset_parameters() { draw(weight, bias); }

Tensor ConvTranspose1d::forward(const Tensor& x) {
  return conv_transpose1d(x, weight, bias,
                          {.stride = options_.stride,
                           .padding = options_.padding,
                           .output_padding = options_.output_padding,
                           .groups = options_.groups,
                           .dilation = options_.dilation});
}

std::string ConvTranspose1d::description() const {
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                                 weight.size(2), options_.stride);
  if (options_.padding != 0) text += fmt::format(", padding={}", options_.padding);
  if (options_.output_padding != 0)
    text += fmt::format(", output_padding={}", options_.output_padding);
  if (options_.dilation != 1) text += fmt::format(", dilation={}", options_.dilation);
  if (options_.groups != 1) text += fmt::format(", groups={}", options_.groups);
  if (!bias.defined()) text += ", bias=false";
  return text;
}

std::unique_ptr<Module> ConvTranspose1d::make_same() const {
  return std::make_unique<ConvTranspose1d>(in_channels(), out_channels(), weight.size(2), options_);
}

}  // namespace ingot::nn
