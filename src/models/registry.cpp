#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/models/models.h>

#include <ingot/core/nearest_name.h>

namespace ingot::models {

namespace {

using Made = std::unique_ptr<nn::Module>;
using Make = Made (*)(std::int64_t num_classes, std::int64_t in_channels);

struct Entry {
  ModelInfo info;
  Make make;
};

// Means and deviations of the training images: MNIST's digits, ImageNet's photos.
const std::vector<double> kMnistMean = {0.1307}, kMnistStd = {0.3081};
const std::vector<double> kImageNetMean = {0.485, 0.456, 0.406};
const std::vector<double> kImageNetStd = {0.229, 0.224, 0.225};

Entry image_net_model(const char* name, const char* description, Make make) {
  return {{name, description, {3, 224, 224}, kImageNetMean, kImageNetStd}, make};
}

// In alphabetical order.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      image_net_model("alexnet", "AlexNet, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<AlexNet>(
                            AlexNetOptions{.num_classes = classes, .in_channels = channels});
                      }),
      image_net_model("efficientnet_b0", "EfficientNet-B0, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<EfficientNet>(
                            EfficientNetOptions{.num_classes = classes, .in_channels = channels});
                      }),
      {{"lenet5", "LeNet-5 with ReLU and max-pooling", {1, 28, 28}, kMnistMean, kMnistStd},
       [](std::int64_t classes, std::int64_t channels) -> Made {
         return std::make_unique<LeNet5>(classes, channels);
       }},
      {{"mlp", "two hidden layers of 256 and 128", {1, 28, 28}, kMnistMean, kMnistStd},
       [](std::int64_t classes, std::int64_t channels) -> Made {
         return std::make_unique<Mlp>(channels * 28 * 28, classes);
       }},
      image_net_model("mobilenet_v2", "MobileNetV2, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<MobileNetV2>(
                            MobileNetV2Options{.num_classes = classes, .in_channels = channels});
                      }),
      image_net_model("resnet18", "ResNet-18, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<ResNet>(
                            ResNetOptions{.num_classes = classes, .in_channels = channels});
                      }),
      image_net_model("resnet34", "ResNet-34, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<ResNet>(ResNetOptions{.num_classes = classes,
                                                                      .in_channels = channels,
                                                                      .blocks = {3, 4, 6, 3}});
                      }),
      image_net_model("resnet50", "ResNet-50, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<ResNet>(ResNetOptions{.num_classes = classes,
                                                                      .in_channels = channels,
                                                                      .blocks = {3, 4, 6, 3},
                                                                      .bottleneck = true});
                      }),
      image_net_model("squeezenet1_0", "SqueezeNet 1.0, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<SqueezeNet>(
                            SqueezeNetOptions{.num_classes = classes, .in_channels = channels});
                      }),
      image_net_model("squeezenet1_1", "SqueezeNet 1.1, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<SqueezeNet>(
                            SqueezeNetOptions{.num_classes = classes,
                                              .in_channels = channels,
                                              .version = SqueezeNetVersion::V1_1});
                      }),
      image_net_model("vgg16", "VGG-16, torchvision's",
                      [](std::int64_t classes, std::int64_t channels) -> Made {
                        return std::make_unique<Vgg>(
                            VggOptions{.num_classes = classes, .in_channels = channels});
                      }),
  };
  return list;
}

/// In any case: "ResNet18" as well.
const Entry& find(std::string_view name) {
  const std::string wanted = lower_case(name);
  for (const Entry& e : entries())
    if (e.info.name == wanted) return e;
  throw ValueError(fmt::format("unknown model '{}'; known are {}{}", name, fmt::join(names(), ", "),
                               suggestion(name, names())));
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const Entry& e : entries()) list.push_back(e.info.name);
  return list;
}

const ModelInfo& info(std::string_view name) { return find(name).info; }

std::unique_ptr<nn::Module> create(std::string_view name, const ModelOptions& options) {
  const Entry& entry = find(name);
  const std::int64_t channels = options.in_channels.value_or(entry.info.input[0]);
  if (options.num_classes < 1 || channels < 1)
    throw ValueError(fmt::format("model '{}': num_classes={} and in_channels={} must be at least 1",
                                 name, options.num_classes, channels));
  return entry.make(options.num_classes, channels);
}

}  // namespace ingot::models
