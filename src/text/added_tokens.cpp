#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

/// Where the white space begins that ends before `end`.
std::size_t begin_of_space(std::string_view text, std::size_t end) {
  while (end > 0) {
    if (!is_space(character_before(text, end))) break;
    do --end;
    while (!begins_character(text[end]));
  }
  return end;
}

/// Where the white space ends that begins at `begin`.
std::size_t end_of_space(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    std::size_t behind = begin;
    if (!is_space(next_character(text, behind))) break;
    begin = behind;
  }
  return begin;
}

bool inside_word(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && is_word_character(character_before(text, begin))) return true;
  return end < text.size() && is_word_character(next_character(text, end));
}

}  // namespace

void AddedTokens::add(const AddedToken& token, std::string normal) {
  Patterns& patterns = patterns_[token.normalized ? 1 : 0];
  const std::string& text = token.normalized ? normal : token.content;
  if (!text.empty()) {
    patterns.begins[static_cast<std::uint8_t>(text[0])] = true;
    auto& list = patterns.longest_first;
    const auto at = std::ranges::find_if(
        list, [&](const Pattern& other) { return other.text.size() < text.size(); });
    list.insert(at, {text, token.id});
  }
  by_content_[token.content] = token.id;
  normal_[token.id] = std::move(normal);
  by_id_[token.id] = token;
}

const AddedToken* AddedTokens::find(std::int64_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &at->second;
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto at = by_content_.find(content);
  return at == by_content_.end() ? nullptr : find(at->second);
}

const AddedTokens::Pattern* AddedTokens::match(const Patterns& patterns, std::string_view text,
                                               std::size_t at) const {
  const std::string_view rest = text.substr(at);
  for (const Pattern& pattern : patterns.longest_first)
    if (rest.starts_with(pattern.text)) return &pattern;
  return nullptr;
}

void AddedTokens::split(std::string_view text, bool normalized, std::vector<Part>& parts) const {
  parts.clear();
  const Patterns& patterns = patterns_[normalized ? 1 : 0];
  std::size_t done = 0;
  if (!patterns.longest_first.empty()) {
    for (std::size_t at = 0; at < text.size();) {
      const Pattern* pattern = patterns.begins[static_cast<std::uint8_t>(text[at])]
                                   ? match(patterns, text, at)
                                   : nullptr;
      if (pattern == nullptr) {
        ++at;
        continue;
      }
      std::size_t begin = at, end = at + pattern->text.size();
      at = end;
      const AddedToken& token = by_id_.at(pattern->id);
      if (token.single_word && inside_word(text, begin, end)) continue;
      // White space that the token before has taken is its own.
      if (token.lstrip) begin = std::max(begin_of_space(text, begin), done);
      if (token.rstrip) end = end_of_space(text, end);
      if (done < begin) parts.push_back({done, begin, nullptr});
      parts.push_back({begin, end, &token});
      done = end;
      at = std::max(at, done);
    }
  }
  if (done < text.size()) parts.push_back({done, text.size(), nullptr});
}

}  // namespace ingot::text
