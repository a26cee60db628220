#include <ingot/models/vgg.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>

#include "models/init.h"

namespace ingot::models {

Vgg::Vgg(const VggOptions& options) : Composite(options) {
  constexpr std::array<std::int64_t, 5> kWidths = {64, 128, 256, 512, 512};
  std::int64_t channels = options.in_channels;
  for (std::size_t stage = 0; stage < kWidths.size(); ++stage) {
    for (int i = 0; i < options.convolutions[stage]; ++i) {
      features.add<nn::Conv2d>(channels, kWidths[stage], 3, nn::Conv2dOptions{.padding = 1});
      features.add<nn::ReLU>();
      channels = kWidths[stage];
    }
    features.add<nn::MaxPool2d>(2);
  }

  classifier.add<nn::Linear>(channels * 7 * 7, 4096);
  classifier.add<nn::ReLU>();
  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(4096, 4096);
  classifier.add<nn::ReLU>();
  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(4096, options.num_classes);

  init_convolutions_for_relu(*this);
  init_linears(*this, [](nn::Linear& linear) { nn::init::normal_(linear.weight, 0, 0.01); });
}

Tensor Vgg::forward(const Tensor& x) { return classifier(avgpool(features(x)).flatten(1)); }

}  // namespace ingot::models
