// BytePair: byte-level BPE. A word begins as its bytes; the pair of neighbours that was merged
// first in training is merged first, until no pair is in the table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ingot/core/error.h>

#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace ingot::text {

/// A merge that does not fit its vocabulary.
struct MergeError : ValueError {
  MergeError(std::size_t merge, const std::string& message) : ValueError(message), number(merge) {}
  std::size_t number;  ///< from 0
};

class BytePair {
 public:
  struct Merge {
    std::string left, right;
  };
  struct Options {
    std::optional<std::string> unknown;  ///< for bytes that have no token
    bool fuse_unknown = false;           ///< neighbours without a token are one unknown token
    bool ignore_merges = false;          ///< a word that is a token is that token
  };

  /// Of the merges the first one goes first. Throws MergeError when one of its tokens, or what it
  /// makes, is not in the vocabulary, or it is there twice; ValueError when `unknown` is not.
  BytePair(Vocabulary vocabulary, std::vector<Merge> merges, Options options);

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const std::vector<Merge>& merges() const { return merges_; }
  const Options& options() const { return options_; }

  /// Appends the pieces of `word`, whose bytes stand for themselves. Throws ValueError for a byte
  /// without a token if there is no unknown token.
  void append_pieces(std::string_view word, std::vector<Piece>& pieces) const;

 private:
  struct Rule {
    std::uint64_t pair = ~std::uint64_t{0};
    std::int32_t rank = -1, made = -1;
  };
  struct Symbol {
    std::int32_t id;
    std::int32_t previous, next;  ///< -1 at the ends
    std::uint32_t end;            ///< 0 once it is part of the one to its left
  };

  static std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t place_of(std::uint64_t pair) const;
  const Rule* find(std::int32_t left, std::int32_t right) const;
  void enter(std::size_t number);
  void split(std::string_view word, std::vector<Symbol>& symbols) const;
  void merge_all(std::vector<Symbol>& symbols) const;

  Vocabulary vocabulary_;
  std::vector<Merge> merges_;
  Options options_;
  std::vector<Rule> rules_;  ///< open addressing
  std::array<std::int32_t, 256> byte_ids_{};
  std::int32_t unknown_id_ = Vocabulary::kNone;
};

}  // namespace ingot::text
