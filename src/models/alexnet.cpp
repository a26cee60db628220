#include <ingot/models/alexnet.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/linear.h>

namespace ingot::models {

AlexNet::AlexNet(const AlexNetOptions& options) : Composite(options) {
  const auto conv = [this](std::int64_t in, std::int64_t out, std::int64_t kernel,
                           const nn::Conv2dOptions& how) {
    features.add<nn::Conv2d>(in, out, kernel, how);
    features.add<nn::ReLU>();
  };
  const auto pool = [this] { features.add<nn::MaxPool2d>(3, nn::MaxPool2dOptions{.stride = 2}); };
  conv(options.in_channels, 64, 11, {.stride = 4, .padding = 2});
  pool();
  conv(64, 192, 5, {.padding = 2});
  pool();
  conv(192, 384, 3, {.padding = 1});
  conv(384, 256, 3, {.padding = 1});
  conv(256, 256, 3, {.padding = 1});
  pool();

  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(256 * 6 * 6, 4096);
  classifier.add<nn::ReLU>();
  classifier.add<nn::Dropout>(options.dropout);
  classifier.add<nn::Linear>(4096, 4096);
  classifier.add<nn::ReLU>();
  classifier.add<nn::Linear>(4096, options.num_classes);
}

Tensor AlexNet::forward(const Tensor& x) { return classifier(avgpool(features(x)).flatten(1)); }

}  // namespace ingot::models
