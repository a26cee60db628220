// Encoding: what a tokenizer makes of a text (or of a pair), and batches of it as tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::text {

/// A piece of a text, in characters (Unicode code points), from `begin` up to and without `end`.
/// {0, 0} for tokens that are in no text: special tokens of a template and padding.
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

/// The tokens of a text, or of a pair of texts, with what a model needs to know of each. All lists
/// have size() elements, one for each token.
struct Encoding {
  std::vector<std::int64_t> ids;
  /// Which of the two texts a token counts to; what special tokens have, the template says.
  std::vector<std::int64_t> type_ids;
  /// 1 for tokens, 0 for padding.
  std::vector<std::int64_t> attention_mask;
  /// 1 for what the template added and for padding, 0 for what stood in the text.
  std::vector<std::int64_t> special_tokens_mask;
  /// Where a token stands in its text.
  std::vector<Span> offsets;
  /// The token as the vocabulary writes it.
  std::vector<std::string> tokens;
  /// Number of the word a token is a part of, counted in each text from 0; -1 for special tokens.
  std::vector<std::int64_t> word_ids;
  /// 0 for tokens of the first text, 1 for those of the second, -1 for special tokens.
  std::vector<std::int64_t> sequence_ids;
  /// What truncation cut off, in pieces that are encodings themselves: see EncodeOptions::stride.
  std::vector<Encoding> overflowing;

  std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }

  friend bool operator==(const Encoding&, const Encoding&) = default;
};

/// What a model takes, int64 [batch, length] each, on the cpu.
struct TokenBatch {
  Tensor input_ids;
  Tensor token_type_ids;
  Tensor attention_mask;
};

/// One row for each encoding. Throws ValueError when they differ in length (pad them) or there is
/// none.
TokenBatch to_tensors(const std::vector<Encoding>& encodings);

}  // namespace ingot::text
