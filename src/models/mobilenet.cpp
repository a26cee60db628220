#include <ingot/models/mobilenet.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/pool.h>

#include "models/blocks.h"
#include "models/init.h"

namespace ingot::models {

InvertedResidual::InvertedResidual(std::int64_t in_channels, std::int64_t out_channels,
                                   std::int64_t stride, std::int64_t expand_ratio)
    : Composite(in_channels, out_channels, stride, expand_ratio) {
  const std::int64_t width = in_channels * expand_ratio;
  if (expand_ratio != 1) conv.append(conv_norm<nn::ReLU6>(in_channels, width, {.kernel = 1}));
  conv.append(conv_norm<nn::ReLU6>(width, width, {.stride = stride, .groups = width}));
  conv.add<nn::Conv2d>(width, out_channels, 1, nn::Conv2dOptions{.bias = false});
  conv.add<nn::BatchNorm2d>(out_channels);
}

Tensor InvertedResidual::forward(const Tensor& x) {
  const Tensor y = conv(x);
  const auto in = argument<0>(), out = argument<1>(), stride = argument<2>();
  return stride == 1 && in == out ? x + y : y;
}

MobileNetV2::MobileNetV2(const MobileNetV2Options& options) : Composite(options) {
  struct Stage {
    std::int64_t expand_ratio, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  constexpr std::int64_t kLastChannels = 1280;
  std::int64_t channels = 32;
  features.append(conv_norm<nn::ReLU6>(options.in_channels, channels, {.stride = 2}));
  for (const Stage& stage : kStages)
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      features.add<InvertedResidual>(channels, stage.channels, i == 0 ? stage.stride : 1,
                                     stage.expand_ratio);
      channels = stage.channels;
    }
  features.append(conv_norm<nn::ReLU6>(channels, kLastChannels, {.kernel = 1}));

  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(kLastChannels, options.num_classes);

  init_convolutions_for_relu(*this);
  init_linears(*this, [](nn::Linear& linear) { nn::init::normal_(linear.weight, 0, 0.01); });
}

Tensor MobileNetV2::forward(const Tensor& x) {
  return classifier(adaptive_avg_pool2d(features(x), 1).flatten(1));
}

}  // namespace ingot::models
