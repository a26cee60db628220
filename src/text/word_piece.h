// WordPiece: a word as the longest pieces of the vocabulary, from left to right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace ingot::text {

class WordPiece {
 public:
  /// Throws ValueError when `unknown` is not in the vocabulary.
  WordPiece(Vocabulary vocabulary, std::string unknown, std::string prefix,
            std::int64_t max_characters);

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const std::string& unknown() const { return unknown_; }
  /// What the pieces of a word begin with, but the first one.
  const std::string& prefix() const { return prefix_; }
  /// Longer words are unknown.
  std::int64_t max_characters() const { return max_characters_; }

  /// Appends the pieces of `word`, which is not empty: one, the unknown token, if it cannot be put
  /// together.
  void append_pieces(std::string_view word, std::vector<Piece>& pieces) const;

 private:
  Vocabulary vocabulary_;
  StringTable continuations_;  ///< tokens that begin with the prefix, without it
  std::string unknown_;
  std::string prefix_;
  std::int64_t max_characters_;
  std::int32_t unknown_id_;
};

}  // namespace ingot::text
