// Residual networks with torchvision's structure and state_dict keys.
#pragma once

#include <array>
#include <cstdint>

#include <ingot/nn/containers.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/norm.h>
#include <ingot/nn/pool.h>

namespace ingot::models {

/// Two 3×3 convolutions and a shortcut, which is a 1×1 convolution where the size changes.
class BasicBlock
    : public nn::Composite<BasicBlock, nn::NoOptions, std::int64_t, std::int64_t, std::int64_t> {
 public:
  BasicBlock(std::int64_t in_planes, std::int64_t planes, std::int64_t stride = 1);
  Tensor forward(const Tensor& x) override;

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;

 private:
  nn::Module* downsample_ = nullptr;
};

/// 1×1, 3×3 and 1×1 convolutions, the last to four times `planes`, and a shortcut, which is a 1×1
/// convolution where the size changes. The 3×3 convolution has the stride, as in torchvision
/// ("version 1.5"); the paper gives it to the first.
class Bottleneck
    : public nn::Composite<Bottleneck, nn::NoOptions, std::int64_t, std::int64_t, std::int64_t> {
 public:
  Bottleneck(std::int64_t in_planes, std::int64_t planes, std::int64_t stride = 1);
  Tensor forward(const Tensor& x) override;

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Conv2d conv3;
  nn::BatchNorm2d bn3;

 private:
  nn::Module* downsample_ = nullptr;
};

struct ResNetOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  std::array<int, 4> blocks = {2, 2, 2, 2};  ///< of each stage; this is resnet18
  bool bottleneck = false;                   ///< of Bottleneck instead of BasicBlock
};

/// For images [N, in_channels, H, W], 224×224 by design: logits [N, num_classes].
/// He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2015).
class ResNet : public nn::Composite<ResNet, ResNetOptions> {
 public:
  explicit ResNet(const ResNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1{*this, "bn1", 64};
  nn::MaxPool2d maxpool{*this, "maxpool", 3, {.stride = 2, .padding = 1}};
  nn::Sequential layer1{*this, "layer1"};
  nn::Sequential layer2{*this, "layer2"};
  nn::Sequential layer3{*this, "layer3"};
  nn::Sequential layer4{*this, "layer4"};
  nn::AdaptiveAvgPool2d avgpool{*this, "avgpool", 1};
  nn::Linear fc;
};

}  // namespace ingot::models
