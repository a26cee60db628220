// What a tokenizer is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <ingot/text/tokenizer.h>

#include "text/added_tokens.h"
#include "text/byte_pair.h"
#include "text/normalizer.h"
#include "text/word_cache.h"
#include "text/word_piece.h"

namespace ingot::text {

/// A place in a template: one of the two texts, or special tokens.
struct TemplatePiece {
  int sequence = -1;  ///< 0 or 1; -1 for special tokens
  std::int64_t type_id = 0;
  std::string name;  ///< of the special tokens
  std::vector<std::int64_t> ids;
  std::vector<std::string> tokens;
};

using Template = std::vector<TemplatePiece>;

/// How texts are put together.
struct Templates {
  Template single, pair;
  /// Offsets leave out white space at the ends of a token …
  bool trim_offsets = false;
  /// … but for the space that was put before the first word.
  bool add_prefix_space = false;

  const Template& of(bool is_pair) const { return is_pair ? pair : single; }
};

/// Templates that add nothing.
Templates plain_templates();

/// How byte-level text is cut.
struct ByteLevelCut {
  bool add_prefix_space = false;
  bool use_regex = true;  ///< else the whole text is one word
};

enum class DecoderKind { Join, WordPiece, ByteLevel };

struct Decoder {
  DecoderKind kind = DecoderKind::Join;
  std::string prefix = "##";
  bool cleanup = true;  ///< no spaces before punctuation
};

struct Pad {
  std::int64_t id = 0;
  std::int64_t type_id = 0;
  std::string token;
};

/// A text as tokens, before truncation and the template.
struct Tokens {
  struct Token {
    std::int32_t id;
    std::int32_t word;
    Span span;
    const std::string* text;
  };
  std::vector<Token> list;
  std::vector<std::unique_ptr<std::string>> kept;  ///< texts that are in no vocabulary

  void clear() {
    list.clear();
    kept.clear();
  }
};

/// What one thread needs while it encodes.
struct Scratch {
  BertNormalizer::Buffers normalizer;
  AlignedBuffer prefixed;
  std::vector<std::uint32_t> origin;
  std::vector<AddedTokens::Part> raw_parts, parts;
  WordCache words;
  Tokens first, second;
};

struct Tokenizer::Parts {
  std::optional<BertNormalizer> normalizer;
  std::variant<WordPiece, BytePair> model;
  ByteLevelCut cut;  ///< of byte-level models
  AddedTokens added;
  Templates templates = plain_templates();
  Decoder decoder;
  EncodeOptions options;
  std::optional<Pad> pad;
  std::optional<std::int64_t> model_max_length;

  explicit Parts(std::variant<WordPiece, BytePair> m) : model(std::move(m)) {}

  const Vocabulary& vocabulary() const {
    return std::visit([](const auto& m) -> const Vocabulary& { return m.vocabulary(); }, model);
  }
  /// Enters a token that may be in the model's vocabulary, too.
  void add_token(const AddedToken& token);
  /// The id of a token of either vocabulary, or -1.
  std::int64_t find(std::string_view token) const;
  /// The token of an id; nullptr if there is none.
  const std::string* token_of(std::int64_t id) const;
  /// One more than the largest id.
  std::int64_t end() const;

  /// Scratch is lent to one call at a time and keeps its cache of words.
  std::unique_ptr<Scratch> borrow() const;
  void give_back(std::unique_ptr<Scratch> scratch) const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_;
};

/// `text` as tokens; `what` is what errors call it.
void tokenize(const Tokenizer::Parts& parts, std::string_view text, std::string_view what,
              Scratch& scratch, Tokens& out);

/// Truncates and fills the template. `second` is nullptr for a single text.
Encoding assemble(const Tokenizer::Parts& parts, const Tokens& first, const Tokens* second,
                  const EncodeOptions& options);

/// Pads each to one length.
void pad_all(const Tokenizer::Parts& parts, std::span<Encoding> encodings,
             const EncodeOptions& options);

/// Throws ValueError for options that cannot be meant.
void check_options(const Tokenizer::Parts& parts, const EncodeOptions& options);

}  // namespace ingot::text
