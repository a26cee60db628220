#include <ingot/data/data_loader.h>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/parallel.h>
#include <ingot/data/mnist_arrays.h>

#include "data/shuffle.h"
#include "unit/data/idx_bytes.h"

namespace ingot::data {
namespace {

using Numbers = std::vector<std::int64_t>;

/// Sample i is (i, 10 i).
class Counting final : public Dataset {
 public:
  explicit Counting(std::int64_t size) : size_(size) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey& key) const override { return {key.index, 10 * key.index}; }

 private:
  std::int64_t size_;
};

/// The inputs of every batch of one pass.
std::vector<Numbers> one_pass(DataLoader& loader) {
  std::vector<Numbers> batches;
  for (auto [inputs, targets] : loader) {
    batches.push_back(inputs.to_vector<std::int64_t>());
    Numbers expected = batches.back();
    for (auto& number : expected) number *= 10;
    EXPECT_EQ(targets.to_vector<std::int64_t>(), expected);
  }
  return batches;
}

template <class E, class F>
void expect_error(F f, const std::string& part) {
  try {
    f();
    FAIL() << "nothing was thrown; expected: " << part;
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(DataLoader, BatchesInOrder) {
  for (const int workers : {0, 2}) {
    DataLoader loader{Counting(7), {.batch_size = 3, .workers = workers}};
    EXPECT_EQ(loader.size(), 3);
    EXPECT_EQ(one_pass(loader), (std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}, {6}}));
    EXPECT_EQ(one_pass(loader), (std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}, {6}}));
    DataLoader full{Counting(7), {.batch_size = 3, .workers = workers, .drop_last = true}};
    EXPECT_EQ(full.size(), 2);
    EXPECT_EQ(one_pass(full), (std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}}));
  }
}

TEST(DataLoader, OrderDependsOnSeedAndEpochAlone) {
  std::vector<std::vector<Numbers>> first_epochs;
  for (const int workers : {0, 1, 4}) {
    for (const std::int64_t prefetch : {1, 3}) {
      DataLoader loader{
          Counting(50),
          {.batch_size = 8, .shuffle = true, .workers = workers, .seed = 3, .prefetch = prefetch}};
      first_epochs.push_back(one_pass(loader));
      first_epochs.push_back(one_pass(loader));
      EXPECT_EQ(first_epochs[first_epochs.size() - 2], first_epochs[0]);
      EXPECT_EQ(first_epochs.back(), first_epochs[1]);
    }
  }
  EXPECT_NE(first_epochs[0], first_epochs[1]);
  Numbers flat;
  for (const auto& batch : first_epochs[1]) flat.insert(flat.end(), batch.begin(), batch.end());
  EXPECT_EQ(flat, epoch_order(50, true, 3, 1));
  DataLoader other{Counting(50), {.batch_size = 8, .shuffle = true, .seed = 4}};
  EXPECT_NE(one_pass(other), first_epochs[0]);
}

TEST(DataLoader, FollowsManualSeedUnlessGivenOne) {
  const auto before = default_generator().state();
  manual_seed(3);
  DataLoader loader{Counting(50), {.batch_size = 50, .shuffle = true}};
  EXPECT_EQ(loader.options().seed, 3u);
  manual_seed(4);  // too late for the loader above
  EXPECT_EQ(one_pass(loader)[0], epoch_order(50, true, 3, 0));
  default_generator().set_state(before);
}

TEST(DataLoader, PositionCountsDeliveredBatches) {
  for (const int workers : {0, 2}) {
    DataLoader loader{Counting(6), {.batch_size = 2, .workers = workers}};
    EXPECT_EQ(loader.position(), (LoaderPosition{0, 0}));
    std::vector<LoaderPosition> seen;
    for (auto batch : loader) seen.push_back(loader.position());
    EXPECT_EQ(seen, (std::vector<LoaderPosition>{{0, 1}, {0, 2}, {1, 0}}));
    EXPECT_EQ(loader.position(), (LoaderPosition{1, 0}));
  }
}

