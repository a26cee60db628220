#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/models/lenet.h>
#include <ingot/models/mlp.h>
#include <ingot/models/registry.h>
#include <ingot/models/resnet.h>

namespace ingot::models {

namespace {

struct Entry {
  ModelInfo info;
  std::unique_ptr<nn::Module> (*make)(std::int64_t num_classes, std::int64_t in_channels);
};

// Means and deviations of the training images: MNIST's digits, ImageNet's photos.
const std::vector<double> kMnistMean = {0.1307}, kMnistStd = {0.3081};
const std::vector<double> kImageNetMean = {0.485, 0.456, 0.406};
const std::vector<double> kImageNetStd = {0.229, 0.224, 0.225};

// In alphabetical order.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      {{"lenet5", "LeNet-5 with ReLU and max-pooling", {1, 28, 28}, kMnistMean, kMnistStd},
       [](std::int64_t classes, std::int64_t channels) -> std::unique_ptr<nn::Module> {
         return std::make_unique<LeNet5>(classes, channels);
       }},
      {{"mlp", "two hidden layers of 256 and 128", {1, 28, 28}, kMnistMean, kMnistStd},
       [](std::int64_t classes, std::int64_t channels) -> std::unique_ptr<nn::Module> {
         return std::make_unique<Mlp>(channels * 28 * 28, classes);
       }},
      {{"resnet18", "ResNet-18, torchvision's", {3, 224, 224}, kImageNetMean, kImageNetStd},
       [](std::int64_t classes, std::int64_t channels) -> std::unique_ptr<nn::Module> {
         return std::make_unique<ResNet>(
             ResNetOptions{.num_classes = classes, .in_channels = channels});
       }},
  };
  return list;
}

const Entry& find(std::string_view name) {
  std::string known;
  for (const Entry& e : entries()) {
    if (e.info.name == name) return e;
    known += (known.empty() ? "" : ", ") + e.info.name;
  }
  throw ValueError(fmt::format("unknown model '{}'; known are {}", name, known));
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
