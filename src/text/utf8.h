// UTF-8: reading, writing and checking characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingot::text {

inline bool is_ascii(char c) { return static_cast<std::uint8_t>(c) < 0x80; }

/// Whether a character begins at this byte.
inline bool begins_character(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80; }

struct Utf8Error {
  std::size_t offset = std::string_view::npos;  ///< of the first byte of what is wrong
  std::size_t nbytes = 0;                       ///< what one U+FFFD stands for
  explicit operator bool() const { return nbytes > 0; }
};

/// The first place from `begin` on that is no UTF-8 (overlong forms, surrogates and what is above
/// U+10FFFF are none); `nbytes` is the longest beginning of a character, as Unicode's "maximal
/// subpart" has it, at least one.
Utf8Error find_utf8_error(std::string_view text, std::size_t begin = 0);

/// Throws ValueError, which calls the text `what`, unless `text` is UTF-8.
void check_utf8(std::string_view text, std::string_view what);

/// `text` with U+FFFD for whatever is no UTF-8.
std::string with_replacements(std::string_view text);

/// The character at `position`, which moves behind it. `text` must be UTF-8.
inline char32_t next_character(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<std::uint8_t>(text[position + i]));
  };
  const char32_t first = byte(0);
  char32_t c = first;
  std::size_t nbytes = 1;
  if (first >= 0xf0) {
    c = (first & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    nbytes = 4;
  } else if (first >= 0xe0) {
    c = (first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    nbytes = 3;
  } else if (first >= 0xc0) {
    c = (first & 0x1f) << 6 | (byte(1) & 0x3f);
    nbytes = 2;
  }
  position += nbytes;
  return c;
}

/// The character that ends before `end` > 0. `text` must be UTF-8.
inline char32_t character_before(std::string_view text, std::size_t end) {
  do --end;
  while (!begins_character(text[end]));
  return next_character(text, end);
}

inline void append_character(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

}  // namespace ingot::text
