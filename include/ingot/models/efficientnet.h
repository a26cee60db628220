// EfficientNet with torchvision's structure and state_dict keys.
#pragma once

#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/pool.h>

namespace ingot::models {

/// Scales each channel by a number in (0, 1) that two 1×1 convolutions compute from all channels'
/// means. Hu, Shen and Sun, "Squeeze-and-excitation networks" (2018).
class SqueezeExcitation
    : public nn::Composite<SqueezeExcitation, nn::NoOptions, std::int64_t, std::int64_t> {
 public:
  SqueezeExcitation(std::int64_t channels, std::int64_t squeeze_channels);
  Tensor forward(const Tensor& x) override;

  nn::AdaptiveAvgPool2d avgpool{*this, "avgpool", 1};
  nn::Conv2d fc1, fc2;
};

struct MbConvOptions {
  std::int64_t in_channels, out_channels;
  std::int64_t expand_ratio = 6;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  double stochastic_depth = 0;  ///< probability of skipping the block for a sample
};

/// An inverted residual with squeeze-and-excitation; the input is added where shapes agree.
class MbConv : public nn::Composite<MbConv, MbConvOptions> {
 public:
  explicit MbConv(const MbConvOptions& options);
  Tensor forward(const Tensor& x) override;

  nn::Sequential block{*this, "block"};
  nn::StochasticDepth stochastic_depth;
};

struct EfficientNetOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  double dropout = 0.2;           ///< before the last layer
  double stochastic_depth = 0.2;  ///< towards the last block; rises from 0 at the first
};

/// EfficientNet-B0, for images [N, in_channels, H, W], 224×224 by design: logits [N, num_classes].
/// Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (2019).
/// Throws ValueError for sizes below 1 and probabilities outside [0, 1].
class EfficientNet : public nn::Composite<EfficientNet, EfficientNetOptions> {
 public:
  explicit EfficientNet(const EfficientNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Sequential features{*this, "features"};
  nn::AdaptiveAvgPool2d avgpool{*this, "avgpool", 1};
  nn::Sequential classifier{*this, "classifier"};
};

}  // namespace ingot::models
