#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/parallel.h>
#include <ingot/text/tokenizer.h>

#include <utility>

#include "text/decode.h"
#include "text/parts.h"
#include "text/read_tokenizer.h"
#include "text/write_tokenizer.h"

namespace ingot::text {
namespace {

/// Scratch for one call.
class Borrowed {
 public:
  explicit Borrowed(const Tokenizer::Parts& parts) : parts_(parts), scratch_(parts.borrow()) {}
  ~Borrowed() { parts_.give_back(std::move(scratch_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  const Tokenizer::Parts& parts_;
  std::unique_ptr<Scratch> scratch_;
};

struct Names {
  std::string_view first, second;
};

Encoding encode_one(const Tokenizer::Parts& parts, std::string_view first,
                    const std::string_view* second, const EncodeOptions& options, Scratch& scratch,
                    const Names& names) {
  tokenize(parts, first, names.first, scratch, scratch.first);
  if (second != nullptr) tokenize(parts, *second, names.second, scratch, scratch.second);
  return assemble(parts, scratch.first, second == nullptr ? nullptr : &scratch.second, options);
}

Encoding encode_alone(const Tokenizer::Parts& parts, std::string_view first,
                      const std::string_view* second, const EncodeOptions& options) {
  check_options(parts, options);
  Borrowed scratch(parts);
  Encoding out = encode_one(parts, first, second, options, *scratch,
                            {second == nullptr ? "encode: the text" : "encode: the first text",
                             "encode: the second text"});
  pad_all(parts, {&out, 1}, options);
  return out;
}

std::vector<Encoding> encode_many(const Tokenizer::Parts& parts,
                                  const std::vector<std::string>& first,
                                  const std::vector<std::string>* second,
                                  const EncodeOptions& options) {
  check_options(parts, options);
  // Texts are short, and a thread costs what a dozen of them take.
  constexpr std::int64_t kGrain = 16;
  std::vector<Encoding> out(first.size());
  parallel_for(0, static_cast<std::int64_t>(first.size()), kGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 Borrowed scratch(parts);
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto at = static_cast<std::size_t>(i);
                   const auto pair =
                       second != nullptr ? std::string_view((*second)[at]) : std::string_view();
                   try {
                     out[at] = encode_one(parts, first[at], second != nullptr ? &pair : nullptr,
                                          options, *scratch, {"the text", "the second text"});
                   } catch (const ValueError& error) {
                     throw ValueError(fmt::format("encode_batch, number {}: {}", i, error.what()));
                   }
                 }
               });
  pad_all(parts, out, options);
  return out;
}

void check_sizes(const std::vector<std::string>& first, const std::vector<std::string>& second) {
  if (first.size() != second.size())
    throw ValueError(fmt::format("encode_batch: {} first texts, but {} second ones", first.size(),
                                 second.size()));
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

Tokenizer Tokenizer::from_pretrained(const std::filesystem::path& folder) {
  return Tokenizer(read_folder(folder));
}
Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  return Tokenizer(read_tokenizer_json(read_text_file(path), path.string()));
}
Tokenizer Tokenizer::from_json(std::string_view json, const std::string& name) {
  return Tokenizer(read_tokenizer_json(json, name));
}
Tokenizer Tokenizer::word_piece(const std::filesystem::path& vocab_txt,
                                const WordPieceOptions& options) {
  return Tokenizer(make_word_piece(read_text_file(vocab_txt), vocab_txt.string(), options));
}
Tokenizer Tokenizer::byte_level_bpe(const std::filesystem::path& vocab_json,
                                    const std::filesystem::path& merges_txt,
                                    const ByteLevelOptions& options) {
  return Tokenizer(make_byte_level(read_text_file(vocab_json), vocab_json.string(),
                                   read_text_file(merges_txt), merges_txt.string(), options));
}

Encoding Tokenizer::encode(std::string_view text) const { return encode(text, parts_->options); }
Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return encode_alone(*parts_, text, nullptr, options);
}
Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second) const {
  return encode_pair(first, second, parts_->options);
}
Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const EncodeOptions& options) const {
  return encode_alone(*parts_, first, &second, options);
}

std::vector<Encoding> Tokenizer::encode_batch(const std::vector<std::string>& texts) const {
  return encode_batch(texts, parts_->options);
}
std::vector<Encoding> Tokenizer::encode_batch(const std::vector<std::string>& texts,
                                              const EncodeOptions& options) const {
  return encode_many(*parts_, texts, nullptr, options);
}
std::vector<Encoding> Tokenizer::encode_batch(const std::vector<std::string>& first,
                                              const std::vector<std::string>& second) const {
  return encode_batch(first, second, parts_->options);
}
std::vector<Encoding> Tokenizer::encode_batch(const std::vector<std::string>& first,
                                              const std::vector<std::string>& second,
                                              const EncodeOptions& options) const {
  check_sizes(first, second);
  return encode_many(*parts_, first, &second, options);
}

std::string Tokenizer::decode(std::span<const std::int64_t> ids, bool skip_special_tokens) const {
  std::vector<std::string_view> tokens;
  tokens.reserve(ids.size());
  for (const std::int64_t id : ids) {
    const AddedToken* added = parts_->added.find(id);
    if (added == nullptr) {
      if (!parts_->vocabulary().has(id)) static_cast<void>(id_to_token(id));  // throws
      tokens.push_back(parts_->vocabulary().token(id));
    } else if (!(added->special && skip_special_tokens)) {
      tokens.push_back(parts_->added.normal_form(*added));
    }
  }
  return decode_tokens(parts_->decoder, tokens);
}

std::int64_t Tokenizer::vocab_size() const { return parts_->end(); }

std::optional<std::int64_t> Tokenizer::token_to_id(std::string_view token) const {
  const std::int64_t id = parts_->find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::string Tokenizer::id_to_token(std::int64_t id) const {
  if (const std::string* token = parts_->token_of(id)) return *token;
  throw IndexError(
      fmt::format("id {} is not in the vocabulary, whose ids are below {}", id, parts_->end()));
}

const EncodeOptions& Tokenizer::options() const { return parts_->options; }

std::optional<std::string> Tokenizer::pad_token() const {
  return parts_->pad ? std::optional(parts_->pad->token) : std::nullopt;
}

std::optional<std::int64_t> Tokenizer::model_max_length() const { return parts_->model_max_length; }

std::string Tokenizer::to_json() const { return write_tokenizer_json(*parts_); }
void Tokenizer::save(const std::filesystem::path& path) const { write_text_file(path, to_json()); }
void Tokenizer::save_vocabulary(const std::filesystem::path& folder) const {
  write_vocabulary(*parts_, folder);
}

}  // namespace ingot::text
