#include <ingot/models/efficientnet.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/activation.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/blocks.h"
#include "models/init.h"

namespace ingot::models {

SqueezeExcitation::SqueezeExcitation(std::int64_t channels, std::int64_t squeeze_channels)
    : Composite(channels, squeeze_channels),
      fc1(*this, "fc1", channels, squeeze_channels, 1),
      fc2(*this, "fc2", squeeze_channels, channels, 1) {}

Tensor SqueezeExcitation::forward(const Tensor& x) {
  return fc2(silu(fc1(avgpool(x)))).sigmoid() * x;
}

MbConv::MbConv(const MbConvOptions& options)
    : Composite(options), stochastic_depth(*this, "stochastic_depth", options.stochastic_depth) {
  const std::int64_t width = options.in_channels * options.expand_ratio;
  if (width != options.in_channels)
    block.append(conv_norm<nn::SiLU>(options.in_channels, width, {.kernel = 1}));
  block.append(conv_norm<nn::SiLU>(
      width, width, {.kernel = options.kernel, .stride = options.stride, .groups = width}));
  block.add<SqueezeExcitation>(width, std::max<std::int64_t>(1, options.in_channels / 4));
  block.append(conv_norm<void>(width, options.out_channels, {.kernel = 1}));
}

Tensor MbConv::forward(const Tensor& x) {
  const Tensor y = block(x);
  if (options().stride != 1 || options().in_channels != options().out_channels) return y;
  return stochastic_depth(y) + x;
}

EfficientNet::EfficientNet(const EfficientNetOptions& options) : Composite(options) {
  struct Stage {
    std::int64_t expand_ratio, kernel, stride, channels, blocks;
  };
  constexpr Stage kStages[] = {{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2},
                               {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4},
                               {6, 3, 1, 320, 1}};
  std::int64_t total = 0, count = 0, channels = 32;
  for (const Stage& stage : kStages) total += stage.blocks;
  features.append(conv_norm<nn::SiLU>(options.in_channels, channels, {.stride = 2}));
  for (const Stage& stage : kStages) {
    auto blocks = std::make_unique<nn::Sequential>();
    for (std::int64_t i = 0; i < stage.blocks; ++i, ++count) {
      blocks->add<MbConv>(MbConvOptions{
          .in_channels = channels,
          .out_channels = stage.channels,
          .expand_ratio = stage.expand_ratio,
          .kernel = stage.kernel,
          .stride = i == 0 ? stage.stride : 1,
          .stochastic_depth =
              options.stochastic_depth * static_cast<double>(count) / static_cast<double>(total)});
      channels = stage.channels;
    }
    features.append(std::move(blocks));
  }
  const std::int64_t last = 4 * channels;
  features.append(conv_norm<nn::SiLU>(channels, last, {.kernel = 1}));

  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(last, options.num_classes);

  init_convolutions_for_relu(*this);
  init_linears(*this, [](nn::Linear& linear) {
    const double bound = 1 / std::sqrt(static_cast<double>(linear.out_features()));
    nn::init::uniform_(linear.weight, -bound, bound);
  });
}

Tensor EfficientNet::forward(const Tensor& x) {
  return classifier(avgpool(features(x)).flatten(1));
}

}  // namespace ingot::models
