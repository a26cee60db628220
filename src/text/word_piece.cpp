#include "text/word_piece.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <utility>

#include "core/printable.h"
#include "text/utf8.h"

namespace ingot::text {

WordPiece::WordPiece(Vocabulary vocabulary, std::string unknown, std::string prefix,
                     std::int64_t max_characters)
    : vocabulary_(std::move(vocabulary)),
      unknown_(std::move(unknown)),
      prefix_(std::move(prefix)),
      max_characters_(max_characters),
      unknown_id_(vocabulary_.find(unknown_)) {
  if (unknown_id_ == Vocabulary::kNone)
    throw ValueError(fmt::format(
        "the unknown token '{}' is missing from the vocabulary of {} tokens: words that it cannot "
        "spell would have no id",
        printable(unknown_), vocabulary_.size()));
  for (std::int64_t id = 0; id < vocabulary_.end(); ++id) {
    if (!vocabulary_.has(id)) continue;
    const std::string_view token = vocabulary_.token(id);
    if (token.substr(0, prefix_.size()) == prefix_ && token.size() > prefix_.size())
      continuations_.insert(token.substr(prefix_.size()), static_cast<std::int32_t>(id));
  }
}

void WordPiece::append_pieces(std::string_view word, std::vector<Piece>& pieces) const {
  const std::size_t before = pieces.size();
  const auto nbytes = static_cast<std::uint32_t>(word.size());
  const auto give_up = [&] {
    pieces.resize(before);
    pieces.push_back({unknown_id_, nbytes});
  };
  if (std::ranges::count_if(word, begins_character) > max_characters_) return give_up();
  std::size_t begin = 0;
  while (begin < word.size()) {
    const std::size_t longest = begin == 0 ? vocabulary_.longest() : continuations_.longest();
    std::size_t end = std::min(word.size(), begin + longest);
    // Only whole characters.
    while (end < word.size() && end > begin && !begins_character(word[end])) --end;
    std::int32_t id = Vocabulary::kNone;
    while (end > begin) {
      const std::string_view piece = word.substr(begin, end - begin);
      id = begin == 0 ? vocabulary_.find(piece) : continuations_.find(piece);
      if (id != Vocabulary::kNone) break;
      do --end;
      while (end > begin && !begins_character(word[end]));
    }
    if (id == Vocabulary::kNone) return give_up();
    pieces.push_back({id, static_cast<std::uint32_t>(end)});
    begin = end;
  }
}

}  // namespace ingot::text
