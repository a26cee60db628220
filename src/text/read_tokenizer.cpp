// tokenizer.json, section by section.
#include "text/read_tokenizer.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <string>
#include <utility>

#include "core/printable.h"

namespace ingot::text {
namespace {

constexpr std::int64_t kMostTypes = 1 << 20;
constexpr std::int64_t kLongest = std::int64_t{1} << 28;

class TokenizerReader {
 public:
  explicit TokenizerReader(const JsonTree& tree) : tree_(tree), root_(tree.root()) {}

  std::shared_ptr<Tokenizer::Parts> read() {
    const JsonValue& model = tree_.at(root_, "model");
    auto parts = std::make_shared<Tokenizer::Parts>(read_model(model));
    parts_ = parts.get();
    if (const JsonValue* normalizer = tree_.find(root_, "normalizer")) read_normalizer(*normalizer);
    read_pre_tokenizer(tree_.at(root_, "pre_tokenizer"));
    if (const JsonValue* added = tree_.find(root_, "added_tokens"))
      for (const JsonValue& token : tree_.array(*added)) read_added_token(token);
    if (const JsonValue* post = tree_.find(root_, "post_processor")) read_post_processor(*post);
    if (const JsonValue* decoder = tree_.find(root_, "decoder")) read_decoder(*decoder);
    find_pad(*parts_);
    if (const JsonValue* truncation = tree_.find(root_, "truncation")) read_truncation(*truncation);
    if (const JsonValue* padding = tree_.find(root_, "padding")) read_padding(*padding);
    return parts;
  }

 private:
  const std::string& type_of(const JsonValue& value) const {
    return tree_.string(tree_.at(value, "type"));
  }
  [[noreturn]] void unsupported(const JsonValue& value, std::string_view what,
                                std::string_view known) const {
    tree_.fail(value, fmt::format("the {} '{}' is not supported; there are: {}", what,
                                  printable(type_of(value)), known));
  }
  /// Fields that change what a model does and that nothing here does.
  void refuse(const JsonValue& object, std::string_view key) const {
    const JsonValue* value = tree_.find(object, key);
    if (value == nullptr) return;
    const bool off = (value->kind == JsonKind::Boolean && !value->boolean) ||
                     (value->kind == JsonKind::String && value->text.empty()) ||
                     (value->kind == JsonKind::Number && value->number == 0) ||
                     (value->kind == JsonKind::Integer && value->integer == 0);
    if (!off) tree_.fail(*value, fmt::format("'{}' is not supported", key));
  }

  std::variant<WordPiece, BytePair> read_model(const JsonValue& model) const {
    const JsonValue& vocab = tree_.at(model, "vocab");
    // Files of the first versions do not name the type.
    const std::string type =
        tree_.string_or(model, "type", tree_.find(model, "merges") ? "BPE" : "WordPiece");
    if (type != "WordPiece" && type != "BPE") unsupported(model, "model", "WordPiece, BPE");
    Vocabulary vocabulary = read_vocabulary(tree_, vocab);
    try {
      if (type == "WordPiece") {
        std::int64_t longest = 100;
        if (const JsonValue* value = tree_.find(model, "max_input_chars_per_word"))
          longest = tree_.count(*value, kLongest);
        return WordPiece(std::move(vocabulary), tree_.string_or(model, "unk_token", "[UNK]"),
                         tree_.string_or(model, "continuing_subword_prefix", "##"), longest);
      }
      return read_byte_pair(model, std::move(vocabulary));
    } catch (const ValueError& error) {
      tree_.fail(vocab, error.what());
    }
  }

