// VGG networks with torchvision's structure and state_dict keys.
#pragma once

#include <array>
#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/pool.h>

namespace ingot::models {

struct VggOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  std::array<int, 5> convolutions = {2, 2, 3, 3, 3};  ///< before each pooling; this is vgg16
  double dropout = 0.5;                               ///< after each of the two hidden layers
};

/// For images [N, in_channels, H, W], 224×224 by design and at least 32×32: logits
/// [N, num_classes]. Simonyan and Zisserman, "Very deep convolutional networks for large-scale
/// image recognition" (2014). Throws ValueError for sizes below 1 and probabilities outside [0, 1].
class Vgg : public nn::Composite<Vgg, VggOptions> {
 public:
  explicit Vgg(const VggOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Sequential features{*this, "features"};
  nn::AdaptiveAvgPool2d avgpool{*this, "avgpool", 7};
  nn::Sequential classifier{*this, "classifier"};
};

}  // namespace ingot::models
