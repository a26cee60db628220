#include <ingot/data/dataset.h>

#include <fmt/format.h>

#include <utility>

#include <ingot/core/error.h>
#include <ingot/data/mnist_arrays.h>

#include "data/sample.h"

namespace ingot::data {
namespace {

/// Row `index` of an array, sharing its memory.
HostArray row(const HostArray& array, std::int64_t index) {
  Shape shape = array.shape();
  shape.erase(0);
  const std::size_t nbytes = static_cast<std::size_t>(shape.numel()) * nbytes_of(array.dtype());
  const auto* data =
      static_cast<const std::byte*>(array.data()) + static_cast<std::size_t>(index) * nbytes;
  return HostArray(array.keep(), data, shape, array.dtype());
}

const Tensor& with_rows(const Tensor& tensor, const char* name) {
  if (!tensor.defined() || tensor.dim() == 0) {
    throw ShapeError(
        fmt::format("TensorDataset: {} has no rows; it needs at least one dimension", name));
  }
  return tensor;
}

class Mnist final : public Dataset {
 public:
  Mnist(MnistArrays arrays, Transform transform)
      : arrays_(std::move(arrays)), transform_(std::move(transform)) {}

  std::int64_t size() const override { return arrays_.count; }

  Sample get(const SampleKey& key) const override {
    check_index(key.index, size(), "mnist");
    const auto pixels = arrays_.image(key.index);
    Picture picture =
        transform_(Image{arrays_.height, arrays_.width, 1, {pixels.begin(), pixels.end()}}, key);
    return to_sample(std::move(picture), arrays_.labels[static_cast<std::size_t>(key.index)]);
  }

 private:
  MnistArrays arrays_;
  Transform transform_;
};

}  // namespace

void check_index(std::int64_t index, std::int64_t size, const char* what) {
  if (index < 0 || index >= size) {
    throw IndexError(fmt::format("{}: index {} is outside 0..{}", what, index, size - 1));
  }
}

Sample to_sample(Picture picture, std::int64_t label) {
  return std::visit(
      [&](auto&& image) {
        return Sample{std::move(image), label};
      },
      std::move(picture));
}

std::string Dataset::name_of(std::int64_t index) const { return fmt::format("sample {}", index); }

TensorDataset::TensorDataset(const Tensor& inputs, const Tensor& targets)
    : inputs_(with_rows(inputs, "inputs").to_host()),
      targets_(with_rows(targets, "targets").to_host()) {
  if (inputs.size(0) != targets.size(0)) {
    throw ShapeError(fmt::format("TensorDataset: {} rows of inputs {}, but {} of targets {}",
                                 inputs.size(0), inputs.shape().str(), targets.size(0),
                                 targets.shape().str()));
  }
}

Sample TensorDataset::get(const SampleKey& key) const {
  check_index(key.index, size(), "TensorDataset");
  return {row(inputs_, key.index), row(targets_, key.index)};
}

std::shared_ptr<const Dataset> mnist(const std::string& where, bool train, Transform transform) {
  const Split split = train ? Split::Train : Split::Test;
  return std::make_shared<Mnist>(
      where == "embedded" ? embedded_mnist(split) : read_mnist(where, split), std::move(transform));
}

std::shared_ptr<const Dataset> fashion_mnist(const std::string& folder, bool train,
                                             Transform transform) {
  return std::make_shared<Mnist>(
      read_mnist(folder, train ? Split::Train : Split::Test, "FashionMNIST"), std::move(transform));
}

const std::vector<std::string>& fashion_mnist_classes() {
  static const std::vector<std::string> classes{"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                                "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                                "Bag",         "Ankle boot"};
  return classes;
}

}  // namespace ingot::data
