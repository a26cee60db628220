// Zip archives that claim or hold far more than their size: each is refused by name, before the
// memory is taken. The archives are put together here, byte by byte.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/io/pth.h>

namespace ingot {
namespace {

using namespace std::string_literals;

std::string deflated(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, static_cast<uLong>(text.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// An archive of deflated entries; `claimed` replaces the size that the directory tells.
class Archive {
 public:
  void add(const std::string& name, const std::string& text, std::uint32_t claimed = 0) {
    const std::string data = deflated(text);
    add_place(name, text, claimed, data.size(), bytes_.size());
    bytes_ += "PK\3\4"s + fields(text, claimed, data.size()) + number(name.size(), 2) +
              number(0, 2) + name + data;
  }
  /// An entry of the directory alone: it shares the bytes of the entry before.
  void add_again(const std::string& name) {
    directory_ += "PK\1\2"s + number(20, 2) + last_fields_ + number(name.size(), 2) +
                  std::string(12, '\0') + number(last_offset_, 4) + name;
    ++count_;
  }
  std::string str() const {
    return bytes_ + directory_ + "PK\5\6"s + number(0, 4) + number(count_, 2) + number(count_, 2) +
           number(directory_.size(), 4) + number(bytes_.size(), 4) + number(0, 2);
  }

 private:
  static std::string number(std::uint64_t value, int nbytes) {
    std::string out;
    for (int i = 0; i < nbytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
  }
  static std::string fields(const std::string& text, std::uint32_t claimed, std::size_t packed) {
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
    return number(20, 2) + number(0, 2) + number(8, 2) + number(0, 2) + number(0x21, 2) +
           number(crc, 4) + number(packed, 4) + number(claimed ? claimed : text.size(), 4);
  }
  void add_place(const std::string& name, const std::string& text, std::uint32_t claimed,
                 std::size_t packed, std::size_t offset) {
    last_fields_ = fields(text, claimed, packed);
    last_offset_ = offset;
    add_again(name);
  }

  std::string bytes_, directory_, last_fields_;
  std::size_t last_offset_ = 0, count_ = 0;
};

std::string error_of(const Archive& archive) {
  const std::string bytes = archive.str();
  try {
    parse_pth(std::as_bytes(std::span(bytes)), "bomb.pth");
  } catch (const IoError& e) {
    return e.what();
  }
  return "no error";
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

std::string text(const std::string& s) { return "U"s + static_cast<char>(s.size()) + s; }
std::string number(std::uint32_t n) { return "J" + std::string(reinterpret_cast<char*>(&n), 4); }

/// One float tensor [count] over all of the storage of that key.
std::string tensor_of(const std::string& key, std::uint32_t count) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
         text(key) + text("cpu") + number(count) + "tQ" + number(0) + "(" + number(count) + "t(" +
         number(1) + "t\x89}tR";
}

TEST(ZipBomb, TheHandMadeArchiveIsOne) {
  Archive archive;
  archive.add("a/data.pkl", "\x80\x02" + tensor_of("0", 2) + ".");
  archive.add("a/data/0", std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  const std::string bytes = archive.str();
  const PthValue value = parse_pth(std::as_bytes(std::span(bytes)), "f");
  EXPECT_EQ(value.as_tensor().to_vector<float>(), (std::vector<float>{1, 2}));
}

TEST(ZipBomb, EntriesThatClaimMoreThanTheyCanHold) {
  Archive pickle;
  pickle.add("a/data.pkl", "N.", 0xf0000000);
  EXPECT_HAS(error_of(pickle), "bomb.pth: the zip entry 'a/data.pkl' claims 4026531840 bytes");
  Archive storage;
  storage.add("a/data.pkl", "\x80\x02" + tensor_of("0", 0x3c000000) + ".");
  storage.add("a/data/0", "12345678", 0xf0000000);
  const std::string error = error_of(storage);
  EXPECT_TRUE(error.find("claims 4026531840 bytes") != std::string::npos ||
              error.find("far more memory than the file") != std::string::npos)
      << error;
}

// Within deflate's ratio of 1:1032, all of it true.
TEST(ZipBomb, EntriesThatHoldTooMuch) {
  Archive pickle;
  pickle.add("a/data.pkl", std::string(300'000'000, 'N'));
  EXPECT_LT(pickle.str().size(), 400'000u);
  EXPECT_HAS(error_of(pickle), "its pickle of 300000000 bytes exceeds the limit");
  Archive storage;
  storage.add("a/data.pkl", "\x80\x02" + tensor_of("0", 75'000'000) + ".");
  storage.add("a/data/0", std::string(300'000'000, '\0'));
  EXPECT_LT(storage.str().size(), 400'000u);
  EXPECT_HAS(error_of(storage), "far more memory than the file has bytes");
  Archive order;
  order.add("a/data.pkl", "\x80\x02N.");
  order.add("a/byteorder", std::string(100'000'000, 'l'));
  EXPECT_HAS(error_of(order), "its byteorder is damaged");
}

TEST(ZipBomb, EntriesThatAreNotWhatTheTensorsNeed) {
  Archive archive;
  archive.add("a/data.pkl", "\x80\x02" + tensor_of("0", 2) + ".");
  archive.add("a/data/0", std::string(100'000'000, '\0'));
  EXPECT_HAS(error_of(archive), "the storage '0' has 100000000 bytes instead of 8");
}

// Many entries over the same compressed bytes: each is honest, together they are not.
TEST(ZipBomb, EntriesThatOverlap) {
  constexpr int kCount = 60;
  std::string list = "\x80\x02](";
  for (int i = 0; i < kCount; ++i) list += tensor_of(std::to_string(i), 2'500'000);
  Archive archive;
  archive.add("a/data.pkl", list + "e.");
  archive.add("a/data/0", std::string(10'000'000, '\0'));
  for (int i = 1; i < kCount; ++i) archive.add_again("a/data/" + std::to_string(i));
  EXPECT_LT(archive.str().size(), 50'000u);
  EXPECT_NE(error_of(archive), "no error");
}

}  // namespace
}  // namespace ingot
