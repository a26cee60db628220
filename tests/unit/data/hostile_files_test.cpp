// Files whose sizes are not what they seem: endless ones, ones of holes, small ones that become
// huge. Each is refused by name, at once, and those of an image folder can be skipped.
#include <gtest/gtest.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/functional.h>
#include <ingot/data/idx.h>
#include <ingot/data/image_file.h>
#include <ingot/data/image_folder.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>

#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::data {
namespace {

namespace fs = std::filesystem;
using ingot::testing::ScratchFolder;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const IoError& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("other error: ") + e.what();
  }
  return "no error";
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

const std::vector<std::pair<const char*, std::function<void(const fs::path&)>>> kReaders = {
    {"read_idx", [](const fs::path& p) { read_idx(p); }},
    {"read_image", [](const fs::path& p) { read_image(p); }},
    {"load", [](const fs::path& p) { load(p); }},
    {"load_safetensors", [](const fs::path& p) { load_safetensors(p); }},
    {"load_pth", [](const fs::path& p) { load_pth(p); }},
    {"is_pth", [](const fs::path& p) { is_pth(p); }},
};

TEST(HostileFiles, DevicesAndPipesAreNotRead) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const auto& [name, read] : kReaders)
    for (const fs::path& path : {fs::path("/dev/zero"), fs::path("/dev/null"), folder / "pipe"}) {
      const std::string text = error_of([&, r = read] { r(path); });
      EXPECT_HAS(text, path.string()) << name;
      EXPECT_HAS(text, "it is a device or pipe, not a file") << name;
    }
}

/// A file of holes of that size with something at its beginning.
void make_sparse(const fs::path& path, const std::string& beginning, std::uint64_t nbytes) {
  std::ofstream(path, std::ios::binary) << beginning;
  fs::resize_file(path, nbytes);
}

TEST(HostileFiles, FilesOfHolesAreRefusedByTheirBeginning) {
  const ScratchFolder folder;
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 40;  // more than memory
  const std::string png = "\x89PNG\r\n\x1a\n";
  make_sparse(folder / "zeros", "", kHuge);
  make_sparse(folder / "png", png, kHuge);
  make_sparse(folder / "jpeg", "\xff\xd8\xff\xe0", kHuge);
  make_sparse(folder / "gzip", "\x1f\x8b\x08", kHuge);
  make_sparse(folder / "idx", std::string("\0\0\x08\1\0\0\0\5", 8), kHuge);
  for (const char* name : {"zeros", "png", "jpeg", "gzip", "idx"})
    for (const auto& [reader, read] : kReaders) {
      if (reader == std::string("is_pth")) continue;
      const std::string text = error_of([&, r = read] { r(folder / name); });
      EXPECT_HAS(text, (folder / name).string()) << reader;
      EXPECT_EQ(text.find("other error"), std::string::npos) << reader << ": " << text;
    }
  EXPECT_HAS(error_of([&] { read_idx(folder / "idx"); }), "trailing data after the 5 values");
  make_sparse(folder / "lies", std::string("\0\0\x08\3\0\1\0\0\0\1\0\0\0\0\0\1", 16), 1000);
  EXPECT_HAS(error_of([&] { read_idx(folder / "lies"); }), "truncated: the header promises");
}

std::string gzipped(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(text.size())) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

IdxArray parse(const std::string& bytes) {
  return parse_idx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f");
}

