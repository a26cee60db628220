// Classes of characters, as Hugging Face's tokenizers see them (unicode_tables.h), and their
// canonical decomposition (utf8proc).
#pragma once

#include <cstdint>
#include <vector>

namespace ingot::text {

/// Bits of character_classes.
inline constexpr std::uint8_t kSpace = 1;        ///< White_Space
inline constexpr std::uint8_t kControl = 2;      ///< removed from texts for BERT
inline constexpr std::uint8_t kAccent = 4;       ///< a mark that strip_accents removes
inline constexpr std::uint8_t kPunctuation = 8;  ///< a word of its own for BERT
inline constexpr std::uint8_t kLetter = 16;
inline constexpr std::uint8_t kNumber = 32;
inline constexpr std::uint8_t kChinese = 64;  ///< a word of its own for BERT

namespace detail {
inline constexpr char32_t kNumTabled = 0x20000;
/// Classes of the characters below kNumTabled, made when they are first asked for.
const std::uint8_t* class_table();
std::uint8_t search_classes(char32_t c);
}  // namespace detail

inline std::uint8_t character_classes(char32_t c) {
  static const std::uint8_t* const table = detail::class_table();
  return c < detail::kNumTabled ? table[c] : detail::search_classes(c);
}

inline bool is_space(char32_t c) { return (character_classes(c) & kSpace) != 0; }

/// What `\w` of Rust's regular expressions takes: letters, marks, digits and what joins them.
bool is_word_character(char32_t c);

/// The lower case of `c`; the one character that has two (U+0130, İ) is for the caller.
char32_t lowercase_of(char32_t c);
inline constexpr char32_t kCapitalIWithDot = 0x130;

/// Appends the canonical decomposition of `c`, which is `c` itself for most.
void decompose(char32_t c, std::vector<char32_t>& out);

/// The canonical combining class: marks of different classes are put into their order.
int combining_class(char32_t c);

}  // namespace ingot::text
