#include "text/byte_level.h"

#include <array>

#include "text/utf8.h"

namespace ingot::text {
namespace {

constexpr std::size_t kNumCharacters = 0x144;  // 256 bytes, 68 of which are not printable

struct Tables {
  std::array<std::string, 256> characters;
  std::array<std::int16_t, kNumCharacters> bytes;

  Tables() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
      const char32_t c = printable ? static_cast<char32_t>(byte) : next++;
      append_character(characters[byte], c);
      bytes[c] = static_cast<std::int16_t>(byte);
    }
  }
};

const Tables& tables() {
  static const Tables made;
  return made;
}

}  // namespace

std::string_view character_of_byte(std::uint8_t byte) { return tables().characters[byte]; }

std::optional<std::uint8_t> byte_of_character(char32_t c) {
  if (c >= kNumCharacters || tables().bytes[c] < 0) return {};
  return static_cast<std::uint8_t>(tables().bytes[c]);
}

std::string bytes_of_token(std::string_view token) {
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const auto byte = byte_of_character(next_character(token, at));
    if (!byte) return std::string(token);
    out.push_back(static_cast<char>(*byte));
  }
  return out;
}

}  // namespace ingot::text
