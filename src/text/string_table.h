// StringTable: numbers of strings, for vocabularies: open addressing, one array of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::text {

/// Words of a few bytes are what is hashed: eight bytes at a time, mixed by a multiplication.
inline std::uint64_t hash_bytes(std::string_view text) {
  constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15U;
  std::uint64_t h = text.size() * kMultiplier;
  const char* at = text.data();
  std::size_t left = text.size();
  const auto mix = [&h](std::uint64_t word) {
    h = (h ^ word) * kMultiplier;
    h ^= h >> 29;
  };
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    mix(word);
  }
  if (left > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    mix(word);
  }
  return h ^ (h >> 32);
}

class StringTable {
 public:
  static constexpr std::int32_t kNone = -1;

  std::size_t size() const { return count_; }

  /// Enters `key` with `value` >= 0, or leaves what is there; returns what is there then.
  std::int32_t insert(std::string_view key, std::int32_t value) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    const std::uint64_t hash = hash_bytes(key);
    Slot& slot = slots_[place_of(key, hash)];
    if (slot.value == kNone) {
      slot = {hash, static_cast<std::uint32_t>(text_.size()),
              static_cast<std::uint32_t>(key.size()), value};
      text_ += key;
      ++count_;
      longest_ = key.size() > longest_ ? key.size() : longest_;
    }
    return slot.value;
  }

  /// The value of `key`, or kNone.
  std::int32_t find(std::string_view key) const {
    if (count_ == 0 || key.size() > longest_) return kNone;
    return slots_[place_of(key, hash_bytes(key))].value;
  }

  /// Bytes of the longest key.
  std::size_t longest() const { return longest_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t begin = 0, nbytes = 0;
    std::int32_t value = kNone;
  };

  std::size_t place_of(std::string_view key, std::uint64_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].value != kNone) {
      const Slot& slot = slots_[i];
      if (slot.hash == hash && slot.nbytes == key.size() &&
          std::memcmp(text_.data() + slot.begin, key.data(), key.size()) == 0)
        break;
      i = (i + 1) & mask;
    }
    return i;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.value == kNone) continue;
      std::size_t i = slot.hash & mask;
      while (slots_[i].value != kNone) i = (i + 1) & mask;
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string text_;
  std::size_t count_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace ingot::text
