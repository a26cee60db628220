// Data sets: something with a size that gives the sample at an index.
//
// A data set is shared by the loader's workers: get() must be safe to call from several threads at
// once, and should depend on nothing but its key, so that a run can be repeated.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <ingot/core/tensor.h>
#include <ingot/data/fields.h>
#include <ingot/data/image.h>
#include <ingot/data/transforms.h>

namespace ingot::data {

/// One value of a sample, on the host. What a batch of n of them becomes:
///   std::int64_t   int64 [n]
///   vector of them int64 [n, length]
///   float          float32 [n]
///   Image          uint8 [n, channels, height, width]
///   FloatImage     float32 [n, channels, height, width]
///   HostArray      its dtype, [n, shape...]
///   Tensor         the same; a pending tensor is evaluated in the worker
using Field = std::variant<std::int64_t, float, Image, FloatImage, HostArray, Tensor,
                           std::vector<std::int64_t>>;

/// Values by name: `{image, label}` has the fields "inputs" and "targets", and
/// `{{"input_ids", ids}, {"labels", label}}` those that it says.
class Sample : public Fields<Field> {
 public:
  using Fields::Fields;
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  /// Number of samples.
  virtual std::int64_t size() const = 0;
  /// The sample `key.index`, 0 <= index < size(). A plain number converts to a key.
  /// Throws IndexError outside that range.
  virtual Sample get(const SampleKey& key) const = 0;
  /// What messages call that sample: "sample 7" by default, the file where there is one.
  virtual std::string name_of(std::int64_t index) const;
};

/// Pairs of rows: sample i is (inputs[i], targets[i]).
class TensorDataset final : public Dataset {
 public:
  /// Takes copies on the host. Throws ShapeError when a tensor has no rows to take (0 dimensions)
  /// or the numbers of rows differ.
  TensorDataset(const Tensor& inputs, const Tensor& targets);
  std::int64_t size() const override { return inputs_.shape()[0]; }
  Sample get(const SampleKey& key) const override;

 private:
  HostArray inputs_, targets_;
};

/// The samples of `dataset` at `indices`, in that order.
class Subset final : public Dataset {
 public:
  /// Throws IndexError when an index is outside the data set.
  Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices);
  /// The first `count` samples (all, when there are fewer). Throws ValueError when count < 0.
  Subset(std::shared_ptr<const Dataset> dataset, std::int64_t count);
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Sample get(const SampleKey& key) const override;
  std::string name_of(std::int64_t index) const override;

 private:
  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> indices_;
};

/// The samples of several data sets, one after the other.
class ConcatDataset final : public Dataset {
 public:
  /// Throws ValueError for an empty list or a null data set.
  explicit ConcatDataset(std::vector<std::shared_ptr<const Dataset>> datasets);
  std::int64_t size() const override { return ends_.back(); }
  Sample get(const SampleKey& key) const override;
  std::string name_of(std::int64_t index) const override;

 private:
  /// The data set that holds the sample, and the sample's index there.
  std::pair<std::size_t, std::int64_t> find(std::int64_t index) const;

  std::vector<std::shared_ptr<const Dataset>> datasets_;
  std::vector<std::int64_t> ends_;  // of each data set, in samples from the start
};

/// Parts of a data set in a random order, without overlap; a function of `seed` and the sizes. A
/// part's samples keep the random numbers that they have in the whole. Throws ValueError unless the
/// lengths are not negative and sum to the size of the data set.
std::vector<std::shared_ptr<const Subset>> random_split(std::shared_ptr<const Dataset> dataset,
                                                        const std::vector<std::int64_t>& lengths,
                                                        std::uint64_t seed = 0);
/// The same by shares, each in 0..1, which sum to 1: of n samples a share f gets floor(f n), and
/// what remains goes one by one to the parts from the first on, as in PyTorch.
std::vector<std::shared_ptr<const Subset>> random_split(std::shared_ptr<const Dataset> dataset,
                                                        const std::vector<double>& fractions,
                                                        std::uint64_t seed = 0);

/// MNIST: grey 28 x 28 images as `transform` leaves them, labels 0 to 9 as int64.
///
/// `where` is the folder of the four files (raw or gzip; see read_mnist), or "embedded" for the
/// first 1,000 training and 1,000 test images, which Ingot carries. `train` chooses the half.
/// Throws IoError naming file and cause.
std::shared_ptr<const Dataset> mnist(const std::string& where, bool train = true,
                                     Transform transform = ToTensor());

/// Fashion-MNIST: grey 28 x 28 images of clothes, in files like MNIST's and of the same names.
/// Throws IoError naming file and cause.
std::shared_ptr<const Dataset> fashion_mnist(const std::string& folder, bool train = true,
                                             Transform transform = ToTensor());
/// What its labels 0 to 9 mean.
const std::vector<std::string>& fashion_mnist_classes();

/// `auto [input, target] = data.get(i)`: inputs() and targets().
template <std::size_t I>
const Field& get(const Sample& sample) {
  return I == 0 ? sample.inputs() : sample.targets();
}

}  // namespace ingot::data

template <>
struct std::tuple_size<ingot::data::Sample> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I>
struct std::tuple_element<I, ingot::data::Sample> {
  using type = const ingot::data::Field;
};
