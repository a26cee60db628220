#include "text/pre_tokenizer.h"

namespace ingot::text {
namespace {

std::uint8_t kind_of(char32_t c) {
  const std::uint8_t classes = character_classes(c);
  return (classes & kLetter) != 0 ? kLetter : (classes & kNumber) != 0 ? kNumber : classes & kSpace;
}

/// The end of the contraction that begins with the apostrophe at `begin`, or `begin`.
std::size_t end_of_contraction(std::string_view text, std::size_t begin) {
  if (begin + 1 == text.size()) return begin;
  switch (text[begin + 1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return begin + 2;
    default:
      break;
  }
  const std::string_view two = text.substr(begin + 1, 2);
  return two == "re" || two == "ve" || two == "ll" ? begin + 3 : begin;
}

}  // namespace

std::size_t end_of_gpt2_word(std::string_view text, std::size_t begin) {
  if (text[begin] == '\'') {
    const std::size_t end = end_of_contraction(text, begin);
    if (end != begin) return end;
  }
  std::size_t at = begin;
  std::uint8_t kind = kind_of(next_character(text, at));
  // A space belongs to the word behind it.
  if (text[begin] == ' ' && at < text.size()) {
    std::size_t behind = at;
    const std::uint8_t next = kind_of(next_character(text, behind));
    if (next != kSpace) {
      kind = next;
      at = behind;
    }
  }
  std::size_t last = begin;  // where the last character begins
  while (at < text.size()) {
    std::size_t behind = at;
    if (kind_of(next_character(text, behind)) != kind) break;
    last = at;
    at = behind;
  }
  // Of several spaces before a word the last one is left: it is the word's, or stands alone.
  if (kind == kSpace && at < text.size() && last > begin) return last;
  return at;
}

}  // namespace ingot::text
