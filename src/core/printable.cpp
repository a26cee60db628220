#include "core/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ingot {
namespace {

/// Bytes of the character at the head of `text`; 0 when they are no UTF-8. What decodes to a
/// control character (U+0080 to U+009F), and overlong or surrogate forms, count as none.
std::size_t character_nbytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const std::size_t nbytes = byte(0) >= 0xf5   ? 0
                             : byte(0) >= 0xf0 ? 4
                             : byte(0) >= 0xe0 ? 3
                             : byte(0) >= 0xc2 ? 2
                                               : 0;
  if (nbytes == 0 || text.size() < nbytes) return 0;
  for (std::size_t i = 1; i < nbytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool control = byte(0) == 0xc2 && byte(1) < 0xa0;
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool outside = (byte(0) == 0xed && byte(1) >= 0xa0) || (byte(0) == 0xf4 && byte(1) >= 0x90);
  return control || overlong || outside ? 0 : nbytes;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string out;
  std::size_t i = 0;
  while (i < text.size() && i < kLongest) {
    if (const std::size_t nbytes = character_nbytes(text.substr(i)); nbytes > 0) {
      out += text.substr(i, nbytes);
      i += nbytes;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[i++]));
    }
  }
  if (i < text.size()) out += fmt::format("… ({} bytes)", text.size());
  return out;
}

}  // namespace ingot
