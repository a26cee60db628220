// Where words end: BERT's rule and GPT-2's.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/unicode.h"
#include "text/utf8.h"

namespace ingot::text {

/// Calls word(begin, end), in bytes of `text`, for every word as BERT has them: runs of what is
/// neither space nor punctuation, and each punctuation character.
template <class Word>
void for_each_bert_word(std::string_view text, Word&& word) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t here = at;
    const std::uint8_t classes =
        character_classes(next_character(text, at)) & (kSpace | kPunctuation);
    if (classes == 0) continue;
    if (begin < here) word(begin, here);
    if ((classes & kSpace) == 0) word(here, at);
    begin = at;
  }
  if (begin < text.size()) word(begin, text.size());
}

/// The end of the word that begins at `begin` < text.size(), as GPT-2's expression has it:
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t end_of_gpt2_word(std::string_view text, std::size_t begin);

}  // namespace ingot::text
