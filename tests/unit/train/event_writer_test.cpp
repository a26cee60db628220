// TensorBoard's event files, decoded again field by field.
#include <gtest/gtest.h>
#include <ingot/train/event_writer.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "support/scratch_folder.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;

/// Bit by bit, as the polynomial is defined.
std::uint32_t crc32c(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((crc ^ (static_cast<std::uint8_t>(c) >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (odd ? 0x82f63b78u : 0);
    }
  return ~crc;
}
std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
T number(const std::string& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// The messages of a file; checksums and lengths must be right.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> list;
  std::size_t at = 0;
  while (at < file.size()) {
    const auto length = number<std::uint64_t>(file, at);
    EXPECT_EQ(number<std::uint32_t>(file, at + 8), masked(file.substr(at, 8)));
    if (length > file.size() - at - 16) throw std::runtime_error("a record is too long");
    const std::string data = file.substr(at + 12, length);
    EXPECT_EQ(number<std::uint32_t>(file, at + 12 + length), masked(data));
    list.push_back(data);
    at += 16 + length;
  }
  return list;
}

/// The fields of a message: numbers and fixed ones as bits, the others as bytes.
struct Message {
  std::map<int, std::uint64_t> numbers;
  std::map<int, std::vector<std::string>> parts;

  explicit Message(const std::string& bytes) {
    std::size_t at = 0;
    const auto varint = [&] {
      std::uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<std::uint8_t>(bytes.at(at++));
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    while (at < bytes.size()) {
      const auto key = varint();
      const int field = static_cast<int>(key >> 3);
      if ((key & 7) == 0) {
        numbers[field] = varint();
      } else if ((key & 7) == 1) {
        numbers[field] = number<std::uint64_t>(bytes, at);
        at += 8;
      } else if ((key & 7) == 5) {
        numbers[field] = number<std::uint32_t>(bytes, at);
        at += 4;
      } else {
        const auto length = varint();
        parts[field].push_back(bytes.substr(at, length));
        at += length;
      }
    }
  }
};

TEST(EventWriter, ChecksumsAreCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);  // the check value of CRC-32C
}

TEST(EventWriter, WritesScalars) {
  const ScratchFolder folder;
  EventWriter writer(folder / "board");
  writer.add_scalars(7, {{"loss/train", 0.5}, {"lr", 1e-3}});
  writer.add_scalars(300, {{"loss/train", 0.25}});
  EXPECT_EQ(writer.path().filename().string().rfind("events.out.tfevents.", 0), 0u);
  const auto list = records(folder.read("board/" + writer.path().filename().string()));
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(Message(list[0]).parts.at(3), (std::vector<std::string>{"brain.Event:2"}));
  const Message first(list[1]);
  EXPECT_GT(std::bit_cast<double>(first.numbers.at(1)), 1.6e9) << "seconds since 1970";
  EXPECT_EQ(first.numbers.at(2), 7u);
  const auto values = Message(first.parts.at(5).at(0)).parts.at(1);
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(Message(values[0]).parts.at(1).at(0), "loss/train");
  EXPECT_EQ(std::bit_cast<float>(static_cast<std::uint32_t>(Message(values[0]).numbers.at(2))),
            0.5f);
  EXPECT_EQ(std::bit_cast<float>(static_cast<std::uint32_t>(Message(values[1]).numbers.at(2))),
            1e-3f);
  EXPECT_EQ(Message(list[2]).numbers.at(2), 300u);
}

TEST(EventWriter, AResumedRunAddsAFileThatStartsASession) {
  const ScratchFolder folder;
  const EventWriter first(folder.path());
  const EventWriter second(folder.path(), 12);
  EXPECT_LT(first.path(), second.path());
  const auto list = records(folder.read(second.path().filename().string()));
  ASSERT_EQ(list.size(), 2u);
  const Message start(list[1]);
  EXPECT_EQ(start.numbers.at(2), 12u);
  EXPECT_EQ(Message(start.parts.at(7).at(0)).numbers.at(1), 1u);
  folder.write("file", "");
  EXPECT_THROW(EventWriter(folder / "file"), IoError);
}

}  // namespace
}  // namespace ingot::train
