// Tokenizer: from text to the numbers a model takes, and back.
//
// Two kinds, told apart by their files: WordPiece (BERT, DistilBERT, MiniLM) and byte-level BPE
// (GPT-2, RoBERTa). Ids, offsets and words are those of Hugging Face's fast tokenizers. A tokenizer
// does not change once it is read: any number of threads may use one, and copies share everything.
//
// Errors: IoError, with file, line and cause, for files that cannot be read or are damaged;
// ValueError for text that is no UTF-8 and for options that contradict each other; IndexError for
// ids outside the vocabulary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/text/encode_options.h>
#include <ingot/text/encoding.h>

namespace ingot::text {

/// How BERT's tokenizers treat text, where no tokenizer.json says it.
struct WordPieceOptions {
  /// Lower case, as the "uncased" models have it.
  bool lowercase = true;
  /// Without accents; as `lowercase` says unless given.
  std::optional<bool> strip_accents = {};
  /// Chinese characters are words of their own.
  bool handle_chinese_chars = true;
};

/// How GPT-2's and RoBERTa's tokenizers treat text, where no tokenizer.json says it.
struct ByteLevelOptions {
  /// The first word is taken as if a space stood before it.
  bool add_prefix_space = false;
  /// RoBERTa's template, <s> text </s> and <s> text </s></s> pair </s>; else nothing is added.
  bool roberta = false;
  /// Offsets leave out the space that belongs to a token; as `roberta` says unless given.
  std::optional<bool> trim_offsets = {};
};

class Tokenizer {
 public:
  /// What is in a model's folder: tokenizer.json, else vocab.txt (WordPiece), else vocab.json with
  /// merges.txt (byte-level BPE). tokenizer_config.json, where there is one, tells
  /// `model_max_length`, `pad_token`, and for folders without tokenizer.json `do_lower_case`,
  /// `strip_accents`, `tokenize_chinese_chars`, `add_prefix_space`, `trim_offsets` and
  /// `tokenizer_class`.
  static Tokenizer from_pretrained(const std::filesystem::path& folder);
  /// A tokenizer.json.
  static Tokenizer from_file(const std::filesystem::path& path);
  /// The content of a tokenizer.json; `name` is what errors call it.
  static Tokenizer from_json(std::string_view json, const std::string& name = "tokenizer.json");
  /// A vocab.txt: one token a line, which has the number of its line, from 0. [UNK], [CLS], [SEP],
  /// [PAD] and [MASK] are special tokens where they are there; [UNK] must be.
  static Tokenizer word_piece(const std::filesystem::path& vocab_txt,
                              const WordPieceOptions& options = {});
  /// A vocab.json (tokens and their ids) and a merges.txt (one merge a line, the first first).
  static Tokenizer byte_level_bpe(const std::filesystem::path& vocab_json,
                                  const std::filesystem::path& merges_txt,
                                  const ByteLevelOptions& options = {});

  /// `text`, which is UTF-8, as tokens. Truncation and padding as tokenizer.json says (see
  /// options()), none where it says nothing.
  Encoding encode(std::string_view text) const;
  Encoding encode(std::string_view text, const EncodeOptions& options) const;
  /// Two texts as one encoding.
  Encoding encode_pair(std::string_view first, std::string_view second) const;
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const EncodeOptions& options) const;
  /// Many texts, on several threads; the same results as one by one, but that Padding::Longest
  /// means the longest of them. Errors name the text by its number.
  std::vector<Encoding> encode_batch(const std::vector<std::string>& texts) const;
  std::vector<Encoding> encode_batch(const std::vector<std::string>& texts,
                                     const EncodeOptions& options) const;
  /// Many pairs; ValueError unless there are as many `second` as `first`.
  std::vector<Encoding> encode_batch(const std::vector<std::string>& first,
                                     const std::vector<std::string>& second) const;
  std::vector<Encoding> encode_batch(const std::vector<std::string>& first,
                                     const std::vector<std::string>& second,
                                     const EncodeOptions& options) const;

  /// The text that ids stand for. Byte-level BPE gives back every byte (what is then no UTF-8
  /// becomes U+FFFD); WordPiece joins pieces, with a space between words.
  std::string decode(std::span<const std::int64_t> ids, bool skip_special_tokens = true) const;

  /// Ids are below it: one more than the largest one.
  std::int64_t vocab_size() const;
  std::optional<std::int64_t> token_to_id(std::string_view token) const;
  /// Throws IndexError for an id that is not in the vocabulary.
  std::string id_to_token(std::int64_t id) const;

  /// What encode() does unless it is told: truncation and padding of tokenizer.json.
  const EncodeOptions& options() const;
  /// The token that pads; none where no file names one. Padding then throws ValueError.
  std::optional<std::string> pad_token() const;
  /// The longest encoding that the model takes, if tokenizer_config.json tells it.
  std::optional<std::int64_t> model_max_length() const;

  /// A tokenizer.json that this and Hugging Face's libraries read.
  std::string to_json() const;
  /// Writes it; the file is replaced whole or not at all.
  void save(const std::filesystem::path& path) const;
  /// Writes vocab.txt, or vocab.json and merges.txt, into `folder`. vocab.txt has a line for each
  /// id: ValueError if the vocabulary has gaps or tokens with line breaks.
  void save_vocabulary(const std::filesystem::path& folder) const;

  struct Parts;  ///< defined in the library
  explicit Tokenizer(std::shared_ptr<const Parts> parts);

 private:
  std::shared_ptr<const Parts> parts_;
};

}  // namespace ingot::text
