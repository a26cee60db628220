#include "ingot/data/transforms.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "ingot/core/error.h"
#include "ingot/data/mnist_arrays.h"

#include "support/source_dir.h"

namespace ingot::data {
namespace {

using Json = nlohmann::json;

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Image noise(std::uint32_t seed, std::int64_t height, std::int64_t width, std::int64_t channels) {
  Image image{height, width, channels, {}};
  image.pixels.resize(static_cast<std::size_t>(height * width * channels));
  for (auto& pixel : image.pixels) {
    seed = seed * 1664525u + 1013904223u;
    pixel = static_cast<std::uint8_t>(seed >> 24);
  }
  return image;
}

Image make_input(const Json& input, const std::string& stored, const MnistArrays& mnist) {
  const auto shape = input.at("shape").get<std::vector<std::int64_t>>();
  const auto kind = input.at("kind").get<std::string>();
  if (kind == "noise") return noise(input.at("seed"), shape[0], shape[1], shape[2]);
  Image image{shape[0], shape[1], shape[2], {}};
  if (kind == "mnist") {
    const auto pixels = mnist.image(input.at("index"));
    image.pixels.assign(pixels.begin(), pixels.end());
  } else {
    const auto begin = stored.begin() + input.at("offset").get<std::ptrdiff_t>();
    image.pixels.assign(begin, begin + shape[0] * shape[1] * shape[2]);
  }
  return image;
}

Transform make_step(const Json& step) {
  const auto op = step.at("op").get<std::string>();
  if (op == "resize") {
    const auto size = step.at("size").get<std::vector<std::int64_t>>();
    return size.size() == 1 ? Resize(size[0]) : Resize(size[0], size[1]);
  }
  if (op == "grayscale") return Grayscale(step.at("channels"));
  if (op == "to_tensor") return ToTensor();
  EXPECT_EQ(op, "normalize");
  return Normalize(step.at("mean"), step.at("std"));
}

struct Flat {
  std::vector<std::int64_t> shape;
  std::string bytes;
};

Flat flatten(const Picture& picture) {
  if (const auto* image = std::get_if<Image>(&picture)) {
    return {{image->height, image->width, image->channels},
            std::string(image->pixels.begin(), image->pixels.end())};
  }
  const auto& image = std::get<FloatImage>(picture);
  std::string bytes(image.values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), image.values.data(), bytes.size());
  return {{image.channels, image.height, image.width}, bytes};
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

TEST(Transforms, EqualPillowBitForBit) {
  const std::string folder = ingot::testing::source_dir() + "/tests/fixtures/transforms/";
  const Json fixture = Json::parse(read_all(folder + "cases.json"));
  const std::string stored = read_all(folder + "inputs.bin");
  const MnistArrays mnist = embedded_mnist(Split::Train);
  std::map<std::string, Image> inputs;
  for (const auto& input : fixture.at("inputs")) {
    inputs[input.at("name")] = make_input(input, stored, mnist);
  }
  ASSERT_GT(fixture.at("cases").size(), 100u);
  for (const auto& expected : fixture.at("cases")) {
    std::vector<Transform> steps;
    for (const auto& step : expected.at("steps")) steps.push_back(make_step(step));
    const Transform chain = Compose(steps);
    SCOPED_TRACE(expected.at("input").get<std::string>() + " " + chain.describe());
    const Flat result = flatten(chain(inputs.at(expected.at("input"))));
    EXPECT_EQ(result.shape, expected.at("shape").get<std::vector<std::int64_t>>());
    EXPECT_EQ(to_hex(result.bytes.substr(result.bytes.size() / 2 / 4 * 4, 32)),
              expected.at("middle").get<std::string>());
    EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>(result.bytes.data()),
                    static_cast<uInt>(result.bytes.size())),
              expected.at("crc32").get<unsigned long>());
    // One by one, without Compose's reordering, gives the same.
    Picture picture = inputs.at(expected.at("input"));
    for (const Transform& step : steps) picture = step(std::move(picture));
    EXPECT_EQ(flatten(picture).bytes, result.bytes);
  }
}

