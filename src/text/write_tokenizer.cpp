// tokenizer.json, vocab.txt, vocab.json and merges.txt.
#include "text/write_tokenizer.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/atomic_file.h>

#include <nlohmann/json.hpp>

namespace ingot::text {
namespace {

using Json = nlohmann::ordered_json;

std::string quoted(const std::string& text) { return Json(text).dump(); }

/// {"token": id, …} by ids. An object of the JSON library would look every key up.
std::string vocabulary_json(const Vocabulary& vocabulary, const char* indent) {
  std::string out = "{";
  const char* separator = "\n";
  for (std::int64_t id = 0; id < vocabulary.end(); ++id) {
    if (!vocabulary.has(id)) continue;
    out += fmt::format("{}{}  {}: {}", separator, indent, quoted(vocabulary.token(id)), id);
    separator = ",\n";
  }
  return out + "\n" + indent + "}";
}

Json added_tokens_json(const AddedTokens& added) {
  Json out = Json::array();
  for (const auto& [id, token] : added.all())
    out.push_back({{"id", id},
                   {"content", token.content},
                   {"single_word", token.single_word},
                   {"lstrip", token.lstrip},
                   {"rstrip", token.rstrip},
                   {"normalized", token.normalized},
                   {"special", token.special}});
  return out;
}

Json normalizer_json(const Tokenizer::Parts& parts) {
  if (!parts.normalizer) return nullptr;
  const NormalizerOptions& options = parts.normalizer->options();
  return {{"type", "BertNormalizer"},
          {"clean_text", options.clean_text},
          {"handle_chinese_chars", options.handle_chinese_chars},
          {"strip_accents", options.strip_accents ? Json(*options.strip_accents) : Json(nullptr)},
          {"lowercase", options.lowercase}};
}

Json byte_level_json(bool add_prefix_space, bool trim_offsets, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", trim_offsets},
          {"use_regex", use_regex}};
}

Json template_json(const Template& pieces, Json& special_tokens) {
  Json out = Json::array();
  for (const TemplatePiece& piece : pieces) {
    if (piece.sequence >= 0) {
      out.push_back(
          {{"Sequence", {{"id", piece.sequence == 0 ? "A" : "B"}, {"type_id", piece.type_id}}}});
      continue;
    }
    out.push_back({{"SpecialToken", {{"id", piece.name}, {"type_id", piece.type_id}}}});
    special_tokens[piece.name] = {{"id", piece.name}, {"ids", piece.ids}, {"tokens", piece.tokens}};
  }
  return out;
}

Json post_processor_json(const Templates& templates) {
  Json special_tokens = Json::object();
  Json processing = {{"type", "TemplateProcessing"}};
  processing["single"] = template_json(templates.single, special_tokens);
  processing["pair"] = template_json(templates.pair, special_tokens);
  processing["special_tokens"] = special_tokens;
  if (!templates.trim_offsets) return processing;
  return {{"type", "Sequence"},
          {"processors",
           Json::array({byte_level_json(templates.add_prefix_space, true, true), processing})}};
}

Json decoder_json(const Decoder& decoder) {
  switch (decoder.kind) {
    case DecoderKind::Join:
      return nullptr;
    case DecoderKind::WordPiece:
      return {{"type", "WordPiece"}, {"prefix", decoder.prefix}, {"cleanup", decoder.cleanup}};
    case DecoderKind::ByteLevel:
      return byte_level_json(true, true, true);
  }
  return nullptr;
}

const char* name_of(Side side) { return side == Side::Left ? "Left" : "Right"; }

Json truncation_json(const EncodeOptions& options) {
  if (options.truncation == Truncation::None) return nullptr;
  const char* how = options.truncation == Truncation::LongestFirst ? "LongestFirst"
                    : options.truncation == Truncation::OnlyFirst  ? "OnlyFirst"
                                                                   : "OnlySecond";
  return {{"direction", name_of(options.truncation_side)},
          {"max_length", options.max_length.value_or(512)},
          {"strategy", how},
          {"stride", options.stride}};
}

Json padding_json(const Tokenizer::Parts& parts) {
  const EncodeOptions& options = parts.options;
  if (options.padding == Padding::None || !parts.pad) return nullptr;
  Json how = "BatchLongest";
  if (options.padding == Padding::MaxLength) {
    how = Json::object();
    how["Fixed"] = options.padded_length.value_or(options.max_length.value_or(512));
  }
  const std::int64_t multiple = options.pad_to_multiple_of;
  return {{"strategy", how},
          {"direction", name_of(options.padding_side)},
          {"pad_to_multiple_of", multiple > 0 ? Json(multiple) : Json(nullptr)},
          {"pad_id", parts.pad->id},
          {"pad_type_id", parts.pad->type_id},
          {"pad_token", parts.pad->token}};
}

std::string model_json(const WordPiece& model) {
  return fmt::format(
      "{{\n    \"type\": \"WordPiece\",\n    \"unk_token\": {},\n"
      "    \"continuing_subword_prefix\": {},\n    \"max_input_chars_per_word\": {},\n"
      "    \"vocab\": {}\n  }}",
      quoted(model.unknown()), quoted(model.prefix()), model.max_characters(),
      vocabulary_json(model.vocabulary(), "    "));
}

std::string model_json(const BytePair& model) {
  std::string merges = "[";
  const char* separator = "\n";
  for (const BytePair::Merge& merge : model.merges()) {
    merges += fmt::format("{}      [{}, {}]", separator, quoted(merge.left), quoted(merge.right));
    separator = ",\n";
  }
  merges += "\n    ]";
  const BytePair::Options& options = model.options();
  return fmt::format(
      "{{\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": {},\n"
      "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
      "    \"fuse_unk\": {},\n    \"byte_fallback\": false,\n    \"ignore_merges\": {},\n"
      "    \"vocab\": {},\n    \"merges\": {}\n  }}",
      options.unknown ? quoted(*options.unknown) : "null", options.fuse_unknown,
      options.ignore_merges, vocabulary_json(model.vocabulary(), "    "), merges);
}

}  // namespace

