// The random transforms: what they draw, and that it depends on (seed, epoch, index) alone. The
// operations themselves are compared with torchvision in tests/parity/transforms.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/transforms.h>

#include "support/expect.h"

namespace ingot::data {
namespace {

using test::message_of;

/// Every pixel tells its place: red is the column, green the row.
Image places(std::int64_t height, std::int64_t width) {
  Image image{height, width, 3, {}};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (const std::int64_t v : {x, y, std::int64_t{200}})
        image.pixels.push_back(static_cast<std::uint8_t>(v));
  return image;
}

Image bytes_of(const Picture& picture) { return std::get<Image>(picture); }

/// Within six standard deviations of `draws` draws with that probability.
void expect_share(int count, int draws, double probability) {
  EXPECT_NEAR(count, draws * probability,
              6 * std::sqrt(draws * probability * (1 - probability)) + 1e-9);
}

TEST(RandomTransforms, FlipsHaveTheirProbability) {
  const Image image = places(3, 4);
  const Image across = bytes_of(functional::hflip(image)),
              down = bytes_of(functional::vflip(image));
  constexpr int kDraws = 5000;
  for (const double p : {0.0, 0.2, 0.5, 1.0}) {
    int flipped = 0, turned = 0;
    for (int i = 0; i < kDraws; ++i) {
      const Image h = bytes_of(RandomHorizontalFlip(p)(image, {i}));
      const Image v = bytes_of(RandomVerticalFlip(p)(image, {i}));
      ASSERT_TRUE(h.pixels == image.pixels || h.pixels == across.pixels);
      ASSERT_TRUE(v.pixels == image.pixels || v.pixels == down.pixels);
      flipped += h.pixels == across.pixels;
      turned += v.pixels == down.pixels;
    }
    expect_share(flipped, kDraws, p);
    expect_share(turned, kDraws, p);
  }
}

TEST(RandomTransforms, CropsAreEquallyLikelyEverywhere) {
  const Image image = places(7, 6);
  std::map<std::pair<int, int>, int> corners;
  constexpr int kDraws = 12000;
  for (int i = 0; i < kDraws; ++i) {
    const Image crop = bytes_of(RandomCrop(4, 5)(image, {i}));
    ASSERT_EQ(crop.height, 4);
    ASSERT_EQ(crop.width, 5);
    const int left = crop.pixels[0], top = crop.pixels[1];
    ASSERT_EQ(crop.pixels, bytes_of(functional::crop(image, top, left, 4, 5)).pixels);
    ++corners[{top, left}];
  }
  ASSERT_EQ(corners.size(), 8u);  // 4 rows, 2 columns
  for (const auto& [corner, count] : corners) expect_share(count, kDraws, 1.0 / 8);
}

TEST(RandomTransforms, CropsOfPaddedImages) {
  const Image image = places(5, 5);
  const Transform padded = RandomCrop(5, {.padding = {2}, .fill = {9, 8, 7}});
  const Image whole = bytes_of(functional::pad(image, {2}, {9, 8, 7}));
  std::set<std::vector<std::uint8_t>> possible, seen;
  for (std::int64_t top = 0; top < 5; ++top)
    for (std::int64_t left = 0; left < 5; ++left)
      possible.insert(bytes_of(functional::crop(whole, top, left, 5, 5)).pixels);
  for (int i = 0; i < 600; ++i) seen.insert(bytes_of(padded(image, {i})).pixels);
  EXPECT_EQ(seen, possible);
  const Image larger = bytes_of(RandomCrop(8, 5, {.pad_if_needed = true})(image));
  EXPECT_EQ(larger.height, 8);
  EXPECT_EQ(message_of<ShapeError>([&] { RandomCrop(8)(image); }),
            "RandomCrop(size=(8, 8)): the image is smaller: 5 x 5; pad_if_needed pads it");
}

/// A user transform that notes what a crop of a place image was: its box.
struct Box {
  int left, top, right, bottom;
};
Box box_of(const Image& crop) {
  const std::size_t last = crop.pixels.size() - 3;
  return {crop.pixels[0], crop.pixels[1], crop.pixels[last], crop.pixels[last + 1]};
}

TEST(RandomTransforms, ResizedCropsHaveTheirAreasAndRatios) {
  // Nearly constant colours: the corners of the result tell the corners of the crop.
  const Image image = places(200, 240);
  const Transform crop = RandomResizedCrop(240, 240, {.min_scale = 0.2, .max_scale = 0.6});
  constexpr int kDraws = 400;
  double area_sum = 0, log_ratio_sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Box box = box_of(bytes_of(crop(image, {i})));
    const double width = box.right - box.left + 1, height = box.bottom - box.top + 1;
    const double area = width * height / (200.0 * 240), ratio = width / height;
    EXPECT_GT(area, 0.2 - 0.02);
    EXPECT_LT(area, 0.6 + 0.02);
    EXPECT_GT(ratio, 0.75 - 0.03);
    EXPECT_LT(ratio, 4.0 / 3 + 0.04);
    area_sum += area;
    log_ratio_sum += std::log(ratio);
  }
  // Uniform areas and log-uniform ratios; a few crops are drawn again because they do not fit.
  EXPECT_NEAR(area_sum / kDraws, 0.4, 6 * 0.4 / std::sqrt(12.0 * kDraws) + 0.01);
  EXPECT_NEAR(log_ratio_sum / kDraws, 0, 6 * 0.5754 / std::sqrt(12.0 * kDraws) + 0.02);
}

TEST(RandomTransforms, ResizedCropsFallBackToTheMiddle) {
  // Every ratio asks for more than the image has: the middle, as wide as the ratio allows.
  const Image image = places(10, 100);
  const RandomResizedCropOptions options{.min_scale = 1, .max_scale = 1};
  const Image crop = bytes_of(RandomResizedCrop(10, 13, options)(image));
  EXPECT_EQ(crop.pixels, bytes_of(functional::crop(image, 0, 43, 10, 13)).pixels);
  const Image tall = places(100, 9);
  const Image other = bytes_of(RandomResizedCrop(12, 9, options)(tall));
  EXPECT_EQ(other.pixels, bytes_of(functional::crop(tall, 44, 0, 12, 9)).pixels);
}

TEST(RandomTransforms, JitterDrawsFactorsFromItsRanges) {
  // On one grey pixel brightness is a product, so the factor can be read off.
  const Image pixel{1, 1, 1, {100}};
  double sum = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const int value = bytes_of(ColorJitter(0.4)(pixel, {i})).pixels[0];
    EXPECT_GE(value, 60);
    EXPECT_LE(value, 140);
    sum += value;
  }
  // Truncation takes half a level on average.
  EXPECT_NEAR(sum / kDraws, 99.5, 6 * 80 / std::sqrt(12.0 * kDraws));
  const Image colour{1, 1, 3, {10, 200, 90}};
  EXPECT_EQ(bytes_of(ColorJitter(0)(colour)).pixels, colour.pixels);
  // With fixed factors only the order is random: as many results as orders that differ.
  const ColorJitterRanges fixed{.brightness = {1.5, 1.5},
                                .contrast = {0.5, 0.5},
                                .saturation = {0.3, 0.3},
                                .hue = {0.2, 0.2}};
  std::set<std::vector<std::uint8_t>> seen, possible;
  const Image photo = places(4, 60);
  std::vector<int> order{0, 1, 2, 3};
  do {
    Picture p = photo;
    for (const int which : order) {
      if (which == 0) p = functional::adjust_brightness(p, 1.5);
      if (which == 1) p = functional::adjust_contrast(p, 0.5);
      if (which == 2) p = functional::adjust_saturation(p, 0.3);
      if (which == 3) p = functional::adjust_hue(p, 0.2);
    }
    possible.insert(bytes_of(p).pixels);
  } while (std::next_permutation(order.begin(), order.end()));
  for (int i = 0; i < 600; ++i) seen.insert(bytes_of(ColorJitter(fixed)(photo, {i})).pixels);
  EXPECT_GT(possible.size(), 4u);
  EXPECT_EQ(seen, possible);
}

