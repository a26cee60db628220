// Every deterministic image operation against torchvision, on crops of photos: equal bit by bit.
//
// With INGOT_TRANSFORM_CASES naming a folder of make_functional_fixtures.py, also on whole photos;
// then INGOT_TRANSFORM_TABLE names a Markdown file whose table of the largest differences is
// written anew (scripts/transform_differences.sh does both).
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include <fmt/format.h>
#include <ingot/data/functional.h>
#include <ingot/data/image_file.h>
#include <ingot/data/transforms.h>

#include "support/source_dir.h"

namespace ingot::data {
namespace {

using Json = nlohmann::json;
namespace F = functional;

const std::string kFolder = ingot::testing::source_dir() + "/tests/fixtures/transforms";

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Image input_of(const Json& input, const std::string& stored) {
  if (input.contains("photo")) return read_image(input.at("photo").get<std::string>());
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

std::vector<double> fill_of(const Json& fill) {
  if (fill.is_number()) return {fill.get<double>()};
  return fill.get<std::vector<double>>();
}

Picture run(const Image& image, const std::string& op, const Json& args) {
  const auto integer = [&](std::size_t i) { return args.at(i).get<std::int64_t>(); };
  if (op == "crop") return F::crop(image, integer(0), integer(1), integer(2), integer(3));
  if (op == "center_crop") return F::center_crop(image, integer(0), integer(1));
  if (op == "pad") {
    static const std::map<std::string, PaddingMode> modes{{"constant", PaddingMode::Constant},
                                                          {"edge", PaddingMode::Edge},
                                                          {"reflect", PaddingMode::Reflect},
                                                          {"symmetric", PaddingMode::Symmetric}};
    return F::pad(image, args.at("padding").get<std::vector<std::int64_t>>(),
                  fill_of(args.at("fill")), modes.at(args.at("mode").get<std::string>()));
  }
  if (op == "hflip") return F::hflip(image);
  if (op == "vflip") return F::vflip(image);
  if (op == "resized_crop")
    return F::resized_crop(image, integer(0), integer(1), integer(2), integer(3), integer(4),
                           integer(5));
  if (op == "resize")
    return (args.size() == 1 ? Resize(integer(0)) : Resize(integer(0), integer(1)))(image);
  if (op == "grayscale") return Grayscale(integer(0))(image);
  if (op == "to_tensor") return ToTensor()(image);
  if (op == "normalize")
    return Compose({ToTensor(), Normalize({0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f})})(
        image);
  if (op == "rotate")
    return F::rotate(
        image, args.at("degrees").get<double>(),
        args.at("interpolation") == "nearest" ? Interpolation::Nearest : Interpolation::Bilinear,
        fill_of(args.at("fill")));
  const auto factor = args.at(0).get<double>();
  if (op == "adjust_brightness") return F::adjust_brightness(image, factor);
  if (op == "adjust_contrast") return F::adjust_contrast(image, factor);
  if (op == "adjust_saturation") return F::adjust_saturation(image, factor);
  EXPECT_EQ(op, "adjust_hue");
  return F::adjust_hue(image, factor);
}

struct Flat {
  std::vector<std::int64_t> shape;
  std::string bytes;
  bool is_float;
};

Flat flatten(const Picture& picture) {
  if (const auto* image = std::get_if<Image>(&picture)) {
    return {{image->height, image->width, image->channels},
            std::string(image->pixels.begin(), image->pixels.end()),
            false};
  }
  const auto& image = std::get<FloatImage>(picture);
  std::string bytes(image.values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), image.values.data(), bytes.size());
  return {{image.channels, image.height, image.width}, bytes, true};
}

/// The largest difference of two values; infinite for different sizes.
double largest_difference(const Flat& ours, const std::string& expected) {
  if (ours.bytes.size() != expected.size()) return INFINITY;
  double largest = 0;
  if (!ours.is_float) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      largest = std::max<double>(largest, std::abs(static_cast<unsigned char>(ours.bytes[i]) -
                                                   static_cast<unsigned char>(expected[i])));
    return largest;
  }
  for (std::size_t i = 0; i + sizeof(float) <= expected.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, ours.bytes.data() + i, sizeof a);
    std::memcpy(&b, expected.data() + i, sizeof b);
    largest = std::max(largest, std::abs(static_cast<double>(a) - static_cast<double>(b)));
  }
  return largest;
}

