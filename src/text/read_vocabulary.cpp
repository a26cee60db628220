// Vocabularies as lines and as JSON, and the tokenizers that they alone make.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <utility>

#include "core/printable.h"
#include "io/input_file.h"
#include "text/read_tokenizer.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

/// Calls use(line, number) for the lines of a file, numbered from 1, without their ends. A mark at
/// the head of the file, which some editors put there, is left out.
template <class Use>
void for_each_line(std::string_view text, Use&& use) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line, number);
  }
}

void check_lines_utf8(std::string_view text, const std::string& name) {
  const Utf8Error error = find_utf8_error(text);
  if (!error) return;
  const auto line = 1 + std::ranges::count(text.substr(0, error.offset), '\n');
  throw IoError(fmt::format("{}:{}: byte 0x{:02x} is no UTF-8", name, line,
                            static_cast<std::uint8_t>(text[error.offset])));
}

Vocabulary read_vocab_txt(std::string_view text, const std::string& name) {
  check_lines_utf8(text, name);
  Vocabulary out;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    const auto id = static_cast<std::int64_t>(number) - 1;
    if (id >= Vocabulary::kMostIds)
      throw IoError(fmt::format("{}:{}: too many tokens", name, number));
    if (!out.add(line, id))
      throw IoError(fmt::format("{}:{}: '{}' is there already, on line {}", name, number,
                                printable(line), out.find(line) + 1));
  });
  if (out.size() == 0) throw IoError(fmt::format("{}: is empty", name));
  return out;
}

std::vector<BytePair::Merge> read_merges_txt(std::string_view text, const std::string& name,
                                             std::vector<std::size_t>& lines) {
  check_lines_utf8(text, name);
  std::vector<BytePair::Merge> out;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.starts_with("#version") || line.empty()) return;
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos)
      throw IoError(fmt::format("{}:{}: '{}' is no merge: two tokens with a space between them",
                                name, number, printable(line)));
    out.push_back({std::string(line.substr(0, space)), std::string(line.substr(space + 1))});
    lines.push_back(number);
  });
  return out;
}

/// Special tokens are found in texts where the vocabulary has them.
void add_special_tokens(Tokenizer::Parts& parts, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::int64_t id = parts.vocabulary().find(name);
    if (id < 0) continue;
    AddedToken token;
    token.id = id;
    token.content = name;
    token.special = true;
    token.lstrip = name == "<mask>";  // RoBERTa's takes the space before it
    parts.add_token(token);
  }
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw IoError(fmt::format("{}: is a folder, not a file", path.string()));
  const io::InputFile file(path);
  if (file.nbytes() > kMost)
    throw IoError(
        fmt::format("{}: {} bytes are too many for a vocabulary", path.string(), file.nbytes()));
  std::string out(static_cast<std::size_t>(file.nbytes()), '\0');
  file.read(0, out.data(), out.size());
  return out;
}

Vocabulary read_vocabulary(const JsonTree& tree, const JsonValue& object) {
  Vocabulary out;
  for (const JsonValue& entry : tree.object(object).items) {
    const std::int64_t id = tree.count(entry, Vocabulary::kMostIds - 1);
    if (out.has(id))
      tree.fail(entry, fmt::format("'{}' and '{}' both have id {}", printable(out.token(id)),
                                   printable(entry.key), id));
    // A file of a few bytes must not ask for as much memory as its largest number says.
    if (id > 64 * static_cast<std::int64_t>(object.items.size()) + 1024)
      tree.fail(entry, fmt::format("'{}' has id {}, and the vocabulary only {} tokens",
                                   printable(entry.key), id, object.items.size()));
    out.add(entry.key, id);
  }
  if (out.size() == 0) tree.fail(object, "the vocabulary is empty");
  return out;
}

void find_pad(Tokenizer::Parts& parts) {
  for (const char* name : {"[PAD]", "<pad>", "<|pad|>"}) {
    const std::int64_t id = parts.find(name);
    if (id < 0) continue;
    parts.pad = Pad{id, 0, name};
    return;
  }
}

