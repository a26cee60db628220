// Reading tokenizers: tokenizer.json, vocab.txt, vocab.json with merges.txt, and model folders. All
// throw IoError, with file, line and cause.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "text/json_tree.h"
#include "text/parts.h"

namespace ingot::text {

std::string read_text_file(const std::filesystem::path& path);

std::shared_ptr<const Tokenizer::Parts> read_folder(const std::filesystem::path& folder);

std::shared_ptr<Tokenizer::Parts> read_tokenizer_json(std::string_view json,
                                                      const std::string& name);

std::shared_ptr<Tokenizer::Parts> make_word_piece(std::string_view vocab_txt,
                                                  const std::string& name,
                                                  const WordPieceOptions& options);

std::shared_ptr<Tokenizer::Parts> make_byte_level(std::string_view vocab_json,
                                                  const std::string& vocab_name,
                                                  std::string_view merges_txt,
                                                  const std::string& merges_name,
                                                  const ByteLevelOptions& options);

/// The "vocab" of vocab.json and tokenizer.json.
Vocabulary read_vocabulary(const JsonTree& tree, const JsonValue& object);

/// Takes one of the usual names, if the vocabulary has it, for the token that pads.
void find_pad(Tokenizer::Parts& parts);

/// A template of special tokens that the vocabulary has; throws ValueError for one that it has not.
TemplatePiece special_piece(const Tokenizer::Parts& parts, const std::string& token,
                            std::int64_t type_id);
TemplatePiece text_piece(int sequence, std::int64_t type_id);
/// BERT's [CLS] A [SEP] B [SEP] and RoBERTa's <s> A </s></s> B </s>.
void set_bert_templates(Tokenizer::Parts& parts, const std::string& cls, const std::string& sep);
void set_roberta_templates(Tokenizer::Parts& parts, const std::string& cls, const std::string& sep);

}  // namespace ingot::text
