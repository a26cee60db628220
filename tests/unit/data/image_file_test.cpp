#include <ingot/data/image_file.h>

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include <ingot/core/error.h>

#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::data {
namespace {

using Json = nlohmann::json;
using test::message_of;
using testing::ScratchFolder;

const std::string kFolder = ingot::testing::source_dir() + "/tests/fixtures/images/";

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Image decode(const std::string& bytes, const DecodeOptions& options = {}) {
  return decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f",
                      options);
}

std::string error_of(const std::string& bytes, const DecodeOptions& options = {}) {
  return message_of<IoError>([&] { decode(bytes, options); });
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

void expect_equals_pillow(const Json& expected, const std::string& folder) {
  const auto name = expected.at("file").get<std::string>();
  SCOPED_TRACE(name);
  const Image image = read_image(folder + "/" + name);
  EXPECT_EQ(image.width, expected.at("width").get<std::int64_t>());
  EXPECT_EQ(image.height, expected.at("height").get<std::int64_t>());
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size())),
            expected.at("crc32").get<unsigned long>());
}

TEST(ImageFile, PixelsEqualPillows) {
  const Json fixture = Json::parse(read_all(kFolder + "cases.json"));
  ASSERT_GE(fixture.at("cases").size(), 36u);
  for (const Json& expected : fixture.at("cases")) expect_equals_pillow(expected, kFolder);
}

TEST(ImageFile, WholePhotosEqualPillows) {
  const Json fixture = Json::parse(read_all(kFolder + "cases.json"));
  ASSERT_FALSE(fixture.at("photos").empty());
  for (const Json& expected : fixture.at("photos"))
    expect_equals_pillow(expected, kFolder + "photos/");
}

TEST(ImageFile, TheContentDecidesNotTheName) {
  const ScratchFolder folder;
  folder.write("photo.png", read_all(kFolder + "grey.jpg"));
  folder.write("drawing", read_all(kFolder + "rgb8.png"));
  EXPECT_EQ(read_image(folder / "photo.png").pixels, read_image(kFolder + "grey.jpg").pixels);
  EXPECT_EQ(read_image(folder / "drawing").pixels, read_image(kFolder + "rgb8.png").pixels);
}

/// Every prefix of a file is refused by name, or is the whole picture (only bytes after the last
/// pixel are missing).
void expect_cut_files_refused(const std::string& name) {
  SCOPED_TRACE(name);
  const std::string whole = read_all(kFolder + name);
  // Behind a PNG's last pixel lie 20 bytes of checksums and end mark; Pillow does without them.
  const std::size_t needed = whole.size() - (name.ends_with(".png") ? 20 : 0);
  const auto decoded = [&](std::size_t length) {
    return decode_image({reinterpret_cast<const std::uint8_t*>(whole.data()), length}, "f").pixels;
  };
  for (std::size_t length = needed; length < whole.size(); ++length)
    ASSERT_EQ(decoded(length), decoded(whole.size())) << length;
  // The few bytes before may hold nothing but the mark of the data's end.
  const std::size_t doubtful = name.ends_with(".png") ? 4 : 0;
  for (std::size_t length = needed - doubtful; length < needed; ++length) {
    try {
      ASSERT_EQ(decoded(length), decoded(whole.size())) << length;
    } catch (const IoError& e) {
      ASSERT_EQ(std::string(e.what()).rfind("f: ", 0), 0u);
    }
  }
  for (std::size_t length = 0; length < needed - doubtful; ++length) {
    const std::string text = error_of(whole.substr(0, length));
    ASSERT_EQ(text.rfind("f: ", 0), 0u) << length << ": " << text;
  }
}

TEST(ImageFile, CutFilesAreRefused) {
  for (const char* name : {"baseline_420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg",
                           "one_pixel.jpg", "rgb8.png", "palette8.png", "interlaced.png"})
    expect_cut_files_refused(name);
  const std::string jpeg = read_all(kFolder + "baseline_420.jpg");
  EXPECT_EQ(error_of(jpeg.substr(0, jpeg.size() / 2)),
            "f: damaged JPEG image: the file is cut off");
  const std::string png = read_all(kFolder + "rgb8.png");
  EXPECT_EQ(error_of(png.substr(0, png.size() / 2)), "f: damaged PNG image: the file is cut off");
}

