// AlexNet with torchvision's structure and state_dict keys.
#pragma once

#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/pool.h>

namespace ingot::models {

struct AlexNetOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  double dropout = 0.5;  ///< before each of the two hidden linear layers
};

/// For images [N, in_channels, H, W], 224×224 by design and at least 63×63: logits
/// [N, num_classes]. Krizhevsky, "One weird trick for parallelizing convolutional neural networks"
/// (2014). Throws ValueError for sizes below 1 and probabilities outside [0, 1].
class AlexNet : public nn::Composite<AlexNet, AlexNetOptions> {
 public:
  explicit AlexNet(const AlexNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Sequential features{*this, "features"};
  nn::AdaptiveAvgPool2d avgpool{*this, "avgpool", 6};
  nn::Sequential classifier{*this, "classifier"};
};

}  // namespace ingot::models
