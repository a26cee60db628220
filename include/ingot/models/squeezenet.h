// SqueezeNet with torchvision's structure and state_dict keys.
#pragma once

#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/layer.h>

namespace ingot::models {

/// Few channels by a 1×1 convolution, then many by a 1×1 and a 3×3 convolution side by side:
/// [N, in, H, W] gives [N, 2·expand, H, W].
class Fire : public nn::Composite<Fire, nn::NoOptions, std::int64_t, std::int64_t, std::int64_t> {
 public:
  Fire(std::int64_t in, std::int64_t squeeze_planes, std::int64_t expand_planes);
  Tensor forward(const Tensor& x) override;

  nn::Conv2d squeeze, expand1x1, expand3x3;
};

enum class SqueezeNetVersion { V1_0, V1_1 };

struct SqueezeNetOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  SqueezeNetVersion version = SqueezeNetVersion::V1_0;
  double dropout = 0.5;
};

/// For images [N, in_channels, H, W], 224×224 by design and at least 21×21 (1.0) or 17×17 (1.1):
/// logits [N, num_classes]. The head is a convolution, `classifier.1`.
/// Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and < 0.5MB model
/// size" (2016); version 1.1 from its authors' repository: 2.4 times less work. Throws ValueError
/// for sizes below 1 and probabilities outside [0, 1].
class SqueezeNet : public nn::Composite<SqueezeNet, SqueezeNetOptions> {
 public:
  explicit SqueezeNet(const SqueezeNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Sequential features{*this, "features"};
  nn::Sequential classifier{*this, "classifier"};
};

}  // namespace ingot::models