TEST(HostileFiles, GzipThatExpandsTooFar) {
  std::string idx("\0\0\x08\1\x0b\xeb\xc2\0", 8);  // 200,000,000 values
  idx += std::string(200'000'000, '\0');
  const std::string bomb = gzipped(idx);
  EXPECT_LT(bomb.size(), 300'000u);
  EXPECT_HAS(error_of([&] { parse(bomb); }), "bytes cannot hold them");
}

// As gunzip and Python read it.
TEST(HostileFiles, GzipWithZerosAndFurtherMembers) {
  const std::string head("\0\0\x08\1\0\0\0\6abc", 11), tail = "def";
  const std::string whole = gzipped(head + tail);
  const std::string zeros(1000, '\0');
  for (const std::string& file :
       {whole, whole + '\0', whole + zeros, gzipped(head) + gzipped(tail),
        gzipped(head) + zeros + gzipped(tail), gzipped(head) + gzipped("") + gzipped(tail) + zeros,
        gzipped("") + whole}) {
    const IdxArray array = parse(file);
    EXPECT_EQ(std::string(array.values.begin(), array.values.end()), "abcdef");
  }
  for (const std::string& file :
       {whole + "x", whole + zeros + "x", whole + "\x1f", whole + "\x1f\x8b",
        whole + zeros + gzipped(tail), gzipped(head) + zeros})
    EXPECT_NE(error_of([&] { parse(file); }), "no error");
}

/// A PNG of that size, black: 1 bit a pixel, which packs a thousand to a byte.
std::string png_of(std::uint32_t width, std::uint32_t height) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, png_size_t count) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), count);
      },
      nullptr);
  png_set_IHDR(png, info, width, height, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_filter(png, 0, PNG_FILTER_NONE);
  png_write_info(png, info);
  std::vector<std::uint8_t> row(width / 8 + 1);
  for (std::uint32_t y = 0; y < height; ++y) png_write_row(png, row.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

TEST(HostileFiles, ImagesThatATransformMakesHuge) {
  const ScratchFolder folder;
  fs::create_directories(folder / "images/a");
  folder.write("images/a/good.png", png_of(64, 64));
  folder.write("images/a/tall.png", png_of(1, 10'000'000));
  folder.write("images/a/wide.png", png_of(10'000'000, 1));
  EXPECT_LT(fs::file_size(folder / "images/a/wide.png"), 20'000u);
  const std::vector<std::pair<const char*, Transform>> transforms = {
      {"Resize(256)", Resize(256)},
      {"Resize((256, 256))", Resize(256, 256)},
      {"resized_crop",
       RandomResizedCrop(256,
                         {.min_scale = 1, .max_scale = 1, .min_ratio = 1e-8, .max_ratio = 1e8})},
      {"pad", Pad({5'000})},
      {"rotate", RandomRotation(45)},
  };
  for (const auto& [name, transform] : transforms) {
    SCOPED_TRACE(name);
    const auto images = image_folder(folder / "images", transform);
    ASSERT_EQ(images->size(), 3);
    int refused = 0;
    for (std::int64_t i = 1; i < 3; ++i) {
      const std::string text = error_of([&] {
        DataLoader loader(std::make_shared<Subset>(images, std::vector<std::int64_t>{i}),
                          {.batch_size = 1, .workers = 0});
        loader.begin();
      });
      refused += text != "no error";
      EXPECT_HAS(text, images->name_of(i));
    }
    EXPECT_EQ(refused, 2);
    if (name == std::string("pad")) continue;  // the good one becomes huge, too
    DataLoader loader(images, {.batch_size = 1, .workers = 0, .on_error = OnError::kSkip});
    int batches = 0;
    for (const Batch& batch : loader) batches += batch.inputs().defined();
    EXPECT_EQ(batches, 1);
    EXPECT_EQ(loader.skipped().size(), 2u);
  }
}

// What a user asks for in his own image is bounded the same way.
TEST(HostileFiles, FunctionsBoundTheirResults) {
  const Image image{1, 40'000'000, 1, std::vector<std::uint8_t>(40'000'000)};
  EXPECT_HAS(error_of([&] {
               functional::pad(image, {0, 60'000});
             }),
             "would become one of 120001 x");
  EXPECT_HAS(error_of([&] {
               functional::crop(Image{1, 1, 1, {0}}, 0, 0, 60'000, 60'000);
             }),
             "would become one of 60000 x 60000");
  EXPECT_HAS(error_of([&] { Resize(2)(image, SampleKey{0}); }), "has an edge of more than 4194304");
}

// -- PNG files that end too soon: Pillow shows those that have all their pixels ---------------------

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(HostileFiles, PngWithoutItsEnd) {
  const fs::path images = fs::path(ingot::testing::source_dir()) / "tests/fixtures/images";
  for (const char* name : {"rgb8.png", "grey2.png", "palette4.png", "rgba16.png", "interlaced.png",
                           "interlaced_tiny.png", "grey_alpha8.png"}) {
    SCOPED_TRACE(name);
    const std::string whole = read_file(images / name);
    const auto decode = [&](std::size_t nbytes) {
      return decode_image({reinterpret_cast<const std::uint8_t*>(whole.data()), nbytes}, "f");
    };
    const std::vector<std::uint8_t> pixels = decode(whole.size()).pixels;
    // The IEND chunk takes 12 bytes, the checksums of the last chunk and of zlib before it 8.
    for (std::size_t cut = 1; cut <= 20; ++cut)
      EXPECT_EQ(decode(whole.size() - cut).pixels, pixels) << cut << " bytes are missing";
    for (std::size_t nbytes = 8; nbytes + 40 < whole.size(); nbytes += 5)
      EXPECT_NE(error_of([&] { decode(nbytes); }), "no error") << nbytes;
  }
}

}  // namespace
}  // namespace ingot::data
