#include "ingot/data/mnist_arrays.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "ingot/core/error.h"
#include "ingot/data/idx.h"
#include "unit/data/idx_bytes.h"

#include "support/source_dir.h"

namespace ingot::data {
namespace {

using testing::Bytes;
using testing::gzip_bytes;
using testing::idx_bytes;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;

const std::filesystem::path kSubset = ingot::testing::source_dir() + "/data/mnist-1k";

template <class F>
std::string io_error(F f) {
  try {
    f();
  } catch (const IoError& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(Mnist, EmbeddedIsTheStartOfMnist) {
  const MnistArrays train = embedded_mnist(Split::Train);
  const MnistArrays test = embedded_mnist(Split::Test);
  for (const MnistArrays* part : {&train, &test}) {
    EXPECT_EQ(part->count, 1000);
    EXPECT_EQ(part->height, 28);
    EXPECT_EQ(part->width, 28);
    EXPECT_EQ(part->images.size(), 784000u);
    EXPECT_EQ(part->labels.size(), 1000u);
  }
  const auto first_ten = [](const MnistArrays& part) {
    return Bytes(part.labels.begin(), part.labels.begin() + 10);
  };
  EXPECT_EQ(first_ten(train), (Bytes{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}));
  EXPECT_EQ(first_ten(test), (Bytes{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));
  // Class counts and ink of the first 1,000 originals.
  std::array<int, 10> counts{};
  for (const auto label : train.labels) ++counts[label];
  EXPECT_EQ(counts, (std::array<int, 10>{97, 116, 99, 93, 105, 92, 94, 117, 87, 100}));
  EXPECT_EQ(train.image(0)[5 * 28 + 12], 3);  // the first five's first drop of ink
  EXPECT_EQ(train.image(0)[5 * 28 + 11], 0);
}

TEST(Mnist, EmbeddedEqualsTheFolder) {
  for (const Split split : {Split::Train, Split::Test}) {
    const MnistArrays embedded = embedded_mnist(split);
    const MnistArrays folder = read_mnist(kSubset, split);
    EXPECT_EQ(embedded.images, folder.images);
    EXPECT_EQ(embedded.labels, folder.labels);
  }
}

TEST(Mnist, HasNoValidationImages) {
  EXPECT_THROW(embedded_mnist(Split::Val), ValueError);
  EXPECT_THROW(read_mnist(kSubset, Split::Val), ValueError);
}

TEST(Mnist, FindsEverySpelling) {
  const Bytes images = idx_bytes({2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const Bytes labels = idx_bytes({2}, {9, 0});
  for (const char* separator : {"-", "."}) {
    for (const bool zipped : {false, true}) {
      const TemporaryFolder folder("mnist_names");
      const std::string suffix = zipped ? ".gz" : "";
      write_bytes(folder.path() / ("t10k-images" + std::string(separator) + "idx3-ubyte" + suffix),
                  zipped ? gzip_bytes(images) : images);
      write_bytes(folder.path() / ("t10k-labels" + std::string(separator) + "idx1-ubyte" + suffix),
                  zipped ? gzip_bytes(labels) : labels);
      const MnistArrays arrays = read_mnist(folder.path(), Split::Test);
      EXPECT_EQ(arrays.count, 2);
      EXPECT_EQ(arrays.height, 1);
      EXPECT_EQ(arrays.width, 3);
      EXPECT_EQ(arrays.image(1)[0], 4);
      EXPECT_EQ(arrays.labels, (Bytes{9, 0}));
    }
  }
}

TEST(Mnist, MissingFolderOrFile) {
  const TemporaryFolder folder("mnist_missing");
  const std::string name = folder.path().string();
  EXPECT_EQ(io_error([&] { read_mnist(folder.path() / "none", Split::Train); }),
            name + "/none: no such folder");
  EXPECT_EQ(io_error([&] { read_mnist(folder.path(), Split::Train); }),
            name + ": the folder has no train-images-idx3-ubyte (raw or with .gz)");
  write_bytes(folder.path() / "train-images-idx3-ubyte", idx_bytes({1, 1, 1}, {0}));
  EXPECT_EQ(io_error([&] { read_mnist(folder.path(), Split::Train); }),
            name + ": the folder has no train-labels-idx1-ubyte (raw or with .gz)");
  const auto file = folder.path() / "train-images-idx3-ubyte";
  EXPECT_NE(io_error([&] { read_mnist(file, Split::Train); }).find("not a folder"),
            std::string::npos);
}

// torchvision's datasets.MNIST("data") has put them into data/MNIST/raw.
TEST(Mnist, FoldersOfTorchvision) {
  for (const std::string below : {"MNIST/raw", "FashionMNIST/raw", "raw"}) {
    const TemporaryFolder folder("mnist_below");
    std::filesystem::create_directories(folder.path() / below);
    write_bytes(folder.path() / below / "train-images-idx3-ubyte", idx_bytes({1, 1, 1}, {7}));
    write_bytes(folder.path() / below / "train-labels-idx1-ubyte", idx_bytes({1}, {3}));
    const char* name = below[0] == 'F' ? "FashionMNIST" : "MNIST";
    EXPECT_EQ(read_mnist(folder.path(), Split::Train, name).labels[0], 3);
    if (below != "raw") {
      EXPECT_THROW(
          read_mnist(folder.path(), Split::Train, below[0] == 'F' ? "MNIST" : "FashionMNIST"),
          IoError);
    }
    std::filesystem::remove_all(folder.path() / below);
  }
}

TEST(Mnist, PartsThatDoNotFit) {
  const auto error = [](const Bytes& images, const Bytes& labels) {
    return io_error([&] { parse_mnist(images, "img", labels, "lab"); });
  };
  const Bytes two = idx_bytes({2, 1, 1}, {0, 1});
  EXPECT_EQ(error(two, idx_bytes({3}, {0, 1, 2})),
            "counts disagree: 2 images in img, 3 labels in lab");
  EXPECT_EQ(error(two, idx_bytes({2}, {9, 10})), "lab: label 10 at index 1 is outside 0..9");
  EXPECT_NE(error(idx_bytes({2}, {0, 1}), idx_bytes({2}, {0, 1})).find("img: not an image file"),
            std::string::npos);
  EXPECT_NE(error(two, two).find("lab: not a label file"), std::string::npos);
  EXPECT_NE(error(idx_bytes({0, 1, 1}, {}), idx_bytes({0}, {})).find("img: holds no pixels"),
            std::string::npos);
  EXPECT_NE(error(idx_bytes({2, 0, 28}, {}), idx_bytes({2}, {0, 1})).find("holds no pixels"),
            std::string::npos);
}

TEST(Mnist, DamageOfARealFileIsNamed) {
  const TemporaryFolder folder("mnist_damage");
  std::filesystem::copy(kSubset / "train-labels-idx1-ubyte.gz", folder.path());
  const Bytes whole = read_bytes(kSubset / "train-images-idx3-ubyte.gz");
  const auto path = folder.path() / "train-images-idx3-ubyte.gz";
  Bytes damaged = whole;
  damaged[whole.size() / 2] ^= 0x40;
  write_bytes(path, damaged);
  const std::string text = io_error([&] { read_mnist(folder.path(), Split::Train); });
  EXPECT_EQ(text.find(path.string() + ": damaged gzip data"), 0u) << text;
  write_bytes(path, Bytes(whole.begin(), whole.begin() + 100000));
  EXPECT_EQ(io_error([&] { read_mnist(folder.path(), Split::Train); }),
            path.string() + ": the gzip data is cut off");
}

}  // namespace
}  // namespace ingot::data