TEST(DataLoader, ResumesWithTheVeryNextBatch) {
  for (const int workers : {0, 2}) {
    const LoaderOptions options{.batch_size = 4, .shuffle = true, .workers = workers, .seed = 11};
    DataLoader whole{Counting(30), options};
    std::vector<Numbers> expected;
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (const auto& batch : one_pass(whole)) expected.push_back(batch);
    }
    for (const std::size_t stop : {1u, 5u, 8u, 9u, 16u, 20u}) {
      std::vector<Numbers> seen;
      LoaderPosition position;
      {
        DataLoader first{Counting(30), options};
        while (seen.size() < stop) {
          for (auto [inputs, targets] : first) {
            seen.push_back(inputs.to_vector<std::int64_t>());
            position = first.position();
            if (seen.size() == stop) break;
          }
        }
      }
      DataLoader second{Counting(30), options};
      second.set_position(position);
      EXPECT_EQ(second.position(), position);
      while (seen.size() < expected.size()) {
        for (const auto& batch : one_pass(second)) seen.push_back(batch);
      }
      EXPECT_EQ(seen, expected) << "stopped after " << stop;
    }
  }
}

TEST(DataLoader, APassLeftInTheMiddleIsFollowedByTheNextEpoch) {
  DataLoader loader{Counting(40), {.batch_size = 4, .shuffle = true, .workers = 2, .seed = 1}};
  for (auto batch : loader) break;
  EXPECT_EQ(loader.position(), (LoaderPosition{0, 1}));
  Numbers flat;
  for (const auto& batch : one_pass(loader)) flat.insert(flat.end(), batch.begin(), batch.end());
  EXPECT_EQ(flat, epoch_order(40, true, 1, 1));
  auto stale = loader.begin();
  auto fresh = loader.begin();
  expect_error<ValueError>([&] { ++stale; }, "a newer one has begun");
  ++fresh;
  loader.set_position({0, 3});
  expect_error<ValueError>([&] { ++fresh; }, "a newer one has begun");
}

TEST(DataLoader, RefusesBadOptions) {
  const auto make = [](LoaderOptions options) { DataLoader{Counting(3), options}; };
  expect_error<ValueError>([&] { make({.batch_size = 0}); },
                           "batch_size must be at least 1, got 0");
  expect_error<ValueError>([&] { make({.batch_size = -4}); }, "got -4");
  expect_error<ValueError>([&] { make({.workers = -1}); }, "workers must be in 0..256, got -1");
  expect_error<ValueError>([&] { make({.workers = 100000}); }, "got 100000");
  expect_error<ValueError>([&] { make({.prefetch = 0}); }, "prefetch must be from 1 to");
  expect_error<ValueError>([&] { make({.prefetch = std::int64_t{1} << 33}); },
                           "prefetch must be from 1 to");
  expect_error<ValueError>([] { DataLoader{Counting(0)}; }, "the data set is empty");
  expect_error<ValueError>([] { DataLoader{std::shared_ptr<const Dataset>()}; }, "null");
  DataLoader loader{Counting(3)};
  expect_error<ValueError>([&] { loader.set_position({0, 4}); }, "batch 4 is outside 0..3");
  expect_error<ValueError>([&] { loader.set_position({0, -1}); }, "batch -1");
}

class Faulty final : public Dataset {
 public:
  std::int64_t size() const override { return 10; }
  Sample get(const SampleKey& key) const override {
    if (key.index == 5) throw IoError("sample-5.jpg: cannot be decoded");
    return {key.index, key.index};
  }
};

TEST(DataLoader, HandsOnWhatTheDataSetThrows) {
  for (const int workers : {0, 3}) {
    DataLoader loader{Faulty(), {.batch_size = 2, .workers = workers}};
    int batches = 0;
    expect_error<IoError>(
        [&] {
          for (auto batch : loader) ++batches;
        },
        "sample-5.jpg");
    EXPECT_EQ(batches, 2);
    EXPECT_EQ(loader.position(), (LoaderPosition{0, 2}));
  }
}

/// Fields of every kind, and samples that do not fit.
class Mixed final : public Dataset {
 public:
  explicit Mixed(int kind) : kind_(kind) {}
  std::int64_t size() const override { return 2; }
  Sample get(const SampleKey& key) const override {
    const auto i = key.index;
    const auto byte = static_cast<std::uint8_t>(i);
    switch (kind_) {
      case 0:
        return {Image{1, 2, 3, {1, 2, 3, 4, 5, byte}}, 0.5f + static_cast<float>(i)};
      case 1:
        return {FloatImage{1, 1, 2, {1.5f, static_cast<float>(i)}}, i};
      case 2:
        return {FloatImage{1, 1, 2 + i, std::vector<float>(static_cast<std::size_t>(2 + i))}, i};
      case 3:
        return {i == 0 ? Field(i) : Field(1.0f), i};
      case 4:
        return {i, Image{2, 2, 1, {1, 2, 3}}};
      case 5:
        return {i, Tensor()};
      default:
        return {from_vector<float>({1, static_cast<float>(i)}), from_vector<std::int32_t>({7})};
    }
  }

