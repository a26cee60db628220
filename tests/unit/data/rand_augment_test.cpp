// RandAugment and its operations: equal to torchvision's bit for bit, each drawn as often as the
// others; augmentation by name.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include <ingot/core/error.h>
#include <ingot/data/augmentation.h>
#include <ingot/data/functional.h>
#include <ingot/data/transforms.h>

#include "support/expect.h"
#include "support/source_dir.h"

namespace ingot::data {
namespace {

using Json = nlohmann::json;
using test::message_of;
namespace F = functional;

std::string read_all(const std::string& name) {
  const std::string path = ingot::testing::source_dir() + "/tests/fixtures/transforms/" + name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const Json& fixture() {
  static const Json json = Json::parse(read_all("augment.json"));
  return json;
}

Image input_of(const Json& input) {
  static const std::string stored = read_all("inputs.bin");
  const auto shape = input.at("shape").get<std::vector<std::int64_t>>();
  Image image{shape[0], shape[1], shape[2], {}};
  image.pixels.resize(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]));
  if (input.at("kind") == "noise") {
    auto state = input.at("seed").get<std::uint32_t>();
    for (auto& pixel : image.pixels) {
      state = state * 1664525u + 1013904223u;
      pixel = static_cast<std::uint8_t>(state >> 24);
    }
  } else {
    std::copy_n(stored.begin() + input.at("offset").get<std::ptrdiff_t>(), image.pixels.size(),
                image.pixels.begin());
  }
  return image;
}

unsigned long checksum(const Picture& picture) {
  const Image& image = std::get<Image>(picture);
  return crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size()));
}

Picture run(const Image& image, const std::string& op, const Json& a) {
  if (op == "affine") {
    std::optional<std::array<double, 2>> center;
    if (!a.at("center").is_null()) center = a.at("center").get<std::array<double, 2>>();
    return F::affine(
        image, a.at("angle").get<double>(), a.at("translate").get<std::array<double, 2>>(),
        a.at("scale").get<double>(), a.at("shear").get<std::array<double, 2>>(),
        a.at("interpolation") == "nearest" ? Interpolation::Nearest : Interpolation::Bilinear,
        a.at("fill").get<std::vector<double>>(), center);
  }
  if (op == "autocontrast") return F::autocontrast(image);
  if (op == "equalize") return F::equalize(image);
  if (op == "posterize") return F::posterize(image, a.at(0).get<int>());
  if (op == "solarize") return F::solarize(image, a.at(0).get<double>());
  EXPECT_EQ(op, "adjust_sharpness");
  return F::adjust_sharpness(image, a.at(0).get<double>());
}

TEST(RandAugment, OperationsEqualTorchvisionBitForBit) {
  ASSERT_GE(fixture().at("cases").size(), 300u);
  for (const Json& expected : fixture().at("cases")) {
    SCOPED_TRACE(expected.at("input").at("name").get<std::string>() + " " +
                 expected.at("op").get<std::string>() + " " + expected.at("args").dump());
    EXPECT_EQ(checksum(run(input_of(expected.at("input")), expected.at("op"), expected.at("args"))),
              expected.at("crc32").get<unsigned long>());
  }
}

// Nothing but torchvision's operations with their magnitudes comes out, each of the 14 equally
// often, each sign in half of them.
TEST(RandAugment, DrawsTorchvisionsOperations) {
  for (const Json& expected : fixture().at("rand_augment")) {
    const auto bins = expected.at("bins").get<std::int64_t>();
    const auto magnitude = expected.at("magnitude").get<std::int64_t>();
    const std::string name = expected.at("input").at("name").get<std::string>();
    SCOPED_TRACE(name + " " + std::to_string(magnitude) + " of " + std::to_string(bins));
    const Image image = input_of(expected.at("input"));
    std::map<unsigned long, double> share;  // operations of one result count together
    std::map<std::string, int> signs;
    for (const auto& [op, crc] : expected.at("results").items())
      ++signs[op.substr(0, op.find(' '))];
    ASSERT_EQ(signs.size(), 14u);
    for (const auto& [op, crc] : expected.at("results").items())
      share[crc.get<unsigned long>()] += 1.0 / 14 / signs[op.substr(0, op.find(' '))];
    const Transform once =
        RandAugment({.num_ops = 1, .magnitude = magnitude, .num_magnitude_bins = bins});
    std::map<unsigned long, int> seen;
    const int draws = name == "colours_40" && magnitude == 9 ? 4000 : 400;
    for (int i = 0; i < draws; ++i) ++seen[checksum(once(image, {i}))];
    for (const auto& [crc, count] : seen) ASSERT_TRUE(share.contains(crc)) << crc;
    if (draws < 4000) continue;
    for (const auto& [crc, p] : share)
      EXPECT_NEAR(seen[crc], draws * p, 6 * std::sqrt(draws * p * (1 - p))) << crc;
  }
}

TEST(RandAugment, DependsOnTheSampleAlone) {
  const Image image = input_of(fixture().at("cases").at(0).at("input"));
  const Transform twice = RandAugment();
  std::set<unsigned long> different;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(checksum(twice(image, {i, 3, 1})), checksum(twice(image, {i, 3, 1})));
    different.insert(checksum(twice(image, {i, 3, 1})));
  }
  EXPECT_GT(different.size(), 25u);
  EXPECT_EQ(checksum(RandAugment({.num_ops = 0})(image, {1})), checksum(Picture(image)));
  EXPECT_EQ(twice.describe(), "RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31)");
}

TEST(RandAugment, RefusesWhatCannotBe) {
  EXPECT_THROW(RandAugment({.num_ops = -1}), ValueError);
  EXPECT_THROW(RandAugment({.magnitude = 31}), ValueError);
  EXPECT_THROW(RandAugment({.magnitude = -1}), ValueError);
  EXPECT_THROW(RandAugment({.num_magnitude_bins = 1}), ValueError);
  EXPECT_THROW(RandAugment()(FloatImage{1, 2, 2, {0, 0, 0, 0}}, {1}), ShapeError);
  const Image image{1, 1, 3, {1, 2, 3}};
  EXPECT_THROW(F::posterize(image, 9), ValueError);
  EXPECT_THROW(F::adjust_sharpness(image, -1), ValueError);
  EXPECT_THROW(F::affine(image, 0, {0, 0}, 0, {0, 0}), ValueError);
  EXPECT_THROW(F::affine(image, 0, {NAN, 0}, 1, {0, 0}), ValueError);
  EXPECT_THROW(F::affine(image, 0, {0, 0}, 1, {90, INFINITY}), ValueError);
}

TEST(Augmentation, NamesAndSteps) {
  EXPECT_EQ(Augmentation::names(),
            (std::vector<std::string>{"none", "light", "strong", "imagenet", "randaugment"}));
  EXPECT_FALSE(Augmentation::preset("none").any());
  EXPECT_EQ(Augmentation::preset("none").str(), "none");
  EXPECT_EQ(Augmentation::preset("Light").str(), "crop 0.8, flip 0.5");
  EXPECT_EQ(Augmentation::preset("strong").on_bytes().size(), 3u);
  EXPECT_EQ(Augmentation::preset("randaugment").str(), "crop 0.4, flip 0.5, RandAugment 9");
  EXPECT_NE(
      message_of<ValueError>([] { Augmentation::preset("lihgt"); }).find("did you mean light"),
      std::string::npos);
  Augmentation erase;
  erase.erase = 0.25;
  EXPECT_TRUE(erase.any() && erase.on_bytes().empty());
  EXPECT_EQ(erase.on_floats().size(), 1u);
}

}  // namespace
}  // namespace ingot::data
