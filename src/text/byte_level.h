// Byte-level vocabularies: a visible character stands for each byte, as GPT-2's encoder has it.
// Printable characters of Latin-1 stand for themselves, the others from U+0100 on.
// Source: https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ingot::text {

/// The character, in UTF-8, that stands for `byte`.
std::string_view character_of_byte(std::uint8_t byte);

/// The byte a character stands for.
std::optional<std::uint8_t> byte_of_character(char32_t c);

/// The bytes that a token's characters stand for; the token itself if one of them stands for none.
std::string bytes_of_token(std::string_view token);

}  // namespace ingot::text