TEST(RandomTransforms, RotationsStayInTheirRange) {
  const Image image = places(9, 9);
  EXPECT_EQ(bytes_of(RandomRotation(90, 90, Interpolation::Nearest)(image)).pixels,
            bytes_of(functional::rotate(image, 90)).pixels);
  EXPECT_EQ(bytes_of(RandomRotation(0)(image)).pixels, image.pixels);
  std::set<std::vector<std::uint8_t>> seen;
  for (int i = 0; i < 50; ++i) seen.insert(bytes_of(RandomRotation(30)(image, {i})).pixels);
  EXPECT_GT(seen.size(), 10u);
  // A quarter turn against the clock: the right column becomes the top row.
  const Image turned = bytes_of(functional::rotate(image, 90));
  EXPECT_EQ(turned.pixels[0], 8);
  EXPECT_EQ(turned.pixels[1], 0);
}

TEST(RandomTransforms, ErasingWritesOneRectangle) {
  FloatImage image{3, 20, 30, std::vector<float>(1800, 2.0f)};
  int erased = 0;
  constexpr int kDraws = 2000;
  for (int i = 0; i < kDraws; ++i) {
    const auto result = std::get<FloatImage>(RandomErasing({.value = {5, 6, 7}})(image, {i}));
    std::int64_t top = 20, left = 30, bottom = -1, right = -1, count = 0;
    for (std::int64_t y = 0; y < 20; ++y)
      for (std::int64_t x = 0; x < 30; ++x) {
        const auto at = static_cast<std::size_t>(y * 30 + x);
        if (result.values[at] == 2.0f) continue;
        ASSERT_EQ(result.values[at], 5);
        ASSERT_EQ(result.values[600 + at], 6);
        ASSERT_EQ(result.values[1200 + at], 7);
        top = std::min(top, y);
        left = std::min(left, x);
        bottom = std::max(bottom, y);
        right = std::max(right, x);
        ++count;
      }
    if (count == 0) continue;
    ++erased;
    ASSERT_EQ(count, (bottom - top + 1) * (right - left + 1));
    ASSERT_LE(static_cast<double>(count) / 600, 0.33 + 0.05);
  }
  expect_share(erased, kDraws, 0.5);
  const auto noise = std::get<FloatImage>(
      RandomErasing({.probability = 1, .min_scale = 0.3, .noise = true})(image, {1}));
  std::set<float> values(noise.values.begin(), noise.values.end());
  EXPECT_GT(values.size(), 400u);
  EXPECT_LT(std::abs(*values.begin()), 7);
}

