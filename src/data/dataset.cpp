#include <ingot/data/dataset.h>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/data/mnist_arrays.h>

namespace ingot::data {
namespace {

void check_index(std::int64_t index, std::int64_t size, const char* what) {
  if (index < 0 || index >= size) {
    throw IndexError(fmt::format("{}: index {} is outside 0..{}", what, index, size - 1));
  }
}

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
    const std::int64_t label = arrays_.labels[static_cast<std::size_t>(key.index)];
    return std::visit(
        [&](auto&& image) {
          return Sample{std::move(image), label};
        },
        std::move(picture));
  }

 private:
  MnistArrays arrays_;
  Transform transform_;
};

}  // namespace

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

Subset::Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  if (!dataset_) throw ValueError("Subset: the data set is null");
  for (const std::int64_t index : indices_) check_index(index, dataset_->size(), "Subset");
}

Subset::Subset(std::shared_ptr<const Dataset> dataset, std::int64_t count)
    : dataset_(std::move(dataset)) {
  if (!dataset_) throw ValueError("Subset: the data set is null");
  if (count < 0) throw ValueError(fmt::format("Subset: cannot take {} samples", count));
  indices_.resize(static_cast<std::size_t>(std::min(count, dataset_->size())));
  std::iota(indices_.begin(), indices_.end(), std::int64_t{0});
}

Sample Subset::get(const SampleKey& key) const {
  check_index(key.index, size(), "Subset");
  SampleKey inner = key;
  inner.index = indices_[static_cast<std::size_t>(key.index)];
  return dataset_->get(inner);
}

std::shared_ptr<const Dataset> mnist(const std::string& where, bool train, Transform transform) {
  const Split split = train ? Split::kTrain : Split::kTest;
  return std::make_shared<Mnist>(
      where == "embedded" ? embedded_mnist(split) : read_mnist(where, split), std::move(transform));
}

}  // namespace ingot::data
