#include <ingot/models/resnet.h>
#include <ingot/nn/init.h>

namespace ingot::models {

namespace {

nn::Conv2dOptions conv3x3(std::int64_t stride) {
  return {.stride = stride, .padding = 1, .bias = false};
}

void add_stage(nn::Sequential& stage, std::int64_t in_planes, std::int64_t planes, int blocks,
               std::int64_t stride) {
  stage.add<BasicBlock>(in_planes, planes, stride);
  for (int i = 1; i < blocks; ++i) stage.add<BasicBlock>(planes, planes);
}

}  // namespace

BasicBlock::BasicBlock(std::int64_t in_planes, std::int64_t planes, std::int64_t stride)
    : conv1(*this, "conv1", in_planes, planes, 3, conv3x3(stride)),
      bn1(*this, "bn1", planes),
      conv2(*this, "conv2", planes, planes, 3, conv3x3(1)),
      bn2(*this, "bn2", planes),
      in_planes_(in_planes),
      planes_(planes),
      stride_(stride) {
  if (stride == 1 && in_planes == planes) return;
  auto shortcut = std::make_unique<nn::Sequential>();
  shortcut->add<nn::Conv2d>(in_planes, planes, 1,
                            nn::Conv2dOptions{.stride = stride, .bias = false});
  shortcut->add<nn::BatchNorm2d>(planes);
  downsample_ = &register_module("downsample", std::move(shortcut));
}

std::unique_ptr<nn::Module> BasicBlock::make_same() const {
  return std::make_unique<BasicBlock>(in_planes_, planes_, stride_);
}

Tensor BasicBlock::forward(const Tensor& x) {
  Tensor y = bn1(conv1(x)).relu();
  y = bn2(conv2(y));
  return (y + (downsample_ ? (*downsample_)(x) : x)).relu();
}

ResNet::ResNet(const ResNetOptions& options)
    : conv1(*this, "conv1", options.in_channels, 64, 7, {.stride = 2, .padding = 3, .bias = false}),
      fc(*this, "fc", 512, options.num_classes),
      options_(options) {
  add_stage(layer1, 64, 64, options.blocks[0], 1);
  add_stage(layer2, 64, 128, options.blocks[1], 2);
  add_stage(layer3, 128, 256, options.blocks[2], 2);
  add_stage(layer4, 256, 512, options.blocks[3], 2);
  apply([](nn::Module& module) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(&module))
      nn::init::kaiming_normal_(conv->weight, 0, nn::init::FanMode::FanOut,
                                nn::init::Nonlinearity::Relu);
  });
}

std::unique_ptr<nn::Module> ResNet::make_same() const { return std::make_unique<ResNet>(options_); }

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = maxpool(bn1(conv1(x)).relu());
  y = layer4(layer3(layer2(layer1(y))));
  return fc(avgpool(y).flatten(1));
}

}  // namespace ingot::models