TemplatePiece text_piece(int sequence, std::int64_t type_id) {
  TemplatePiece out;
  out.sequence = sequence;
  out.type_id = type_id;
  return out;
}

TemplatePiece special_piece(const Tokenizer::Parts& parts, const std::string& token,
                            std::int64_t type_id) {
  const std::int64_t id = parts.find(token);
  if (id < 0)
    throw ValueError(fmt::format("the special token '{}' is not in the vocabulary of {} tokens",
                                 printable(token), parts.vocabulary().size()));
  TemplatePiece out;
  out.type_id = type_id;
  out.name = token;
  out.ids = {id};
  out.tokens = {token};
  return out;
}

void set_bert_templates(Tokenizer::Parts& parts, const std::string& cls, const std::string& sep) {
  const auto special = [&](const std::string& token, std::int64_t type_id) {
    return special_piece(parts, token, type_id);
  };
  parts.templates.single = {special(cls, 0), text_piece(0, 0), special(sep, 0)};
  parts.templates.pair = {special(cls, 0), text_piece(0, 0), special(sep, 0), text_piece(1, 1),
                          special(sep, 1)};
}

void set_roberta_templates(Tokenizer::Parts& parts, const std::string& cls,
                           const std::string& sep) {
  const auto special = [&](const std::string& token) { return special_piece(parts, token, 0); };
  parts.templates.single = {special(cls), text_piece(0, 0), special(sep)};
  parts.templates.pair = {special(cls), text_piece(0, 0), special(sep),
                          special(sep), text_piece(1, 0), special(sep)};
}

std::shared_ptr<Tokenizer::Parts> make_word_piece(std::string_view vocab_txt,
                                                  const std::string& name,
                                                  const WordPieceOptions& options) {
  try {
    auto parts = std::make_shared<Tokenizer::Parts>(
        WordPiece(read_vocab_txt(vocab_txt, name), "[UNK]", "##", 100));
    parts->normalizer.emplace(NormalizerOptions{true, options.handle_chinese_chars,
                                                options.strip_accents, options.lowercase});
    add_special_tokens(*parts, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
    if (parts->find("[CLS]") >= 0 && parts->find("[SEP]") >= 0)
      set_bert_templates(*parts, "[CLS]", "[SEP]");
    parts->decoder = {DecoderKind::WordPiece, "##", true};
    find_pad(*parts);
    return parts;
  } catch (const ValueError& error) {
    throw IoError(fmt::format("{}: {}", name, error.what()));
  }
}

std::shared_ptr<Tokenizer::Parts> make_byte_level(std::string_view vocab_json,
                                                  const std::string& vocab_name,
                                                  std::string_view merges_txt,
                                                  const std::string& merges_name,
                                                  const ByteLevelOptions& options) {
  const JsonTree tree(vocab_json, vocab_name);
  Vocabulary vocabulary = read_vocabulary(tree, tree.root());
  std::vector<std::size_t> lines;
  std::vector<BytePair::Merge> merges = read_merges_txt(merges_txt, merges_name, lines);
  try {
    auto parts =
        std::make_shared<Tokenizer::Parts>(BytePair(std::move(vocabulary), std::move(merges), {}));
    parts->cut = {options.add_prefix_space, true};
    add_special_tokens(*parts, {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"});
    if (options.roberta) set_roberta_templates(*parts, "<s>", "</s>");
    parts->templates.trim_offsets = options.trim_offsets.value_or(options.roberta);
    parts->templates.add_prefix_space = options.add_prefix_space;
    parts->decoder.kind = DecoderKind::ByteLevel;
    find_pad(*parts);
    return parts;
  } catch (const MergeError& error) {
    throw IoError(fmt::format("{}:{}: {}", merges_name, lines[error.number], error.what()));
  } catch (const ValueError& error) {
    throw IoError(fmt::format("{}: {}", vocab_name, error.what()));
  }
}

}  // namespace ingot::text