/// Each sample is its own image; the transform is everything at once.
class Pictures final : public Dataset {
 public:
  explicit Pictures(Transform transform) : transform_(std::move(transform)) {}
  std::int64_t size() const override { return 12; }
  Sample get(const SampleKey& key) const override {
    return {std::get<FloatImage>(transform_(places(20, 24), key)), key.index};
  }

 private:
  Transform transform_;
};

std::map<std::pair<std::uint64_t, std::int64_t>, std::vector<float>> all_samples(
    const Transform& chain, LoaderOptions options, std::int64_t batch_size, int epochs) {
  options.batch_size = batch_size;
  DataLoader loader{Pictures(chain), options};
  std::map<std::pair<std::uint64_t, std::int64_t>, std::vector<float>> samples;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (const auto& [images, labels] : loader) {
      const auto values = images.to_vector<float>();
      const auto indices = labels.to_vector<std::int64_t>();
      const std::size_t numel = values.size() / indices.size();
      for (std::size_t i = 0; i < indices.size(); ++i) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * numel);
        samples[{static_cast<std::uint64_t>(epoch), indices[i]}] = {
            begin, begin + static_cast<std::ptrdiff_t>(numel)};
      }
    }
  }
  return samples;
}

TEST(RandomTransforms, DependOnSeedEpochAndIndexAlone) {
  const Transform chain = Compose(
      {RandomResizedCrop(12), RandomHorizontalFlip(), RandomVerticalFlip(),
       ColorJitter(0.4, 0.4, 0.4, 0.1), RandomRotation(20), RandomCrop(10, {.padding = {1}}),
       Lambda("Own()",
              [](Picture picture, RandomStream& random) {
                std::get<Image>(picture).pixels[0] = static_cast<std::uint8_t>(random.below(256));
                return picture;
              }),
       ToTensor(), RandomErasing()});
  const auto reference = all_samples(chain, {.seed = 5}, 3, 2);
  ASSERT_EQ(reference.size(), 24u);
  EXPECT_EQ(all_samples(chain, {.shuffle = true, .workers = 1, .seed = 5}, 5, 2), reference);
  EXPECT_EQ(all_samples(chain, {.workers = 4, .seed = 5, .prefetch = 3}, 1, 2), reference);
  EXPECT_NE(all_samples(chain, {.seed = 6}, 3, 2), reference);
  std::set<std::vector<float>> different;
  for (const auto& [key, values] : reference) different.insert(values);
  EXPECT_EQ(different.size(), reference.size());
}

TEST(RandomTransforms, EachStepOfAChainDrawsItsOwnNumbers) {
  // Two flips draw independently: the second undoes the first in half of the cases that flip.
  const Image image = places(1, 2);
  const Transform twice = Compose({RandomHorizontalFlip(), RandomHorizontalFlip()});
  const Transform nested =
      Compose({Compose({RandomHorizontalFlip()}),
               Compose({Lambda("Coin()", [](Picture picture, RandomStream& random) {
                 return random.bernoulli(0.5) ? functional::hflip(picture) : std::move(picture);
               })})});
  constexpr int kDraws = 4000;
  int flipped = 0, flipped_nested = 0;
  for (int i = 0; i < kDraws; ++i) {
    flipped += bytes_of(twice(image, {i})).pixels != image.pixels;
    flipped_nested += bytes_of(nested(image, {i})).pixels != image.pixels;
  }
  expect_share(flipped, kDraws, 0.5);
  expect_share(flipped_nested, kDraws, 0.5);
}

