// Formats: tensorflow/core/util/event.proto and summary.proto (fields by number), and the comment
// in tensorflow/core/lib/io/record_writer.h (framing).
#include <ingot/train/event_writer.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <system_error>

#include "io/append_file.h"

namespace ingot::train {
namespace {

namespace fs = std::filesystem;

// -- Records ----------------------------------------------------------------------------------

/// CRC-32C (Castagnoli), reflected.
std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
      table[i] = crc;
    }
    return table;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xff];
  return ~crc;
}

template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  return bytes;
}

/// The checksum that records carry: one of data that hold checksums themselves must differ.
std::string masked_checksum(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return little_endian((crc >> 15 | crc << 17) + 0xa282ead8u);
}

// -- Messages ---------------------------------------------------------------------------------

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  while (value >= 0x80) {
    bytes += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  return bytes + static_cast<char>(value);
}

std::string key(int field, WireType type) {
  return varint(static_cast<std::uint64_t>(field << 3 | type));
}
std::string number_field(int field, std::uint64_t value) {
  return key(field, kVarint) + varint(value);
}
std::string double_field(int field, double value) {
  return key(field, kFixed64) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(int field, float value) {
  return key(field, kFixed32) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes_field(int field, std::string_view value) {
  return key(field, kBytes) + varint(value.size()) + std::string(value);
}

/// Event { wall_time = 1, step = 2, … }
std::string event(std::int64_t step, const std::string& content) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return double_field(1, now) + number_field(2, static_cast<std::uint64_t>(step)) + content;
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace

EventWriter::EventWriter(const fs::path& folder, std::int64_t first_step) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("{}: cannot make the folder: {}", folder.string(), error.message()));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
  // Readers take the files of a folder in the order of their names.
  for (int i = 0;; ++i) {
    path_ = folder /
            fmt::format("events.out.tfevents.{:010}.{}.{}.{}", seconds, host_name(), ::getpid(), i);
    if (!fs::exists(path_, error)) break;
  }
  file_ = std::make_unique<io::AppendFile>(path_);
  constexpr int kFileVersion = 3, kSessionLog = 7, kStatus = 1, kStart = 1;
  write_event(event(0, bytes_field(kFileVersion, "brain.Event:2")));
  if (first_step > 0)
    write_event(event(first_step, bytes_field(kSessionLog, number_field(kStatus, kStart))));
}

EventWriter::~EventWriter() = default;

void EventWriter::add_scalars(std::int64_t step,
                              const std::vector<std::pair<std::string, double>>& scalars) {
  constexpr int kSummary = 5, kValue = 1, kTag = 1, kSimpleValue = 2;
  std::string summary;
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(
        kValue, bytes_field(kTag, tag) + float_field(kSimpleValue, static_cast<float>(value)));
  write_event(event(step, bytes_field(kSummary, summary)));
}

void EventWriter::write_event(const std::string& event) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event.size()));
  file_->append(length + masked_checksum(length) + event + masked_checksum(event));
}

}  // namespace ingot::train