 private:
  int kind_;
};

TEST(DataLoader, CollatesEveryKindOfField) {
  const auto batch = [](int kind) { return *DataLoader{Mixed(kind), {.batch_size = 2}}.begin(); };
  Batch images = batch(0);
  EXPECT_EQ(images.inputs().shape(), (Shape{2, 3, 1, 2}));
  EXPECT_EQ(images.inputs().to_vector<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 0, 1, 4, 2, 5, 3, 1}));
  EXPECT_EQ(images.targets().shape(), Shape{2});
  EXPECT_EQ(images.targets().to_vector<float>(), (std::vector<float>{0.5f, 1.5f}));
  Batch planes = batch(1);
  EXPECT_EQ(planes.inputs().shape(), (Shape{2, 1, 1, 2}));
  EXPECT_EQ(planes.inputs().to_vector<float>(), (std::vector<float>{1.5f, 0, 1.5f, 1}));
  EXPECT_EQ(planes.targets().to_vector<std::int64_t>(), (Numbers{0, 1}));
  Batch tensors = batch(6);
  EXPECT_EQ(tensors.inputs().shape(), (Shape{2, 2}));
  EXPECT_EQ(tensors.inputs().to_vector<float>(), (std::vector<float>{1, 0, 1, 1}));
  EXPECT_EQ(tensors.targets().to_vector<std::int32_t>(), (std::vector<std::int32_t>{7, 7}));
}

TEST(DataLoader, NamesSamplesThatDoNotFit) {
  const auto run = [](int kind) { DataLoader{Mixed(kind), {.batch_size = 2}}.begin(); };
  expect_error<ShapeError>([&] { run(2); },
                           "the field 'inputs' of sample 1 is [1, 1, 3], of sample 0 [1, 1, 2]");
  expect_error<DTypeError>([&] { run(3); },
                           "the field 'inputs' of sample 1 is float32, of sample 0 int64");
  expect_error<ShapeError>([&] { run(4); }, "an image of shape [1, 2, 2] holds 3 values");
  expect_error<ValueError>([&] { run(5); }, "undefined tensor");
}

/// Works with tensors in get(): sample i is (2 w + i, sum of it).
class Computing final : public Dataset {
 public:
  std::int64_t size() const override { return 40; }
  Sample get(const SampleKey& key) const override {
    const Tensor x = weight_ * 2 + key.index;
    return {x, x.sum()};
  }

 private:
  Tensor weight_ = from_vector<float>({1, 2, 3});
};

TEST(DataLoader, TensorOpsInWorkersAreEvaluatedThere) {
  for (const int workers : {0, 3}) {
    DataLoader loader{Computing(), {.batch_size = 4, .workers = workers}};
    float i = 0;
    for (auto [x, sums] : loader) {
      ASSERT_TRUE(x.is_evaluated());
      ASSERT_TRUE(sums.is_evaluated());
      ASSERT_EQ(x.shape(), (Shape{4, 3}));
      ASSERT_EQ(sums.shape(), Shape{4});
      const auto values = x.to_vector<float>();
      const auto totals = sums.to_vector<float>();
      for (std::size_t k = 0; k < 4; ++k, ++i) {
        ASSERT_EQ(values[3 * k], 2 + i);
        ASSERT_EQ(values[3 * k + 2], 6 + i);
        ASSERT_EQ(totals[k], 12 + 3 * i);
      }
    }
    EXPECT_EQ(i, 40);
  }
}

TEST(TensorDataset, GivesRows) {
  const Tensor inputs = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}});
  const Tensor targets = tensor({7, 8, 9});
  DataLoader loader{TensorDataset(inputs, targets), {.batch_size = 2, .workers = 2}};
  std::vector<float> seen;
  Numbers labels;
  for (auto [x, y] : loader) {
    EXPECT_EQ(x.size(1), 2);
    for (const float value : x.to_vector<float>()) seen.push_back(value);
    for (const auto label : y.to_vector<std::int64_t>()) labels.push_back(label);
  }
  EXPECT_EQ(seen, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(labels, (Numbers{7, 8, 9}));
  expect_error<ShapeError>(
      [&] {
        TensorDataset(inputs, tensor({1, 2}));
      },
      "3 rows of inputs [3, 2], but 2");
  expect_error<ShapeError>([&] { TensorDataset(tensor(1), targets); }, "inputs has no rows");
  expect_error<IndexError>([&] { TensorDataset(inputs, targets).get(3); },
                           "index 3 is outside 0..2");
}

