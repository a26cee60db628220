// MobileNetV2 with torchvision's structure and state_dict keys.
#pragma once

#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/layer.h>

namespace ingot::models {

/// Many channels by a 1×1 convolution (unless expand_ratio is 1), a 3×3 convolution of each channel
/// by itself, and few channels again by a 1×1 convolution without activation; the input is added
/// where shapes agree.
class InvertedResidual : public nn::Composite<InvertedResidual, nn::NoOptions, std::int64_t,
                                              std::int64_t, std::int64_t, std::int64_t> {
 public:
  InvertedResidual(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride,
                   std::int64_t expand_ratio);
  Tensor forward(const Tensor& x) override;

  nn::Sequential conv{*this, "conv"};
};

struct MobileNetV2Options {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  double dropout = 0.2;  ///< before the last layer
};

/// For images [N, in_channels, H, W], 224×224 by design: logits [N, num_classes].
/// Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks" (2018). Throws
/// ValueError for sizes below 1 and probabilities outside [0, 1].
class MobileNetV2 : public nn::Composite<MobileNetV2, MobileNetV2Options> {
 public:
  explicit MobileNetV2(const MobileNetV2Options& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Sequential features{*this, "features"};
  nn::Sequential classifier{*this, "classifier"};
};

}  // namespace ingot::models