  BytePair read_byte_pair(const JsonValue& model, Vocabulary vocabulary) const {
    for (const char* key :
         {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"})
      refuse(model, key);
    BytePair::Options options;
    if (const JsonValue* unknown = tree_.find(model, "unk_token"))
      options.unknown = tree_.string(*unknown);
    options.fuse_unknown = tree_.boolean_or(model, "fuse_unk", false);
    options.ignore_merges = tree_.boolean_or(model, "ignore_merges", false);
    const std::vector<JsonValue>& entries = tree_.array(tree_.at(model, "merges"));
    std::vector<BytePair::Merge> merges;
    merges.reserve(entries.size());
    for (const JsonValue& entry : entries) merges.push_back(read_merge(entry));
    try {
      return BytePair(std::move(vocabulary), std::move(merges), std::move(options));
    } catch (const MergeError& error) {
      tree_.fail(entries[error.number], error.what());
    }
  }

  BytePair::Merge read_merge(const JsonValue& entry) const {
    if (entry.kind == JsonKind::Array) {
      if (entry.items.size() != 2) tree_.fail(entry, "a merge is of two tokens");
      return {tree_.string(entry.items[0]), tree_.string(entry.items[1])};
    }
    const std::string& text = tree_.string(entry);
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      tree_.fail(entry, fmt::format("'{}' is no merge: two tokens with a space between them",
                                    printable(text)));
    return {text.substr(0, space), text.substr(space + 1)};
  }

  void read_normalizer(const JsonValue& value) {
    if (type_of(value) != "BertNormalizer") unsupported(value, "normalizer", "BertNormalizer");
    NormalizerOptions options;
    options.clean_text = tree_.boolean_or(value, "clean_text", true);
    options.handle_chinese_chars = tree_.boolean_or(value, "handle_chinese_chars", true);
    options.lowercase = tree_.boolean_or(value, "lowercase", true);
    if (const JsonValue* strip = tree_.find(value, "strip_accents"))
      options.strip_accents = tree_.boolean(*strip);
    parts_->normalizer.emplace(options);
  }

  void read_pre_tokenizer(const JsonValue& value) {
    const std::string& type = type_of(value);
    const bool byte_level = std::holds_alternative<BytePair>(parts_->model);
    if (type != "BertPreTokenizer" && type != "ByteLevel")
      unsupported(value, "pre_tokenizer", "BertPreTokenizer, ByteLevel");
    if (byte_level != (type == "ByteLevel"))
      tree_.fail(value, fmt::format("the pre_tokenizer '{}' does not go with a {} model", type,
                                    byte_level ? "BPE" : "WordPiece"));
    if (!byte_level) return;
    parts_->cut.add_prefix_space = tree_.boolean_or(value, "add_prefix_space", true);
    parts_->cut.use_regex = tree_.boolean_or(value, "use_regex", true);
  }

  void read_added_token(const JsonValue& value) {
    AddedToken token;
    const JsonValue& id = tree_.at(value, "id");
    token.id = tree_.count(id, Vocabulary::kMostIds - 1);
    token.content = tree_.string(tree_.at(value, "content"));
    if (token.content.empty()) tree_.fail(value, "an added token is empty");
    token.single_word = tree_.boolean_or(value, "single_word", false);
    token.lstrip = tree_.boolean_or(value, "lstrip", false);
    token.rstrip = tree_.boolean_or(value, "rstrip", false);
    token.special = tree_.boolean_or(value, "special", false);
    token.normalized = tree_.boolean_or(value, "normalized", !token.special);
    const std::int64_t known = parts_->find(token.content);
    if (parts_->added.find(token.content) != nullptr)
      tree_.fail(value,
                 fmt::format("the added token '{}' is there twice", printable(token.content)));
    if (known >= 0 && known != token.id)
      tree_.fail(id, fmt::format("the added token '{}' has id {} here and {} in the vocabulary",
                                 printable(token.content), token.id, known));
    const std::string* other = parts_->token_of(token.id);
    if (known < 0 && other != nullptr)
      tree_.fail(id, fmt::format("the added token '{}' has id {}, which is that of '{}'",
                                 printable(token.content), token.id, printable(*other)));
    parts_->add_token(token);
  }

  // -- post_processor

  void read_post_processor(const JsonValue& value) {
    const std::string& type = type_of(value);
    if (type == "TemplateProcessing") {
      parts_->templates.single = read_template(value, "single");
      parts_->templates.pair = read_template(value, "pair");
    } else if (type == "BertProcessing") {
      set_bert_templates(*parts_, read_named(value, "cls"), read_named(value, "sep"));
    } else if (type == "RobertaProcessing") {
      set_roberta_templates(*parts_, read_named(value, "cls"), read_named(value, "sep"));
      read_trim(value);
    } else if (type == "ByteLevel") {
      read_trim(value);
    } else if (type == "Sequence") {
      for (const JsonValue& inner : tree_.array(tree_.at(value, "processors"))) {
        if (type_of(inner) == "Sequence") tree_.fail(inner, "a Sequence in a Sequence");
        read_post_processor(inner);
      }
    } else {
      unsupported(value, "post_processor",
                  "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
    }
  }

  void read_trim(const JsonValue& value) {
    parts_->templates.trim_offsets = tree_.boolean_or(value, "trim_offsets", true);
    parts_->templates.add_prefix_space = tree_.boolean_or(value, "add_prefix_space", true);
  }

  /// "cls": ["[CLS]", 101]
  std::string read_named(const JsonValue& value, std::string_view key) const {
    const JsonValue& entry = tree_.at(value, key);
    const auto& items = tree_.array(entry);
    if (items.size() != 2) tree_.fail(entry, fmt::format("'{}' is a token and its id", key));
    const std::string& token = tree_.string(items[0]);
    const std::int64_t id = tree_.count(items[1], Vocabulary::kMostIds - 1);
    check_special(items[1], token, id);
    return token;
  }

  void check_special(const JsonValue& at, const std::string& token, std::int64_t id) const {
    if (parts_->token_of(id) == nullptr)
      tree_.fail(at, fmt::format("the special token '{}' has id {}, which is outside of the "
                                 "vocabulary",
                                 printable(token), id));
    if (parts_->find(token) != id)
      tree_.fail(at, fmt::format("the special token '{}' has id {}, which is that of '{}'",
                                 printable(token), id, printable(*parts_->token_of(id))));
  }

  Template read_template(const JsonValue& value, std::string_view key) const {
    Template out;
    bool has[2] = {false, false};
    const JsonValue& list = tree_.at(value, key);
    for (const JsonValue& entry : tree_.array(list)) {
      if (const JsonValue* text = tree_.find(entry, "Sequence")) {
        const std::string& id = tree_.string(tree_.at(*text, "id"));
        if (id != "A" && id != "B")
          tree_.fail(*text, fmt::format("the sequence '{}' is neither A nor B", printable(id)));
        const int number = id == "B" ? 1 : 0;
        if (has[number]) tree_.fail(*text, fmt::format("the sequence {} is there twice", id));
        has[number] = true;
        out.push_back(text_piece(number, type_id_of(*text)));
      } else if (const JsonValue* special = tree_.find(entry, "SpecialToken")) {
        out.push_back(read_special(value, *special));
      } else {
        tree_.fail(entry, "a template is of Sequence and SpecialToken");
      }
    }
    const bool pair = key == "pair";
    if (!has[0] || has[1] != pair)
      tree_.fail(list, fmt::format("the template '{}' needs {}", key,
                                   pair ? "both sequences" : "sequence A alone"));
    return out;
  }

  std::int64_t type_id_of(const JsonValue& value) const {
    const JsonValue* type_id = tree_.find(value, "type_id");
    return type_id == nullptr ? 0 : tree_.count(*type_id, kMostTypes);
  }

  TemplatePiece read_special(const JsonValue& processor, const JsonValue& value) const {
    TemplatePiece out;
    out.type_id = type_id_of(value);
    const JsonValue& name = tree_.at(value, "id");
    out.name = tree_.string(name);
    const JsonValue* token = tree_.find(tree_.at(processor, "special_tokens"), out.name);
    if (token == nullptr)
      tree_.fail(name, fmt::format("the special token '{}' is not among the special_tokens",
                                   printable(out.name)));
    const auto& ids = tree_.array(tree_.at(*token, "ids"));
    const auto& tokens = tree_.array(tree_.at(*token, "tokens"));
    if (ids.size() != tokens.size())
      tree_.fail(*token, fmt::format("{} ids and {} tokens", ids.size(), tokens.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      out.ids.push_back(tree_.count(ids[i], Vocabulary::kMostIds - 1));
      out.tokens.push_back(tree_.string(tokens[i]));
      check_special(ids[i], out.tokens.back(), out.ids.back());
    }
    return out;
  }

  // -- decoder, truncation, padding

  void read_decoder(const JsonValue& value) {
    const std::string& type = type_of(value);
    Decoder& decoder = parts_->decoder;
    if (type == "WordPiece") {
      decoder.kind = DecoderKind::WordPiece;
      decoder.prefix = tree_.string_or(value, "prefix", "##");
      decoder.cleanup = tree_.boolean_or(value, "cleanup", true);
    } else if (type == "ByteLevel") {
      decoder.kind = DecoderKind::ByteLevel;
    } else {
      unsupported(value, "decoder", "WordPiece, ByteLevel");
    }
  }

  Side side_of(const JsonValue& object) const {
    const std::string side = tree_.string_or(object, "direction", "Right");
    if (side != "Right" && side != "Left")
      tree_.fail(object,
                 fmt::format("the direction '{}' is neither Left nor Right", printable(side)));
    return side == "Left" ? Side::Left : Side::Right;
  }

  void read_truncation(const JsonValue& value) {
    EncodeOptions& options = parts_->options;
    options.max_length = tree_.count(tree_.at(value, "max_length"), kLongest);
    if (const JsonValue* stride = tree_.find(value, "stride"))
      options.stride = tree_.count(*stride, kLongest);
    options.truncation_side = side_of(value);
    const std::string how = tree_.string_or(value, "strategy", "LongestFirst");
    if (how == "LongestFirst") {
      options.truncation = Truncation::LongestFirst;
    } else if (how == "OnlyFirst") {
      options.truncation = Truncation::OnlyFirst;
    } else if (how == "OnlySecond") {
      options.truncation = Truncation::OnlySecond;
    } else {
      tree_.fail(value,
                 fmt::format("the truncation '{}' is not supported; there are: LongestFirst, "
                             "OnlyFirst, OnlySecond",
                             printable(how)));
    }
  }

  void read_padding(const JsonValue& value) {
    EncodeOptions& options = parts_->options;
    const JsonValue& how = tree_.at(value, "strategy");
    if (how.kind == JsonKind::Object) {
      options.padding = Padding::MaxLength;
      options.padded_length = tree_.count(tree_.at(how, "Fixed"), kLongest);
    } else if (tree_.string(how) == "BatchLongest") {
      options.padding = Padding::Longest;
    } else {
      tree_.fail(how,
                 fmt::format("the padding '{}' is not supported; there are: BatchLongest, Fixed",
                             printable(how.text)));
    }
    options.padding_side = side_of(value);
    if (const JsonValue* multiple = tree_.find(value, "pad_to_multiple_of"))
      options.pad_to_multiple_of = tree_.count(*multiple, kLongest);
    Pad pad;
    pad.token = tree_.string_or(value, "pad_token", "[PAD]");
    const JsonValue* id = tree_.find(value, "pad_id");
    pad.id = id == nullptr ? 0 : tree_.count(*id, Vocabulary::kMostIds - 1);
    if (parts_->token_of(pad.id) == nullptr)
      tree_.fail(id == nullptr ? value : *id,
                 fmt::format("the padding has id {}, which is outside of the vocabulary", pad.id));
    if (const JsonValue* type_id = tree_.find(value, "pad_type_id"))
      pad.type_id = tree_.count(*type_id, kMostTypes);
    parts_->pad = pad;
  }

  const JsonTree& tree_;
  const JsonValue& root_;
  Tokenizer::Parts* parts_ = nullptr;
};

}  // namespace

std::shared_ptr<Tokenizer::Parts> read_tokenizer_json(std::string_view json,
                                                      const std::string& name) {
  const JsonTree tree(json, name);
  return TokenizerReader(tree).read();
}

}  // namespace ingot::text