TEST(Transforms, DescribeAsWritten) {
  const Transform chain =
      Compose({Grayscale(3), Resize(224), Resize(7, 9), ToTensor(), Normalize({0.5f}, {0.25f})});
  EXPECT_EQ(chain.describe(),
            "Compose([Grayscale(num_output_channels=3), Resize(224), Resize((7, 9)), ToTensor(), "
            "Normalize(mean=[0.5], std=[0.25])])");
}

TEST(Transforms, UserFunctionsAndRules) {
  const Transform invert([](Picture picture) {
    for (auto& pixel : std::get<Image>(picture).pixels)
      pixel = static_cast<std::uint8_t>(255 - pixel);
    return picture;
  });
  const auto result = std::get<FloatImage>(Compose({invert, ToTensor()})(Image{1, 2, 1, {0, 255}}));
  EXPECT_EQ(result.values, (std::vector<float>{1.0f, 0.0f}));

  struct AddIndex final : TransformRule {
    Picture apply(Picture picture, const SampleKey& key) const override {
      std::get<FloatImage>(picture).values[0] +=
          static_cast<float>(key.index * 10 + static_cast<std::int64_t>(key.epoch));
      return picture;
    }
    std::string describe() const override { return "AddIndex()"; }
  };
  const Transform chain = Compose({ToTensor(), Transform(std::make_shared<AddIndex>())});
  EXPECT_EQ(std::get<FloatImage>(chain(Image{1, 1, 1, {255}}, {4, 2})).values[0], 43.0f);
  EXPECT_EQ(std::get<Image>(Transform()(Image{1, 1, 1, {9}})).pixels[0], 9);
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

TEST(Transforms, RefuseBadParameters) {
  expect_error<ValueError>([] { Resize(0); }, "Resize(0)");
  expect_error<ValueError>([] { Resize(10, -1); }, "Resize((10, -1))");
  expect_error<ValueError>([] { Resize(1 << 20); }, "1..65536");
  expect_error<ValueError>([] { Grayscale(2); }, "must be 1 or 3");
  expect_error<ValueError>([] { Normalize({0.5f, 0.5f}, {1.0f}); }, "got 2 and 1");
  expect_error<ValueError>([] { Normalize({}, {}); }, "one entry per channel");
  expect_error<ValueError>([] { Normalize({0.5f}, {0.0f}); }, "a std of 0");
  expect_error<ValueError>([] { Normalize({0.5f}, {std::nanf("")}); }, "a std of 0");
  expect_error<ValueError>([] { Transform(std::shared_ptr<const TransformRule>()); }, "null");
  expect_error<ValueError>([] { Transform(std::function<Picture(Picture)>()); }, "empty");
}

TEST(Transforms, RefuseUnfitImages) {
  const Image grey{2, 2, 1, {1, 2, 3, 4}};
  const Picture ready = ToTensor()(grey);
  expect_error<ShapeError>([&] { Resize(3)(ready); }, "put it before ToTensor()");
  expect_error<ShapeError>([&] { Normalize({0.5f}, {0.5f})(grey); }, "put ToTensor() before it");
  expect_error<ShapeError>([&] { Normalize({0, 0, 0}, {1, 1, 1})(ready); }, "made for 3 channels");
  expect_error<ShapeError>(
      [&] {
        Compose({ToTensor(), Normalize({0, 0, 0}, {1, 1, 1})})(grey);
      },
      "made for 3 channels");
  expect_error<ShapeError>(
      [&] {
        Resize(3)(Image{2, 2, 2, std::vector<std::uint8_t>(8)});
      },
      "2 channels");
  expect_error<ShapeError>([&] { ToTensor()(Image{0, 2, 1, {}}); }, "not an image");
  expect_error<ShapeError>([&] { Grayscale()(Image{2, 2, 1, {1, 2, 3}}); }, "3 bytes");
}

}  // namespace
}  // namespace ingot::data
