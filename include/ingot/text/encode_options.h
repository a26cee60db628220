// How texts are encoded: special tokens, truncation, padding.
#pragma once

#include <cstdint>
#include <optional>

namespace ingot::text {

enum class Truncation {
  None,
  LongestFirst,  ///< tokens go from the longer of the two texts until both are of one length
  OnlyFirst,     ///< tokens go from the first text alone
  OnlySecond,    ///< tokens go from the second text alone
};

enum class Padding {
  None,
  Longest,    ///< to the longest encoding of the batch
  MaxLength,  ///< to EncodeOptions::max_length
};

enum class Side { Left, Right };

struct EncodeOptions {
  /// Whether what the template adds ([CLS], [SEP], <s>, …) is added.
  bool add_special_tokens = true;

  Truncation truncation = Truncation::None;
  /// Tokens of an encoding at most, special tokens included; what Padding::MaxLength pads to.
  /// Without it, Tokenizer::model_max_length().
  std::optional<std::int64_t> max_length = {};
  /// Tokens by which a piece of Encoding::overflowing overlaps the one before.
  std::int64_t stride = 0;
  /// The end at which tokens are cut off.
  Side truncation_side = Side::Right;

  Padding padding = Padding::None;
  /// What an encoding is padded to; Padding::MaxLength means max_length without it.
  std::optional<std::int64_t> padded_length = {};
  /// The padded length is rounded up to a multiple of this; 0 for as it is.
  std::int64_t pad_to_multiple_of = 0;
  /// The end at which padding is added.
  Side padding_side = Side::Right;
};

}  // namespace ingot::text
