#include "text/utf8.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <cstring>

namespace ingot::text {
namespace {

/// How many bytes at `position` are the beginning of a character, and whether it is whole.
struct Beginning {
  std::size_t nbytes;
  bool whole;
};

Beginning beginning_at(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[position + i]); };
  const std::uint8_t first = byte(0);
  // Table 3-7 of the Unicode standard: the second byte's range depends on the first.
  std::uint8_t low = 0x80, high = 0xbf;
  std::size_t nbytes;
  if (first < 0x80) return {1, true};
  if (first < 0xc2 || first > 0xf4) return {1, false};
  if (first < 0xe0) {
    nbytes = 2;
  } else if (first < 0xf0) {
    nbytes = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else {
    nbytes = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  for (std::size_t i = 1; i < nbytes; ++i) {
    if (position + i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {nbytes, true};
}

}  // namespace

Utf8Error find_utf8_error(std::string_view text, std::size_t begin) {
  std::size_t i = begin;
  while (i < text.size()) {
    std::uint64_t eight;
    if (text.size() - i >= sizeof eight) {
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080808080808080U) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const Beginning next = beginning_at(text, i);
    if (!next.whole) return {i, next.nbytes};
    i += next.nbytes;
  }
  return {};
}

void check_utf8(std::string_view text, std::string_view what) {
  const Utf8Error error = find_utf8_error(text);
  if (!error) return;
  throw ValueError(
      fmt::format("{}: byte {} (0x{:02x}) is no UTF-8; convert the text to UTF-8 first", what,
                  error.offset, static_cast<std::uint8_t>(text[error.offset])));
}

std::string with_replacements(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  while (const Utf8Error error = find_utf8_error(text, done)) {
    out += text.substr(done, error.offset - done);
    append_character(out, 0xfffd);
    done = error.offset + error.nbytes;
  }
  out += text.substr(done);
  return out;
}

}  // namespace ingot::text