TEST(Subset, TakesIndicesOrTheFirst) {
  const auto all = std::make_shared<Counting>(10);
  DataLoader some{Subset(all, Numbers{7, 2}), {.batch_size = 5}};
  EXPECT_EQ(one_pass(some), (std::vector<Numbers>{{7, 2}}));
  DataLoader three{Subset(all, 3), {.batch_size = 5}};
  EXPECT_EQ(one_pass(three), (std::vector<Numbers>{{0, 1, 2}}));
  EXPECT_EQ(Subset(all, 100).size(), 10);
  expect_error<IndexError>([&] { Subset(all, Numbers{10}); }, "index 10 is outside 0..9");
  expect_error<ValueError>([&] { Subset(all, -1); }, "cannot take -1");
}

TEST(MnistDataset, LoadsBatchesOfImagesAndLabels) {
  const MnistArrays arrays = embedded_mnist(Split::Test);
  DataLoader loader{mnist("embedded", false), {.batch_size = 64, .workers = 2}};
  std::int64_t seen = 0;
  for (auto [images, labels] : loader) {
    ASSERT_EQ(images.dtype(), DType::Float32);
    ASSERT_EQ(labels.dtype(), DType::Int64);
    ASSERT_EQ(images.shape(), (Shape{labels.size(0), 1, 28, 28}));
    const auto pixels = images.to_vector<float>();
    const auto classes = labels.to_vector<std::int64_t>();
    for (std::size_t i = 0; i < classes.size(); ++i, ++seen) {
      ASSERT_EQ(classes[i], arrays.labels[static_cast<std::size_t>(seen)]);
      for (std::size_t p = 0; p < 784; ++p) {
        ASSERT_EQ(pixels[i * 784 + p], static_cast<float>(arrays.image(seen)[p]) / 255.0f);
      }
    }
  }
  EXPECT_EQ(seen, 1000);
  expect_error<IndexError>([] { mnist("embedded")->get(1000); }, "index 1000 is outside 0..999");
  expect_error<IoError>([] { mnist("no/such/folder"); }, "no/such/folder: no such folder");
}

TEST(MnistDataset, FashionIsReadFromItsFolder) {
  const testing::TemporaryFolder folder("fashion");
  testing::Bytes pixels(2 * 784, 0);
  pixels[784] = 255;
  testing::write_bytes(folder.path() / "t10k-images-idx3-ubyte",
                       testing::idx_bytes({2, 28, 28}, pixels));
  testing::write_bytes(folder.path() / "t10k-labels-idx1-ubyte", testing::idx_bytes({2}, {9, 0}));
  DataLoader loader{fashion_mnist(folder.path().string(), false), {.batch_size = 2}};
  auto [images, labels] = *loader.begin();
  EXPECT_EQ(images.shape(), (Shape{2, 1, 28, 28}));
  EXPECT_EQ(images.flatten(1).sum({1}).to_vector<float>(), (std::vector<float>{0, 1}));
  EXPECT_EQ(labels.to_vector<std::int64_t>(), (Numbers{9, 0}));
  ASSERT_EQ(fashion_mnist_classes().size(), 10u);
  EXPECT_EQ(fashion_mnist_classes()[9], "Ankle boot");
  expect_error<IoError>([&] { fashion_mnist(folder.path().string()); }, folder.path().string());
}

TEST(MnistDataset, TransformsRunInTheWorkers) {
  const auto caller = std::this_thread::get_id();
  std::atomic<int> elsewhere{0};
  const Transform watch([&](Picture picture) {
    if (std::this_thread::get_id() != caller && num_threads() == 1) ++elsewhere;
    return picture;
  });
  const Transform chain =
      Compose({Resize(40), Grayscale(3), watch, ToTensor(), Normalize({0.5f}, {0.5f})});
  std::vector<std::vector<float>> results;
  for (const int workers : {0, 2}) {
    DataLoader loader{mnist("embedded", true, chain),
                      {.batch_size = 10, .shuffle = true, .workers = workers}};
    const Batch batch = *loader.begin();
    EXPECT_EQ(batch.inputs().shape(), (Shape{10, 3, 40, 40}));
    results.push_back(batch.inputs().to_vector<float>());
    if (workers == 0) {
      EXPECT_EQ(elsewhere, 0);
    }
  }
  EXPECT_GE(elsewhere, 10);
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace ingot::data
