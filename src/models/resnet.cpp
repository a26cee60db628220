#include <ingot/models/resnet.h>

#include "models/init.h"

namespace ingot::models {

namespace {

nn::Conv2dOptions conv3x3(std::int64_t stride) {
  return {.stride = stride, .padding = 1, .bias = false};
}

nn::Conv2dOptions conv1x1(std::int64_t stride) { return {.stride = stride, .bias = false}; }

template <class Block>
void add_stage(nn::Sequential& stage, std::int64_t in_planes, std::int64_t planes,
               std::int64_t out_planes, int blocks, std::int64_t stride) {
  stage.add<Block>(in_planes, planes, stride);
  for (int i = 1; i < blocks; ++i) stage.add<Block>(out_planes, planes);
}

// What brings the input to the shape of a block's result; null where it has it.
std::unique_ptr<nn::Sequential> shortcut(std::int64_t in_planes, std::int64_t out_planes,
                                         std::int64_t stride) {
  if (stride == 1 && in_planes == out_planes) return nullptr;
  auto made = std::make_unique<nn::Sequential>();
  made->add<nn::Conv2d>(in_planes, out_planes, 1, conv1x1(stride));
  made->add<nn::BatchNorm2d>(out_planes);
  return made;
}

constexpr std::int64_t kExpansion = 4;  // of Bottleneck

}  // namespace

BasicBlock::BasicBlock(std::int64_t in_planes, std::int64_t planes, std::int64_t stride)
    : Composite(in_planes, planes, stride),
      conv1(*this, "conv1", in_planes, planes, 3, conv3x3(stride)),
      bn1(*this, "bn1", planes),
      conv2(*this, "conv2", planes, planes, 3, conv3x3(1)),
      bn2(*this, "bn2", planes) {
  if (auto made = shortcut(in_planes, planes, stride))
    downsample_ = &register_module("downsample", std::move(made));
}

Tensor BasicBlock::forward(const Tensor& x) {
  Tensor y = bn1(conv1(x)).relu();
  y = bn2(conv2(y));
  return (y + (downsample_ ? (*downsample_)(x) : x)).relu();
}

Bottleneck::Bottleneck(std::int64_t in_planes, std::int64_t planes, std::int64_t stride)
    : Composite(in_planes, planes, stride),
      conv1(*this, "conv1", in_planes, planes, 1, conv1x1(1)),
      bn1(*this, "bn1", planes),
      conv2(*this, "conv2", planes, planes, 3, conv3x3(stride)),
      bn2(*this, "bn2", planes),
      conv3(*this, "conv3", planes, kExpansion * planes, 1, conv1x1(1)),
      bn3(*this, "bn3", kExpansion * planes) {
  if (auto made = shortcut(in_planes, kExpansion * planes, stride))
    downsample_ = &register_module("downsample", std::move(made));
}

Tensor Bottleneck::forward(const Tensor& x) {
  Tensor y = bn1(conv1(x)).relu();
  y = bn2(conv2(y)).relu();
  y = bn3(conv3(y));
  return (y + (downsample_ ? (*downsample_)(x) : x)).relu();
}

ResNet::ResNet(const ResNetOptions& options)
    : Composite(options),
      conv1(*this, "conv1", options.in_channels, 64, 7, {.stride = 2, .padding = 3, .bias = false}),
      fc(*this, "fc", options.bottleneck ? kExpansion * 512 : 512, options.num_classes) {
  nn::Sequential* stages[] = {&layer1, &layer2, &layer3, &layer4};
  std::int64_t in_planes = 64, planes = 64;
  for (std::size_t i = 0; i < 4; ++i, planes *= 2) {
    const std::int64_t out_planes = options.bottleneck ? kExpansion * planes : planes;
    const auto add = options.bottleneck ? add_stage<Bottleneck> : add_stage<BasicBlock>;
    add(*stages[i], in_planes, planes, out_planes, options.blocks[i], i == 0 ? 1 : 2);
    in_planes = out_planes;
  }
  init_convolutions_for_relu(*this);
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = maxpool(bn1(conv1(x)).relu());
  y = layer4(layer3(layer2(layer1(y))));
  return fc(avgpool(y).flatten(1));
}

}  // namespace ingot::models
