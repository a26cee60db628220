// MNIST (and data sets published the same way) as plain arrays: images and labels of one split.
//
// Invariants of a returned MnistArrays: count >= 1, labels.size() == count, images.size() ==
// count * height * width, every label is in 0..9.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <ingot/data/split.h>

namespace ingot::data {

struct MnistArrays {
  std::int64_t count = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint8_t> images;  // [count, height, width], 0 = background, 255 = ink
  std::vector<std::uint8_t> labels;  // [count], 0..9

  /// The pixels of image `index`, row-major.
  std::span<const std::uint8_t> image(std::int64_t index) const {
    const auto numel = static_cast<std::size_t>(height * width);
    return std::span(images).subspan(static_cast<std::size_t>(index) * numel, numel);
  }
};

/// Reads one split from `folder`, which holds the files under their published names
/// (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…`; also spelt
/// `train-images.idx3-ubyte`), raw or gzip, with or without `.gz`; or holds them in `below`/raw or
/// raw, as torchvision stores them ("MNIST", "FashionMNIST").
/// Throws ValueError for Split::Val, which MNIST has not; IoError: folder or file missing, damaged
/// file, not images or not labels, counts that disagree, a label outside 0..9.
MnistArrays read_mnist(const std::filesystem::path& folder, Split split,
                       const char* below = "MNIST");

/// The first 1,000 images of the split, carried inside the library (Y. LeCun, C. Cortes,
/// CC BY-SA 3.0; see data/mnist-1k/LICENSE). Throws ValueError for Split::Val.
MnistArrays embedded_mnist(Split split);

/// Pairs the bytes of an image file and of a label file (raw or gzip); the names appear in errors.
MnistArrays parse_mnist(std::span<const std::uint8_t> image_file, std::string_view image_name,
                        std::span<const std::uint8_t> label_file, std::string_view label_name);

}  // namespace ingot::data
