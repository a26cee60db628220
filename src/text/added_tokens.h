// AddedTokens: tokens that are found in a text as they stand, before it is cut into words.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::text {

struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< with the white space before it
  bool rstrip = false;       ///< with the white space behind it
  bool normalized = false;   ///< looked for in the normalized text
  bool special = false;      ///< left out by decode(…, true)
};

class AddedTokens {
 public:
  /// A part of a text: a token, or what lies between tokens.
  struct Part {
    std::size_t begin, end;
    const AddedToken* token;  ///< nullptr for text
  };

  /// `normal` is what normalization makes of a content.
  void add(const AddedToken& token, std::string normal);

  const std::map<std::int64_t, AddedToken>& all() const { return by_id_; }
  const AddedToken* find(std::int64_t id) const;
  const AddedToken* find(std::string_view content) const;
  /// The token as normalization leaves it.
  const std::string& normal_form(const AddedToken& token) const { return normal_.at(token.id); }

  /// Cuts a text at the tokens that are looked for before, or after, normalization. At each place
  /// the longest token is taken. `parts` is cleared first; empty texts have none.
  void split(std::string_view text, bool normalized, std::vector<Part>& parts) const;

 private:
  struct Pattern {
    std::string text;
    std::int64_t id;
  };
  struct Patterns {
    std::array<bool, 256> begins{};  ///< whether a pattern begins with this byte
    std::vector<Pattern> longest_first;
  };
  const Pattern* match(const Patterns& patterns, std::string_view text, std::size_t at) const;

  std::map<std::int64_t, AddedToken> by_id_;
  std::map<std::string, std::int64_t, std::less<>> by_content_;
  std::map<std::int64_t, std::string> normal_;
  std::array<Patterns, 2> patterns_;
};

}  // namespace ingot::text