// Any single wrong byte gives an image of some kind or an IoError; the sanitizers watch the rest.
TEST(ImageFile, WrongBytesNeverDoHarm) {
  for (const char* name : {"baseline_420.jpg", "progressive.jpg", "cmyk.jpg", "palette8.png",
                           "interlaced.png", "grey_alpha16.png"}) {
    SCOPED_TRACE(name);
    const std::string whole = read_all(kFolder + name);
    const std::size_t step = whole.size() / 300 + 1;
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += step) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      try {
        const Image image = decode(bytes, {.max_pixels = 1 << 20});
        ASSERT_EQ(image.pixels.size(), static_cast<std::size_t>(image.width * image.height * 3));
      } catch (const IoError&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 0);
  }
}

TEST(ImageFile, DamagedDataIsNotShown) {
  std::string png = read_all(kFolder + "rgb8.png");
  png[png.size() - 30] = static_cast<char>(png[png.size() - 30] ^ 1);  // inside IDAT
  expect_contains(error_of(png), "f: damaged PNG image: ");
  std::string jpeg = read_all(kFolder + "baseline_444.jpg");
  // A marker in the middle of the entropy-coded data: the rest would be made up.
  jpeg[jpeg.size() / 2] = '\xff';
  jpeg[jpeg.size() / 2 + 1] = '\xd9';
  expect_contains(error_of(jpeg), "f: damaged JPEG image: ");
}

TEST(ImageFile, HugeImagesAreRefusedBeforeAnythingIsAllocated) {
  const auto big_endian = [](unsigned value) {
    return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                       static_cast<char>(value >> 8), static_cast<char>(value)};
  };
  std::string png = read_all(kFolder + "rgb8.png");
  const auto set_size = [&](unsigned width, unsigned height) {
    png.replace(16, 8, big_endian(width) + big_endian(height));
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(png.data()) + 12, 17);
    png.replace(29, 4, big_endian(static_cast<unsigned>(crc)));
  };
  set_size(2'000'000'000, 2'000'000'000);
  EXPECT_EQ(error_of(png),
            "f: the image is too large: 2000000000 x 2000000000 pixels, the limit is 178956970 "
            "(DecodeOptions::max_pixels)");
  set_size(13'000, 13'000);  // within the limit, but not in so few bytes
  expect_contains(error_of(png), "f: the header promises 13000 x 13000 pixels, which the file's ");
  set_size(0, 5);
  expect_contains(error_of(png), "f: ");
  std::string jpeg = read_all(kFolder + "baseline_444.jpg");
  const std::size_t frame = jpeg.find(std::string("\xff\xc0", 2));
  jpeg.replace(frame + 5, 4, "\xff\xdc\xff\xdc");
  expect_contains(error_of(jpeg), "f: the image is too large: 65500 x 65500 pixels");
  jpeg.replace(frame + 5, 4, std::string("\x30\x00\x30\x00", 4));
  expect_contains(error_of(jpeg), "f: the header promises 12288 x 12288 pixels");

  const std::string small = read_all(kFolder + "grey8.png");  // 23 x 17
  EXPECT_EQ(decode(small, {.max_pixels = 391}).width, 23);
  expect_contains(error_of(small, {.max_pixels = 390}), "23 x 17 pixels, the limit is 390");
  EXPECT_EQ(message_of<ValueError>([&] { decode(small, {.max_pixels = 0}); }),
            "decode_image: max_pixels must be at least 1, got 0");
}

TEST(ImageFile, OtherFilesAreNamed) {
  EXPECT_EQ(error_of(""), "f: the file is empty");
  EXPECT_EQ(error_of("these are no pixels"), "f: neither a JPEG nor a PNG image");
  EXPECT_EQ(error_of("GIF89a......"), "f: a GIF image; only JPEG and PNG can be read, convert it");
  EXPECT_EQ(error_of("RIFF....WEBPVP8 "),
            "f: a WebP image; only JPEG and PNG can be read, convert it");
  EXPECT_EQ(error_of("\xff\xd8\xff"), "f: damaged JPEG image: the file is cut off");
  const ScratchFolder folder;
  expect_contains(message_of<IoError>([&] { read_image(folder / "none.jpg"); }), "none.jpg: ");
  expect_contains(message_of<IoError>([&] { read_image(folder.path()); }), "Is a directory");
}

}  // namespace
}  // namespace ingot::data
