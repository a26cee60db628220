// Data sets and samplers that claim sizes which no machine has.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/dataset.h>
#include <ingot/data/functional.h>
#include <ingot/data/samplers.h>

#include <memory>

#include "support/allocation_hook.h"

namespace ingot::data {
namespace {

class Endless final : public Dataset {
 public:
  explicit Endless(std::int64_t size) : size_(size) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey&) const override { return {}; }

 private:
  std::int64_t size_;
};

TEST(AbsurdSizes, SamplersAndDataSetsThrowIngotsErrors) {
  const optest::LargestAllocation limit(std::size_t{1} << 20);
  const std::size_t before = set_memory_limit(memory_allocated() + (std::size_t{1} << 20));
  for (const std::int64_t n : {std::int64_t{1} << 30, std::int64_t{1} << 42, std::int64_t{1} << 60,
                               std::int64_t{9223372036854775807}}) {
    EXPECT_THROW(SequentialSampler(n).order(0, 0), OutOfMemoryError);
    EXPECT_THROW(RandomSampler(n).order(0, 0), OutOfMemoryError);
    EXPECT_THROW(RandomSampler(4, true, n).order(0, 0), OutOfMemoryError);
    EXPECT_THROW(RandomSampler(4, false, n).order(0, 0), OutOfMemoryError);
    EXPECT_THROW(WeightedRandomSampler({1, 2}, n, true).order(0, 0), OutOfMemoryError);
    const auto endless = std::make_shared<Endless>(n);
    EXPECT_THROW(Subset(endless, n), OutOfMemoryError);
    EXPECT_THROW(random_split(endless, std::vector<std::int64_t>{n - 1, 1}, 0), OutOfMemoryError);
    EXPECT_THROW(
        {
          DataLoader loader(endless, {.batch_size = 8});
          loader.begin();
        },
        OutOfMemoryError);
  }
  const Picture picture = Image{2, 2, 3, std::vector<std::uint8_t>(12)};
  EXPECT_THROW(functional::pad(picture, {20'000}), Error);
  EXPECT_THROW(functional::center_crop(picture, 40'000, 40'000), Error);
  EXPECT_THROW(functional::resized_crop(picture, 0, 0, 2, 2, 40'000, 40'000), Error);
  set_memory_limit(before);
}

}  // namespace
}  // namespace ingot::data
