#include <ingot/models/squeezenet.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/init.h>
#include <ingot/nn/pool.h>
#include <ingot/ops/shape.h>

namespace ingot::models {

Fire::Fire(std::int64_t in, std::int64_t squeeze_planes, std::int64_t expand_planes)
    : Composite(in, squeeze_planes, expand_planes),
      squeeze(*this, "squeeze", in, squeeze_planes, 1),
      expand1x1(*this, "expand1x1", squeeze_planes, expand_planes, 1),
      expand3x3(*this, "expand3x3", squeeze_planes, expand_planes, 3, {.padding = 1}) {}

Tensor Fire::forward(const Tensor& x) {
  const Tensor y = squeeze(x).relu();
  return cat({expand1x1(y).relu(), expand3x3(y).relu()}, 1);
}

SqueezeNet::SqueezeNet(const SqueezeNetOptions& options) : Composite(options) {
  const bool v1_0 = options.version == SqueezeNetVersion::V1_0;
  const auto pool = [this] {
    features.add<nn::MaxPool2d>(3, nn::MaxPool2dOptions{.stride = 2, .ceil_mode = true});
  };
  std::int64_t channels = v1_0 ? 96 : 64;
  const auto fire = [&](std::int64_t squeeze, std::int64_t expand) {
    features.add<Fire>(channels, squeeze, expand);
    channels = 2 * expand;
  };
  features.add<nn::Conv2d>(options.in_channels, channels, v1_0 ? 7 : 3,
                           nn::Conv2dOptions{.stride = 2});
  features.add<nn::ReLU>();
  pool();
  fire(16, 64);
  fire(16, 64);
  // The versions differ in where images shrink.
  if (!v1_0) pool();
  fire(32, 128);
  if (v1_0) pool();
  fire(32, 128);
  if (!v1_0) pool();
  fire(48, 192);
  fire(48, 192);
  fire(64, 256);
  if (v1_0) pool();
  fire(64, 256);

  classifier.add<nn::Dropout>(options.dropout);
  nn::Conv2d& head = classifier.add<nn::Conv2d>(channels, options.num_classes, 1);
  classifier.add<nn::ReLU>();
  classifier.add<nn::AdaptiveAvgPool2d>(1);

  apply([&](nn::Module& module) {
    auto* conv = dynamic_cast<nn::Conv2d*>(&module);
    if (!conv) return;
    if (conv == &head)
      nn::init::normal_(conv->weight, 0, 0.01);
    else
      nn::init::kaiming_uniform_(conv->weight);
    nn::init::zeros_(conv->bias);
  });
}

Tensor SqueezeNet::forward(const Tensor& x) { return classifier(features(x)).flatten(1); }

}  // namespace ingot::models
