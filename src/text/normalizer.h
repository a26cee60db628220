// BertNormalizer: what BERT's tokenizers do to a text before they look for words.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/aligned_text.h"

namespace ingot::text {

struct NormalizerOptions {
  /// Control characters go, and every white space becomes a space.
  bool clean_text = true;
  /// Spaces around Chinese characters.
  bool handle_chinese_chars = true;
  /// Canonical decomposition, and then without marks; as `lowercase` says unless given.
  std::optional<bool> strip_accents = {};
  bool lowercase = true;
};

class BertNormalizer {
 public:
  struct Character {
    char32_t c;
    std::uint32_t origin;
  };
  /// What one thread needs.
  struct Buffers {
    AlignedBuffer out;
    std::vector<Character> characters, before;
    std::vector<char32_t> parts;
  };

  explicit BertNormalizer(const NormalizerOptions& options);

  /// `text` normalized; its first character is number `first`. Valid until the next call with
  /// these buffers.
  AlignedText apply(std::string_view text, std::uint32_t first, Buffers& buffers) const;

  const NormalizerOptions& options() const { return options_; }

 private:
  void apply_to_any(std::string_view text, std::uint32_t first, Buffers& buffers) const;

  NormalizerOptions options_;
  /// What becomes of an ASCII character; 0 for those that are removed, and for other bytes.
  std::array<char, 256> simple_{};
};

}  // namespace ingot::text