TEST(RandomTransforms, GeometryAlsoOnFloatImages) {
  const Image image = places(5, 7);
  const Picture planes = ToTensor()(image);
  const auto same = [&](const Picture& of_planes, const Picture& of_bytes) {
    EXPECT_EQ(std::get<FloatImage>(of_planes).values,
              std::get<FloatImage>(ToTensor()(of_bytes)).values);
  };
  same(functional::crop(planes, -1, 2, 4, 9), functional::crop(image, -1, 2, 4, 9));
  same(functional::center_crop(planes, 3, 9), functional::center_crop(image, 3, 9));
  same(functional::pad(planes, {1, 2}, {0, 0, 1}), functional::pad(image, {1, 2}, {0, 0, 255}));
  same(functional::hflip(planes), functional::hflip(image));
  same(functional::vflip(planes), functional::vflip(image));
}

TEST(RandomTransforms, PaddingBeyondTheImageGoesOn) {
  const Image row{1, 3, 1, {1, 2, 3}};
  const auto padded = [&](PaddingMode mode) {
    return bytes_of(functional::pad(row, {5, 0, 4, 0}, {0}, mode)).pixels;
  };
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(padded(PaddingMode::Edge), (Bytes{1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3}));
  EXPECT_EQ(padded(PaddingMode::Reflect), (Bytes{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}));
  EXPECT_EQ(padded(PaddingMode::Symmetric), (Bytes{2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1}));
}

TEST(RandomTransforms, RefuseBadParameters) {
  message_of<ValueError>([] { CenterCrop(0); });
  message_of<ValueError>([] { CenterCrop(3, -1); });
  message_of<ValueError>([] { RandomCrop(1 << 20); });
  message_of<ValueError>([] { RandomCrop(3, {.padding = {1, 2, 3}}); });
  message_of<ValueError>([] { RandomCrop(3, {.padding = {-1}}); });
  message_of<ValueError>([] { Pad({}); });
  message_of<ValueError>([] { RandomResizedCrop(3, {.min_scale = 0}); });
  message_of<ValueError>([] { RandomResizedCrop(3, {.min_scale = 0.9, .max_scale = 0.5}); });
  message_of<ValueError>([] { RandomResizedCrop(3, {.max_ratio = INFINITY}); });
  message_of<ValueError>([] { RandomHorizontalFlip(1.5); });
  message_of<ValueError>([] { RandomVerticalFlip(std::nan("")); });
  message_of<ValueError>([] { ColorJitter(-0.1); });
  message_of<ValueError>([] { ColorJitter(0, 0, 0, 0.6); });
  message_of<ValueError>([] { ColorJitter({.contrast = {2, 1}}); });
  message_of<ValueError>([] { RandomRotation(-5); });
  message_of<ValueError>([] { RandomRotation(5, 2, Interpolation::Nearest); });
  message_of<ValueError>([] { RandomErasing({.probability = 2}); });
  message_of<ValueError>([] { RandomErasing({.value = {}}); });
  message_of<ValueError>([] { Lambda("none", nullptr); });
  const Image image = places(4, 4);
  message_of<ValueError>([&] { functional::adjust_hue(image, 0.51); });
  message_of<ValueError>([&] { functional::adjust_contrast(image, -1); });
  message_of<ValueError>([&] { functional::rotate(image, INFINITY); });
  message_of<ValueError>([&] { functional::rotate(image, 5, Interpolation::Nearest, {300}); });
  message_of<ValueError>([&] { functional::pad(image, {1}, {1, 2}); });
  message_of<ValueError>([&] { functional::pad(image, {1}, {256}); });
  message_of<ValueError>([&] { functional::crop(image, 0, 0, 0, 4); });
}

TEST(RandomTransforms, RefuseUnfitImages) {
  const Picture ready = ToTensor()(places(4, 4));
  message_of<ShapeError>([&] { ColorJitter(0.5)(ready); });
  message_of<ShapeError>([&] { RandomResizedCrop(3)(ready); });
  message_of<ShapeError>([&] { RandomRotation(5)(ready); });
  message_of<ShapeError>([&] { RandomErasing()(places(4, 4)); });
  message_of<ShapeError>([&] { RandomErasing({.value = {1, 2}})(ready); });
  message_of<ShapeError>([&] { CenterCrop(2)(Image{0, 3, 1, {}}); });
  message_of<ShapeError>([&] { RandomHorizontalFlip(1)(FloatImage{1, 2, 2, {1}}); });
}

}  // namespace
}  // namespace ingot::data
