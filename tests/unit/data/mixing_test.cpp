// MixUp and CutMix: torchvision's definitions, the distribution of what is drawn, and that a batch
// depends on its samples alone.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/mixing.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>

namespace ingot::data {
namespace {

constexpr std::int64_t kClasses = 3;

Batch batch_of(std::int64_t n, std::int64_t height, std::int64_t width) {
  std::vector<float> pixels;
  for (std::int64_t i = 0; i < n * 2 * height * width; ++i)
    pixels.push_back(static_cast<float>(i % 97) / 7);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(i % kClasses);
  return {from_vector(pixels, {n, 2, height, width}), from_vector(labels, {n})};
}

std::size_t row_before(std::size_t i, std::size_t n) { return (i + n - 1) % n; }

TEST(Mixing, MixUpIsTorchvisions) {
  for (const std::int64_t n : {1, 2, 5}) {
    const Batch batch = batch_of(n, 3, 4);
    const auto in = batch.inputs().to_vector<float>();
    for (const double share : {0.0, 0.25, 0.7, 1.0}) {
      const Batch mixed = mix_up(batch, share, kClasses);
      const auto out = mixed.inputs().to_vector<float>();
      const auto targets = mixed.targets().to_vector<float>();
      const std::size_t rows = static_cast<std::size_t>(n), size = in.size() / rows;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const double other = in[row_before(i / size, rows) * size + i % size];
        EXPECT_NEAR(out[i], share * in[i] + (1 - share) * other, 1e-5);
      }
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t c = 0; c < kClasses; ++c) {
          const double own = c == row % kClasses ? share : 0;
          const double other = c == row_before(row, rows) % kClasses ? 1 - share : 0;
          EXPECT_NEAR(targets[row * kClasses + c], own + other, 1e-6);
        }
    }
  }
}

TEST(Mixing, CutMixIsTorchvisions) {
  const Batch batch = batch_of(4, 5, 6);
  const auto in = batch.inputs().to_vector<float>();
  const struct {
    std::int64_t top, left, height, width;
  } boxes[] = {{0, 0, 5, 6}, {1, 2, 3, 2}, {4, 5, 1, 1}, {2, 0, 0, 3}, {0, 3, 5, 3}};
  for (const auto& box : boxes) {
    const Batch mixed = cut_mix(batch, box.top, box.left, box.height, box.width, kClasses);
    const auto out = mixed.inputs().to_vector<float>();
    std::size_t at = 0;
    for (std::size_t n = 0; n < 4; ++n)
      for (int c = 0; c < 2; ++c)
        for (std::int64_t y = 0; y < 5; ++y)
          for (std::int64_t x = 0; x < 6; ++x, ++at) {
            const bool inside = y >= box.top && y < box.top + box.height && x >= box.left &&
                                x < box.left + box.width;
            const std::size_t from = inside ? row_before(n, 4) * 60 + at % 60 : at;
            ASSERT_EQ(out[at], in[from]);
          }
    const double share = 1 - static_cast<double>(box.height * box.width) / 30;
    const auto targets = mixed.targets().to_vector<float>();
    EXPECT_NEAR(targets[0], share + (1 - share), 1e-6);  // classes 0 and, before it, 0
    EXPECT_NEAR(targets[3], 1 - share, 1e-6);
    EXPECT_NEAR(targets[4], share, 1e-6);
  }
}

TEST(Mixing, BetaHasItsMomentsAndStaysInRange) {
  for (const double alpha : {0.2, 1.0, 4.0}) {
    double sum = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      RandomStream random(SampleKey{i, 0, 7});
      const double x = draw_beta(alpha, random);
      ASSERT_TRUE(x >= 0 && x <= 1);
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(sum / kDraws, 0.5, 6 * std::sqrt(variance / kDraws));
    EXPECT_NEAR(squares / kDraws, variance, 0.05 * variance);
  }
}

/// Images of one colour, and their class.
class Colours final : public Dataset {
 public:
  std::int64_t size() const override { return 23; }
  Sample get(const SampleKey& key) const override {
    return {FloatImage{1, 4, 4, std::vector<float>(16, static_cast<float>(key.index))},
            key.index % kClasses};
  }
};

std::vector<float> epoch_of(DataLoader& loader) {
  std::vector<float> all;
  for (const auto& [images, targets] : loader) {
    for (const float v : images.to_vector<float>()) all.push_back(v);
    for (const float v : targets.to_vector<float>()) all.push_back(v);
  }
  return all;
}

TEST(Mixing, ABatchDependsOnItsSamplesAlone) {
  for (const MixingOptions options : {MixingOptions{.mix_up = 0.4, .num_classes = kClasses},
                                      MixingOptions{.cut_mix = 1, .num_classes = kClasses},
                                      MixingOptions{.mix_up = 1, .cut_mix = 1, .num_classes = 3}}) {
    const auto make = [&](int workers) {
      return DataLoader(with_mixing_key(std::make_shared<Colours>()),
                        {.batch_size = 4,
                         .shuffle = true,
                         .workers = workers,
                         .seed = 5,
                         .collate = mixing_collate(options)});
    };
    DataLoader alone = make(0), many = make(3);
    const auto first = epoch_of(alone), second = epoch_of(alone);
    EXPECT_EQ(first, epoch_of(many));
    EXPECT_EQ(second, epoch_of(many));
    EXPECT_NE(first, second);
    // Taken up in the middle of the second epoch.
    DataLoader later = make(1);
    later.set_position({1, 3});
    const auto rest = epoch_of(later);
    ASSERT_FALSE(rest.empty());
    EXPECT_EQ(rest, (std::vector<float>(second.end() - static_cast<std::ptrdiff_t>(rest.size()),
                                        second.end())));
  }
}

TEST(Mixing, RefusesWhatCannotBe) {
  const Batch batch = batch_of(2, 3, 3);
  EXPECT_THROW(mix_up(batch, 1.5, kClasses), ValueError);
  EXPECT_THROW(mix_up(batch, NAN, kClasses), ValueError);
  EXPECT_THROW(mix_up(batch, 0.5, 0), ValueError);
  EXPECT_THROW(mix_up({batch.targets(), batch.targets()}, 0.5, kClasses), DTypeError);
  EXPECT_THROW(mix_up({batch.inputs(), batch.inputs()}, 0.5, kClasses), DTypeError);
  EXPECT_THROW(mix_up({batch.inputs(), from_vector(std::vector<std::int64_t>{1}, {1})}, 0.5, 3),
               ShapeError);
  EXPECT_THROW(cut_mix(batch, 0, 0, 4, 1, kClasses), ValueError);
  EXPECT_THROW(cut_mix({rand({2, 3}), batch.targets()}, 0, 0, 1, 1, kClasses), ShapeError);
  EXPECT_THROW(mixing_collate({.num_classes = 3}), ValueError);
  EXPECT_THROW(mixing_collate({.mix_up = -1, .num_classes = 3}), ValueError);
  EXPECT_THROW(mixing_collate({.mix_up = 1}), ValueError);
  EXPECT_THROW(with_mixing_key(nullptr), ValueError);
  RandomStream random(SampleKey{0});
  EXPECT_THROW(draw_beta(0, random), ValueError);
}

}  // namespace
}  // namespace ingot::data
