#include "text/byte_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "core/printable.h"
#include "text/byte_level.h"

namespace ingot::text {
namespace {

/// A merge that could be done: of the lowest rank first, and from the left.
struct Candidate {
  std::int32_t rank, position, made;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

BytePair::BytePair(Vocabulary vocabulary, std::vector<Merge> merges, Options options)
    : vocabulary_(std::move(vocabulary)), merges_(std::move(merges)), options_(std::move(options)) {
  if (options_.unknown) {
    unknown_id_ = vocabulary_.find(*options_.unknown);
    if (unknown_id_ == Vocabulary::kNone)
      throw ValueError(fmt::format("the unknown token '{}' is missing from the vocabulary",
                                   printable(*options_.unknown)));
  }
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte)
    byte_ids_[byte] = vocabulary_.find(character_of_byte(static_cast<std::uint8_t>(byte)));
  rules_.resize(std::bit_ceil(2 * merges_.size() + 1));
  for (std::size_t i = 0; i < merges_.size(); ++i) enter(i);
}

void BytePair::enter(std::size_t number) {
  const Merge& merge = merges_[number];
  const auto fail = [&](const std::string& cause) {
    throw MergeError(number, fmt::format("the merge '{} {}' {}", printable(merge.left),
                                         printable(merge.right), cause));
  };
  const auto id_of = [&](const std::string& token) {
    const std::int32_t id = vocabulary_.find(token);
    if (id == Vocabulary::kNone)
      fail(fmt::format("needs '{}', which is not in the vocabulary", printable(token)));
    return id;
  };
  const std::uint64_t pair = pair_of(id_of(merge.left), id_of(merge.right));
  Rule& rule = rules_[place_of(pair)];
  if (rule.rank >= 0) fail("is there twice");
  rule = {pair, static_cast<std::int32_t>(number), id_of(merge.left + merge.right)};
}

std::size_t BytePair::place_of(std::uint64_t pair) const {
  const std::size_t mask = rules_.size() - 1;
  std::uint64_t h = pair * 0x9e3779b97f4a7c15U;
  std::size_t i = (h ^ h >> 32) & mask;
  while (rules_[i].rank >= 0 && rules_[i].pair != pair) i = (i + 1) & mask;
  return i;
}

const BytePair::Rule* BytePair::find(std::int32_t left, std::int32_t right) const {
  const Rule& rule = rules_[place_of(pair_of(left, right))];
  return rule.rank >= 0 ? &rule : nullptr;
}

void BytePair::split(std::string_view word, std::vector<Symbol>& symbols) const {
  bool fuse = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(word[i]);
    const auto end = static_cast<std::uint32_t>(i + 1);
    std::int32_t id = byte_ids_[byte];
    const bool known = id != Vocabulary::kNone;
    if (!known) {
      if (unknown_id_ == Vocabulary::kNone)
        throw ValueError(
            fmt::format("the vocabulary has no token '{}' for byte 0x{:02x}, and no unknown token",
                        character_of_byte(byte), byte));
      id = unknown_id_;
      if (fuse) {
        symbols.back().end = end;
        continue;
      }
    }
    fuse = !known && options_.fuse_unknown;
    const auto number = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({id, number - 1, number + 1, end});
  }
  symbols.back().next = -1;
}

void BytePair::merge_all(std::vector<Symbol>& symbols) const {
  static thread_local std::vector<Candidate> heap;
  heap.clear();
  const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
  const auto consider = [&](std::int32_t position) {
    const Symbol& left = at(position);
    if (left.next < 0) return;
    const Rule* rule = find(left.id, at(left.next).id);
    if (rule == nullptr) return;
    heap.push_back({rule->rank, position, rule->made});
    std::ranges::push_heap(heap, std::greater<>());
  };
  for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(symbols.size()); ++i) consider(i);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater<>());
    const Candidate best = heap.back();
    heap.pop_back();
    Symbol& left = at(best.position);
    if (left.end == 0 || left.next < 0) continue;
    Symbol& right = at(left.next);
    // What was there when it was found may have been merged with something else since.
    const Rule* rule = find(left.id, right.id);
    if (rule == nullptr || rule->made != best.made) continue;
    left.id = best.made;
    left.end = right.end;
    left.next = right.next;
    right.end = 0;
    if (left.next >= 0) at(left.next).previous = best.position;
    if (left.previous >= 0) consider(left.previous);
    consider(best.position);
  }
}

void BytePair::append_pieces(std::string_view word, std::vector<Piece>& pieces) const {
  if (options_.ignore_merges) {
    std::string token;
    for (const char c : word) token += character_of_byte(static_cast<std::uint8_t>(c));
    if (const std::int32_t id = vocabulary_.find(token); id != Vocabulary::kNone) {
      pieces.push_back({id, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  static thread_local std::vector<Symbol> symbols;
  symbols.clear();
  split(word, symbols);
  merge_all(symbols);
  for (const Symbol& symbol : symbols)
    if (symbol.end != 0) pieces.push_back({symbol.id, symbol.end});
}

}  // namespace ingot::text
