// AlignedText: text that is being tokenized, with the place of every byte in the original.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/text/encoding.h>

namespace ingot::text {

/// A view; `origin` has a character's number for each byte. Without it every byte is one character
/// of the original, the first one number `first`; the space that `prefixed` texts begin with
/// counts to the same character as the one behind it.
struct AlignedText {
  std::string_view text;
  const std::uint32_t* origin = nullptr;
  std::uint32_t first = 0;
  bool prefixed = false;

  std::uint32_t character_of(std::size_t byte) const {
    if (origin != nullptr) return origin[byte];
    return first + static_cast<std::uint32_t>(byte) - (prefixed && byte > 0 ? 1 : 0);
  }

  /// Where bytes begin … end (not empty) come from.
  Span span_of(std::size_t begin, std::size_t end) const {
    return {static_cast<std::int64_t>(character_of(begin)),
            static_cast<std::int64_t>(character_of(end - 1)) + 1};
  }

  /// Bytes begin … end.
  AlignedText part(std::size_t begin, std::size_t end) const {
    AlignedText out{text.substr(begin, end - begin), nullptr, 0, false};
    if (origin != nullptr) {
      out.origin = origin + begin;
    } else {
      out.first = begin < text.size() ? character_of(begin) : first;
      out.prefixed = prefixed && begin == 0;
    }
    return out;
  }
};

/// Where normalizers write to; kept from text to text, so that it allocates only when it grows.
struct AlignedBuffer {
  std::string text;
  std::vector<std::uint32_t> origin;

  void clear() {
    text.clear();
    origin.clear();
  }
  AlignedText view() const { return {text, origin.data(), 0, false}; }
};

}  // namespace ingot::text
