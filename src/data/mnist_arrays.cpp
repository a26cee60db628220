#include "ingot/data/mnist_arrays.h"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <vector>

#include "ingot/core/error.h"
#include "ingot/data/idx.h"

namespace ingot::embedded {  // generated at build time from data/mnist-1k
extern const unsigned char mnist_train_images[];
extern const unsigned long mnist_train_images_nbytes;
extern const unsigned char mnist_train_labels[];
extern const unsigned long mnist_train_labels_nbytes;
extern const unsigned char mnist_test_images[];
extern const unsigned long mnist_test_images_nbytes;
extern const unsigned char mnist_test_labels[];
extern const unsigned long mnist_test_labels_nbytes;
}  // namespace ingot::embedded

namespace ingot::data {
namespace {

constexpr int kClasses = 10;

/// Where torchvision puts the files of MNIST or of one of its relatives below the folder it is
/// given.
std::vector<std::filesystem::path> places(const std::filesystem::path& folder, const char* below) {
  std::vector<std::filesystem::path> list{folder};
  if (below != nullptr) list.push_back(folder / below / "raw");
  list.push_back(folder / "raw");
  return list;
}

std::filesystem::path find_file(const std::filesystem::path& folder, const char* below,
                                const std::string& stem, const std::string& kind) {
  for (const std::filesystem::path& place : places(folder, below)) {
    for (const char* separator : {"-", "."}) {
      for (const char* suffix : {"", ".gz"}) {
        const auto path = place / (stem + separator + kind + suffix);
        std::error_code ignored;
        if (std::filesystem::exists(path, ignored)) return path;
      }
    }
  }
  throw IoError(
      fmt::format("{}: the folder has no {}-{} (raw or with .gz)", folder.string(), stem, kind));
}

MnistArrays pair_up(IdxArray images, std::string_view image_name, IdxArray labels,
                    std::string_view label_name) {
  if (images.shape.size() != 3) {
    throw IoError(
        fmt::format("{}: not an image file: {} dimensions where images have 3 "
                    "(magic number 0x00000803)",
                    image_name, images.shape.size()));
  }
  if (labels.shape.size() != 1) {
    throw IoError(
        fmt::format("{}: not a label file: {} dimensions where labels have 1 "
                    "(magic number 0x00000801)",
                    label_name, labels.shape.size()));
  }
  if (images.shape[0] != labels.shape[0]) {
    throw IoError(fmt::format("counts disagree: {} images in {}, {} labels in {}", images.shape[0],
                              image_name, labels.shape[0], label_name));
  }
  if (images.values.empty()) {
    throw IoError(fmt::format("{}: holds no pixels: {} images of {} x {}", image_name,
                              images.shape[0], images.shape[1], images.shape[2]));
  }
  for (std::size_t i = 0; i < labels.values.size(); ++i) {
    if (labels.values[i] >= kClasses) {
      throw IoError(fmt::format("{}: label {} at index {} is outside 0..{}", label_name,
                                labels.values[i], i, kClasses - 1));
    }
  }
  return {images.shape[0], images.shape[1], images.shape[2], std::move(images.values),
          std::move(labels.values)};
}

}  // namespace

MnistArrays parse_mnist(std::span<const std::uint8_t> image_file, std::string_view image_name,
                        std::span<const std::uint8_t> label_file, std::string_view label_name) {
  return pair_up(parse_idx(image_file, image_name), image_name, parse_idx(label_file, label_name),
                 label_name);
}

namespace {

bool is_training(Split split) {
  if (split == Split::Val)
    throw ValueError(
        "MNIST has training and test images; data::random_split makes validation images");
  return split == Split::Train;
}

}  // namespace

MnistArrays read_mnist(const std::filesystem::path& folder, Split split, const char* below) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) {
    throw IoError(fmt::format("{}: no such folder", folder.string()));
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw IoError(fmt::format("{}: not a folder; give the folder that holds the MNIST files",
                              folder.string()));
  }
  const std::string prefix = is_training(split) ? "train" : "t10k";
  const auto images = find_file(folder, below, prefix + "-images", "idx3-ubyte");
  const auto labels = find_file(folder, below, prefix + "-labels", "idx1-ubyte");
  return pair_up(read_idx(images), images.string(), read_idx(labels), labels.string());
}

MnistArrays embedded_mnist(Split split) {
  namespace e = ingot::embedded;
  if (is_training(split)) {
    return parse_mnist(
        {e::mnist_train_images, e::mnist_train_images_nbytes}, "embedded train images",
        {e::mnist_train_labels, e::mnist_train_labels_nbytes}, "embedded train labels");
  }
  return parse_mnist({e::mnist_test_images, e::mnist_test_images_nbytes}, "embedded test images",
                     {e::mnist_test_labels, e::mnist_test_labels_nbytes}, "embedded test labels");
}

}  // namespace ingot::data
