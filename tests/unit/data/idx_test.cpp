#include "ingot/data/idx.h"

#include <gtest/gtest.h>

#include <string>

#include "ingot/core/error.h"
#include "unit/data/idx_bytes.h"

namespace ingot::data {
namespace {

using testing::Bytes;
using testing::gzip_bytes;
using testing::idx_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;

const Bytes kSix{1, 2, 3, 4, 5, 255};

template <class F>
std::string io_error(F f) {
  try {
    f();
  } catch (const IoError& error) {
    return error.what();
  }
  return "(no error)";
}

void expect_damage(const Bytes& bytes, const std::string& cause) {
  const std::string text = io_error([&] { parse_idx(bytes, "some.idx"); });
  EXPECT_NE(text.find(cause), std::string::npos) << text;
  EXPECT_NE(text.find("some.idx"), std::string::npos) << text;
}

TEST(Idx, ReadsRawAndGzip) {
  const Bytes raw = idx_bytes({2, 3}, kSix);
  for (const Bytes& bytes : {raw, gzip_bytes(raw)}) {
    const IdxArray array = parse_idx(bytes, "x");
    EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(array.values, kSix);
  }
}

TEST(Idx, KnowsAFileByItsContent) {
  const TemporaryFolder folder("idx_content");
  const Bytes raw = idx_bytes({6}, kSix);
  write_bytes(folder.path() / "raw.gz", raw);
  write_bytes(folder.path() / "packed", gzip_bytes(raw));
  EXPECT_EQ(read_idx(folder.path() / "raw.gz").values, kSix);
  EXPECT_EQ(read_idx(folder.path() / "packed").values, kSix);
}

TEST(Idx, ReadsSeveralGzipMembers) {
  const Bytes raw = idx_bytes({6}, kSix);
  Bytes packed = gzip_bytes(Bytes(raw.begin(), raw.begin() + 9));
  const Bytes second = gzip_bytes(Bytes(raw.begin() + 9, raw.end()));
  packed.insert(packed.end(), second.begin(), second.end());
  EXPECT_EQ(parse_idx(packed, "x").values, kSix);
}

TEST(Idx, TakesEmptyArrays) {
  const IdxArray array = parse_idx(idx_bytes({0, 28, 28}, {}), "x");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{0, 28, 28}));
  EXPECT_TRUE(array.values.empty());
  EXPECT_TRUE(parse_idx(gzip_bytes(idx_bytes({0}, {})), "x").values.empty());
}

TEST(Idx, ReadsMoreThanOnePiece) {  // larger than the reader's first allocation
  const Bytes values(40 << 20, 7);
  EXPECT_EQ(parse_idx(gzip_bytes(idx_bytes({40 << 20}, values)), "x").values, values);
}

TEST(Idx, WrongMagic) {
  expect_damage({}, "too short");
  expect_damage({0, 0, 8}, "too short");
  expect_damage({'P', 'K', 3, 4, 0, 0}, "wrong magic number 0x504b0304");
  expect_damage({0, 0, 8, 0}, "wrong magic number");
  expect_damage({0, 0, 8, 9}, "wrong magic number");
  expect_damage({0, 0, 7, 1, 0, 0, 0, 0}, "wrong magic number");
  expect_damage({0, 0, 0x0D, 1, 0, 0, 0, 0}, "0x0d (float32) is not supported");
  expect_damage(gzip_bytes({'h', 'e', 'l', 'l', 'o'}), "wrong magic number 0x68656c6c");
}

TEST(Idx, EveryTruncationIsNoticed) {
  const Bytes raw = idx_bytes({2, 3}, kSix);
  for (const Bytes& whole : {raw, gzip_bytes(raw)}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_THROW(
          parse_idx(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)), "x"),
          IoError)
          << length << " of " << whole.size();
    }
  }
  expect_damage(Bytes(raw.begin(), raw.begin() + 9), "inside the IDX header (2 dimensions");
  expect_damage(Bytes(raw.begin(), raw.end() - 1), "promises [2, 3] = 6 values");
  Bytes packed = gzip_bytes(raw);
  packed.resize(packed.size() - 3);
  expect_damage(packed, "cut off");
  expect_damage(gzip_bytes(Bytes(raw.begin(), raw.end() - 1)), "the file has 5");
}

TEST(Idx, TrailingData) {
  Bytes raw = idx_bytes({6}, kSix);
  raw.push_back(0);
  expect_damage(raw, "trailing data after the 6 values");
  expect_damage(gzip_bytes(raw), "trailing data after the 6 values");
  Bytes packed = gzip_bytes(idx_bytes({6}, kSix));
  packed.push_back(1);
  expect_damage(packed, "1 bytes of foreign data");
}

TEST(Idx, DamagedGzip) {
  Bytes values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i >> 3);
  const Bytes packed = gzip_bytes(idx_bytes({1000}, values));
  Bytes damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  expect_damage(damaged, "damaged gzip data (incorrect data check)");
  damaged = packed;
  damaged[damaged.size() - 1] ^= 1;  // the length
  expect_damage(damaged, "damaged gzip data");
  damaged = packed;
  damaged[2] = 7;  // the compression method
  expect_damage(damaged, "damaged gzip data (unknown compression method)");
  // A flipped bit anywhere in the compressed data must not go unnoticed (bytes 3 to 9 hold flags,
  // time and system, which the checksum does not cover).
  for (std::size_t i = 10; i < packed.size(); ++i) {
    damaged = packed;
    damaged[i] ^= 0x10;
    EXPECT_THROW(parse_idx(damaged, "x"), IoError) << "byte " << i;
  }
}

TEST(Idx, HeadersThatLie) {
  const std::uint32_t kHuge = 0xffffffff;
  expect_damage(idx_bytes({kHuge}, kSix), "the file's 14 bytes cannot hold them");
  expect_damage(gzip_bytes(idx_bytes({kHuge}, kSix)), "cannot hold them");
  expect_damage(idx_bytes({kHuge, kHuge, kHuge}, kSix), "more than the limit");
  expect_damage(idx_bytes({kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge, kHuge}, kSix),
                "more than the limit");
  // A bomb: a small file that unpacks to far more than its header says is read no further.
  expect_damage(gzip_bytes(idx_bytes({6}, Bytes(64 << 20, 0))), "trailing data after the 6 values");
}

TEST(Idx, FilesThatCannotBeRead) {
  const TemporaryFolder folder("idx_missing");
  const auto missing = folder.path() / "nothing-here";
  EXPECT_EQ(io_error([&] { read_idx(missing); }), missing.string() + ": no such file");
  EXPECT_EQ(io_error([&] { read_idx(folder.path()); }),
            folder.path().string() + ": is a folder, not an IDX file");
  write_bytes(folder.path() / "empty", {});
  EXPECT_NE(io_error([&] { read_idx(folder.path() / "empty"); }).find("too short"),
            std::string::npos);
}

}  // namespace
}  // namespace ingot::data
