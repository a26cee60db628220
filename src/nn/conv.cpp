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
void draw_weight(Tensor& weight) { init::kaiming_uniform_(weight, std::sqrt(5.0)); }

void draw_bias(Tensor& bias, const Tensor& weight) {
  const double bound = 1 / std::sqrt(static_cast<double>(init::fans_of(weight.shape()).in));
  init::uniform_(bias, -bound, bound);
}

void draw(Tensor& weight, Tensor& bias) {
  draw_weight(weight);
  if (bias.defined()) draw_bias(bias, weight);
}

Tensor drawn_weight(const Shape& shape) {
  Tensor weight = zeros(shape);
  draw_weight(weight);
  return weight;
}

Tensor drawn_bias(bool wanted, std::int64_t channels, const Tensor& weight) {
  if (!wanted) return {};
  Tensor bias = zeros(channels);
  draw_bias(bias, weight);
  return bias;
}

}  // namespace

// -- Conv2d --

void Conv2d::check(std::int64_t in_channels, std::int64_t out_channels, Pair kernel,
                   const Conv2dOptions& o) {
  check_channels("Conv2d", in_channels, out_channels, o.groups, o.padding_mode, false);
  require_at_least("Conv2d", "kernel_size", kernel, 1);
  require_at_least("Conv2d", "stride", o.stride, 1);
  require_at_least("Conv2d", "padding", o.padding, 0);
  require_at_least("Conv2d", "dilation", o.dilation, 1);
  refuse_stride("Conv2d", o.padding.same, o.stride != Pair(1));
}

Tensor Conv2d::first_weight() const {
  return drawn_weight(
      {argument<1>(), argument<0>() / options().groups, argument<2>().h, argument<2>().w});
}
Tensor Conv2d::first_bias() const { return drawn_bias(options().bias, argument<1>(), weight); }
void Conv2d::reset_parameters() { draw(weight, bias); }

Tensor Conv2d::forward(const Tensor& x) {
  if (options().padding_mode != "zeros") {
    const ConvPadding& p = options().padding;
    std::vector<std::int64_t> around;
    add_around(around, p.same, p.w, weight.size(3), options().dilation.w);
    add_around(around, p.same, p.h, weight.size(2), options().dilation.h);
    return conv2d(pad(x, around, options().padding_mode), weight, bias,
                  {.stride = options().stride,
                   .padding = 0,
                   .dilation = options().dilation,
                   .groups = options().groups});
  }
  return conv2d(x, weight, bias,
                {.stride = options().stride,
                 .padding = options().padding,
                 .dilation = options().dilation,
                 .groups = options().groups});
}

std::string Conv2d::description() const {
  std::string text =
      fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                  pair_str(Pair(weight.size(2), weight.size(3))), pair_str(options().stride));
  if (options().padding.same) text += ", padding=same";
  if (options().padding != Pair(0)) text += ", padding=" + pair_str(options().padding);
  if (options().dilation != Pair(1)) text += ", dilation=" + pair_str(options().dilation);
  if (options().groups != 1) text += fmt::format(", groups={}", options().groups);
  if (!bias.defined()) text += ", bias=false";
  if (options().padding_mode != "zeros") text += ", padding_mode=" + options().padding_mode;
  return text;
}

// -- Conv1d --

void Conv1d::check(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
                   const Conv1dOptions& o) {
  check_channels("Conv1d", in_channels, out_channels, o.groups, o.padding_mode, false);
  require_at_least("Conv1d", "kernel_size", kernel, 1);
  require_at_least("Conv1d", "stride", o.stride, 1);
  require_at_least("Conv1d", "padding", o.padding.size, 0);
  require_at_least("Conv1d", "dilation", o.dilation, 1);
  refuse_stride("Conv1d", o.padding.same, o.stride != 1);
}

Tensor Conv1d::first_weight() const {
  return drawn_weight({argument<1>(), argument<0>() / options().groups, argument<2>()});
}
Tensor Conv1d::first_bias() const { return drawn_bias(options().bias, argument<1>(), weight); }
void Conv1d::reset_parameters() { draw(weight, bias); }