std::string write_tokenizer_json(const Tokenizer::Parts& parts) {
  const bool byte_level = std::holds_alternative<BytePair>(parts.model);
  Json head;
  head["version"] = "1.0";
  head["truncation"] = truncation_json(parts.options);
  head["padding"] = padding_json(parts);
  head["added_tokens"] = added_tokens_json(parts.added);
  head["normalizer"] = normalizer_json(parts);
  head["pre_tokenizer"] = byte_level
                              ? byte_level_json(parts.cut.add_prefix_space,
                                                parts.templates.trim_offsets, parts.cut.use_regex)
                              : Json{{"type", "BertPreTokenizer"}};
  head["post_processor"] = post_processor_json(parts.templates);
  head["decoder"] = decoder_json(parts.decoder);
  std::string out = head.dump(2);
  out.resize(out.rfind("\n}"));
  out += ",\n  \"model\": ";
  out += std::visit([](const auto& model) { return model_json(model); }, parts.model);
  return out + "\n}\n";
}

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  io::AtomicFile file(path);
  file.write(text);
  file.commit();
}

void write_vocabulary(const Tokenizer::Parts& parts, const std::filesystem::path& folder) {
  const Vocabulary& vocabulary = parts.vocabulary();
  if (const auto* model = std::get_if<BytePair>(&parts.model)) {
    std::string merges = "#version: 0.2\n";
    for (const BytePair::Merge& merge : model->merges())
      merges += merge.left + " " + merge.right + "\n";
    write_text_file(folder / "vocab.json", vocabulary_json(vocabulary, "") + "\n");
    write_text_file(folder / "merges.txt", merges);
    return;
  }
  std::string lines;
  for (std::int64_t id = 0; id < vocabulary.end(); ++id) {
    if (!vocabulary.has(id))
      throw ValueError(fmt::format("vocab.txt has a line for each id, but no token has id {}", id));
    const std::string& token = vocabulary.token(id);
    if (token.find('\n') != std::string::npos || token.ends_with('\r'))
      throw ValueError(fmt::format("vocab.txt cannot hold the token of id {}: a line break", id));
    lines += token + "\n";
  }
  write_text_file(folder / "vocab.txt", lines);
}

}  // namespace ingot::text
