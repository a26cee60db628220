// WordCache: the pieces of words seen before. Each is used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/string_table.h"

namespace ingot::text {

/// A token of a word: it ends before byte `end` of the word, and begins where the one before ends.
struct Piece {
  std::int32_t id;
  std::uint32_t end;
};

class WordCache {
 public:
  /// Longer words are rare and different each time.
  static constexpr std::size_t kLongestWord = 64;
  /// Words kept at most; then it begins anew.
  static constexpr std::size_t kMostWords = 1 << 15;

  /// The pieces of `word`; `make(word, pieces)` appends them if they are not known. Valid until
  /// the next call.
  template <class Make>
  std::span<const Piece> pieces_of(std::string_view word, Make&& make) {
    if (word.size() > kLongestWord) {
      scratch_.clear();
      make(word, scratch_);
      return scratch_;
    }
    if (const std::int32_t known = words_.find(word); known != StringTable::kNone)
      return range(known);
    if (words_.size() == kMostWords) *this = WordCache();
    const std::size_t begin = pieces_.size();
    try {
      make(word, pieces_);
    } catch (...) {
      pieces_.resize(begin);
      throw;
    }
    ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
    const auto number = static_cast<std::int32_t>(words_.size());
    words_.insert(word, number);
    return range(number);
  }

 private:
  std::span<const Piece> range(std::int32_t word) const {
    const std::size_t begin = word == 0 ? 0 : ends_[static_cast<std::size_t>(word) - 1];
    return {pieces_.data() + begin, ends_[static_cast<std::size_t>(word)] - begin};
  }

  StringTable words_;
  std::vector<std::uint32_t> ends_;
  std::vector<Piece> pieces_;
  std::vector<Piece> scratch_;
};

}  // namespace ingot::text