TEST(TransformsParity, CropsEqualTorchvisionBitForBit) {
  const Json fixture = Json::parse(read_all(kFolder + "/functional.json"));
  const std::string stored = read_all(kFolder + "/inputs.bin");
  ASSERT_GE(fixture.at("cases").size(), 250u);
  std::map<std::string, Image> inputs;
  for (const Json& expected : fixture.at("cases")) {
    const auto name = expected.at("input").at("name").get<std::string>();
    SCOPED_TRACE(name + " " + expected.at("op").get<std::string>() + " " +
                 expected.at("args").dump());
    if (!inputs.contains(name)) inputs[name] = input_of(expected.at("input"), stored);
    const Flat result = flatten(run(inputs[name], expected.at("op"), expected.at("args")));
    EXPECT_EQ(result.shape, expected.at("shape").get<std::vector<std::int64_t>>());
    EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>(result.bytes.data()),
                    static_cast<uInt>(result.bytes.size())),
              expected.at("crc32").get<unsigned long>());
  }
}

struct Line {
  int cases = 0;
  bool is_float = false;
  double largest = 0;
};

/// Puts the table between the two marks that the file must hold.
void write_table(const std::string& path, const std::map<std::string, Line>& lines) {
  const std::string begin = "<!-- table: begin -->\n", end = "<!-- table: end -->";
  std::string text = read_all(path);
  const std::size_t from = text.find(begin), to = text.find(end);
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to) << path;
  std::string table =
      "| operation | cases on whole photos | values | largest difference |\n"
      "|---|---|---|---|\n";
  for (const auto& [op, line] : lines)
    table += fmt::format("| `{}` | {} | {} | {} |\n", op, line.cases,
                         line.is_float ? "float32" : "8 bits", line.largest);
  text.replace(from + begin.size(), to - from - begin.size(), table);
  std::ofstream(path, std::ios::binary) << text;
}

// Cases that scripts/transform_differences.sh makes: a gigabyte, so there is no such test
// elsewhere.
std::vector<std::string> case_folders() {
  const char* folder = std::getenv("INGOT_TRANSFORM_CASES");
  return folder ? std::vector<std::string>{folder} : std::vector<std::string>{};
}

class TransformsOfPhotos : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TransformsOfPhotos);
INSTANTIATE_TEST_SUITE_P(Folder, TransformsOfPhotos, ::testing::ValuesIn(case_folders()));

TEST_P(TransformsOfPhotos, EqualTorchvisions) {
  const std::string& folder = GetParam();
  const Json fixture = Json::parse(read_all(folder + "/functional.json"));
  ASSERT_FALSE(fixture.at("cases").empty());
  std::map<std::string, Image> inputs;
  std::map<std::string, Line> lines;
  for (const Json& expected : fixture.at("cases")) {
    const auto photo = expected.at("input").at("photo").get<std::string>();
    const auto op = expected.at("op").get<std::string>();
    SCOPED_TRACE(photo + " " + op + " " + expected.at("args").dump());
    if (!inputs.contains(photo)) inputs[photo] = input_of(expected.at("input"), "");
    const Flat result = flatten(run(inputs[photo], op, expected.at("args")));
    EXPECT_EQ(result.shape, expected.at("shape").get<std::vector<std::int64_t>>());
    const std::string path = folder + "/" + expected.at("file").get<std::string>();
    const double difference = largest_difference(result, read_all(path));
    EXPECT_EQ(difference, 0);
    Line& line = lines[op];
    ++line.cases;
    line.is_float = result.is_float;
    line.largest = std::max(line.largest, difference);
  }
  if (const char* table = std::getenv("INGOT_TRANSFORM_TABLE")) write_table(table, lines);
}

}  // namespace
}  // namespace ingot::data