Tensor Conv1d::forward(const Tensor& x) {
  if (options().padding_mode != "zeros") {
    std::vector<std::int64_t> around;
    add_around(around, options().padding.same, options().padding.size, weight.size(2),
               options().dilation);
    return conv1d(pad(x, around, options().padding_mode), weight, bias,
                  {.stride = options().stride,
                   .padding = 0,
                   .dilation = options().dilation,
                   .groups = options().groups});
  }
  return conv1d(x, weight, bias,
                {.stride = options().stride,
                 .padding = options().padding,
                 .dilation = options().dilation,
                 .groups = options().groups});
}

std::string Conv1d::description() const {
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                                 weight.size(2), options().stride);
  if (options().padding.same) text += ", padding=same";
  if (options().padding.size != 0) text += fmt::format(", padding={}", options().padding.size);
  if (options().dilation != 1) text += fmt::format(", dilation={}", options().dilation);
  if (options().groups != 1) text += fmt::format(", groups={}", options().groups);
  if (!bias.defined()) text += ", bias=false";
  if (options().padding_mode != "zeros") text += ", padding_mode=" + options().padding_mode;
  return text;
}

// -- ConvTranspose2d --

void ConvTranspose2d::check(std::int64_t in_channels, std::int64_t out_channels, Pair kernel,
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
}

Tensor ConvTranspose2d::first_weight() const {
  return drawn_weight(
      {argument<0>(), argument<1>() / options().groups, argument<2>().h, argument<2>().w});
}
Tensor ConvTranspose2d::first_bias() const {
  return drawn_bias(options().bias, argument<1>(), weight);
}
void ConvTranspose2d::reset_parameters() { draw(weight, bias); }

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight, bias,
                          {.stride = options().stride,
                           .padding = options().padding,
                           .output_padding = options().output_padding,
                           .groups = options().groups,
                           .dilation = options().dilation});
}

std::string ConvTranspose2d::description() const {
  std::string text =
      fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                  pair_str(Pair(weight.size(2), weight.size(3))), pair_str(options().stride));
  if (options().padding != Pair(0)) text += ", padding=" + pair_str(options().padding);
  if (options().output_padding != Pair(0))
    text += ", output_padding=" + pair_str(options().output_padding);
  if (options().dilation != Pair(1)) text += ", dilation=" + pair_str(options().dilation);
  if (options().groups != 1) text += fmt::format(", groups={}", options().groups);
  if (!bias.defined()) text += ", bias=false";
  return text;
}

// -- ConvTranspose1d --

void ConvTranspose1d::check(std::int64_t in_channels, std::int64_t out_channels,
                            std::int64_t kernel, const ConvTranspose1dOptions& o) {
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
}

Tensor ConvTranspose1d::first_weight() const {
  return drawn_weight({argument<0>(), argument<1>() / options().groups, argument<2>()});
}
Tensor ConvTranspose1d::first_bias() const {
  return drawn_bias(options().bias, argument<1>(), weight);
}
void ConvTranspose1d::reset_parameters() { draw(weight, bias); }

Tensor ConvTranspose1d::forward(const Tensor& x) {
  return conv_transpose1d(x, weight, bias,
                          {.stride = options().stride,
                           .padding = options().padding,
                           .output_padding = options().output_padding,
                           .groups = options().groups,
                           .dilation = options().dilation});
}

std::string ConvTranspose1d::description() const {
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", in_channels(), out_channels(),
                                 weight.size(2), options().stride);
  if (options().padding != 0) text += fmt::format(", padding={}", options().padding);
  if (options().output_padding != 0)
    text += fmt::format(", output_padding={}", options().output_padding);
  if (options().dilation != 1) text += fmt::format(", dilation={}", options().dilation);
  if (options().groups != 1) text += fmt::format(", groups={}", options().groups);
  if (!bias.defined()) text += ", bias=false";
  return text;
}

}  // namespace ingot::nn
