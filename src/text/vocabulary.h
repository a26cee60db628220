// Vocabulary: tokens and their ids, both ways. Ids may have gaps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/string_table.h"

namespace ingot::text {

class Vocabulary {
 public:
  static constexpr std::int32_t kNone = StringTable::kNone;
  /// Ids are below it: a damaged file must not ask for gigabytes.
  static constexpr std::int64_t kMostIds = std::int64_t{1} << 24;

  /// Enters a token that is not there yet; false when it is, or when its id has a token already.
  bool add(std::string_view token, std::int64_t id) {
    const auto place = static_cast<std::size_t>(id);
    if (place < known_.size() && known_[place]) return false;
    const auto value = static_cast<std::int32_t>(id);
    if (ids_.insert(token, value) != value) return false;
    if (place >= tokens_.size()) {
      tokens_.resize(place + 1);
      known_.resize(place + 1);
    }
    tokens_[place] = token;
    known_[place] = true;
    return true;
  }

  std::int32_t find(std::string_view token) const { return ids_.find(token); }
  /// Bytes of the longest token.
  std::size_t longest() const { return ids_.longest(); }
  bool has(std::int64_t id) const {
    return id >= 0 && id < end() && known_[static_cast<std::size_t>(id)];
  }
  /// The token of an id that has() one.
  const std::string& token(std::int64_t id) const { return tokens_[static_cast<std::size_t>(id)]; }

  /// One more than the largest id.
  std::int64_t end() const { return static_cast<std::int64_t>(tokens_.size()); }
  /// Tokens there are.
  std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }

 private:
  StringTable ids_;
  std::vector<std::string> tokens_;
  std::vector<bool> known_;
};

}  // namespace ingot::text
