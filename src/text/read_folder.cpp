// A model's folder: which files there are, and what tokenizer_config.json adds.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include "core/printable.h"
#include "text/read_tokenizer.h"

namespace ingot::text {
namespace {

/// tokenizer_config.json, or nothing.
class Config {
 public:
  explicit Config(const std::filesystem::path& path) {
    if (std::filesystem::exists(path)) tree_.emplace(read_text_file(path), path.string());
  }

  const JsonValue* find(std::string_view key) const {
    return tree_ ? tree_->find(tree_->root(), key) : nullptr;
  }
  bool boolean_or(std::string_view key, bool otherwise) const {
    const JsonValue* value = find(key);
    return value == nullptr ? otherwise : tree_->boolean(*value);
  }
  /// A token is a string, or an object whose content it is.
  std::optional<std::string> token(std::string_view key) const {
    const JsonValue* value = find(key);
    if (value == nullptr) return {};
    if (value->kind == JsonKind::Object) value = &tree_->at(*value, "content");
    return tree_->string(*value);
  }
  const JsonTree& tree() const { return *tree_; }

 private:
  std::optional<JsonTree> tree_;
};

void apply(const Config& config, Tokenizer::Parts& parts) {
  if (const JsonValue* longest = config.find("model_max_length")) {
    // "No limit" is written as 1e30.
    constexpr std::int64_t kMost = std::int64_t{1} << 28;
    if (longest->kind == JsonKind::Integer && longest->integer > 0 && longest->integer <= kMost)
      parts.model_max_length = longest->integer;
  }
  if (const auto pad = config.token("pad_token")) {
    const std::int64_t id = parts.find(*pad);
    if (id < 0)
      config.tree().fail(
          *config.find("pad_token"),
          fmt::format("the pad_token '{}' is not in the vocabulary", printable(*pad)));
    const std::int64_t type_id = parts.pad ? parts.pad->type_id : 0;
    parts.pad = Pad{id, type_id, *pad};
  }
}

}  // namespace

std::shared_ptr<const Tokenizer::Parts> read_folder(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder))
    throw IoError(fmt::format("{}: there is no such folder", folder.string()));
  const auto has = [&](const char* file) { return std::filesystem::exists(folder / file); };
  const auto name = [&](const char* file) { return (folder / file).string(); };
  const auto text = [&](const char* file) { return read_text_file(folder / file); };
  const Config config(folder / "tokenizer_config.json");
  std::shared_ptr<Tokenizer::Parts> parts;
  if (has("tokenizer.json")) {
    parts = read_tokenizer_json(text("tokenizer.json"), name("tokenizer.json"));
  } else if (has("vocab.txt")) {
    WordPieceOptions options;
    options.lowercase = config.boolean_or("do_lower_case", true);
    options.handle_chinese_chars = config.boolean_or("tokenize_chinese_chars", true);
    if (const JsonValue* strip = config.find("strip_accents"))
      options.strip_accents = config.tree().boolean(*strip);
    parts = make_word_piece(text("vocab.txt"), name("vocab.txt"), options);
  } else if (has("vocab.json") && has("merges.txt")) {
    ByteLevelOptions options;
    options.add_prefix_space = config.boolean_or("add_prefix_space", false);
    const auto kind = config.token("tokenizer_class");
    options.roberta = kind && kind->starts_with("Roberta");
    if (const JsonValue* trim = config.find("trim_offsets"))
      options.trim_offsets = config.tree().boolean(*trim);
    parts = make_byte_level(text("vocab.json"), name("vocab.json"), text("merges.txt"),
                            name("merges.txt"), options);
  } else {
    throw IoError(
        fmt::format("{}: no tokenizer here: neither tokenizer.json, nor vocab.txt, nor vocab.json "
                    "and merges.txt",
                    folder.string()));
  }
  apply(config, *parts);
  return parts;
}

}  // namespace ingot::text
