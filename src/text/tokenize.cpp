// From text to tokens: added tokens, normalization, words, pieces.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include <limits>

#include "text/parts.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

class TextTokenizer {
 public:
  TextTokenizer(const Tokenizer::Parts& parts, Scratch& scratch, Tokens& out)
      : parts_(parts), scratch_(scratch), out_(out) {}

  void run(std::string_view text) {
    const AlignedText whole = aligned(text);
    parts_.added.split(text, false, scratch_.raw_parts);
    for (const auto& part : scratch_.raw_parts) {
      const AlignedText piece = whole.part(part.begin, part.end);
      if (part.token != nullptr) {
        append(*part.token, piece, part.token->content);
      } else {
        run_between(piece);
      }
    }
  }

 private:
  /// `text` with the number of each character.
  AlignedText aligned(std::string_view text) {
    auto& origin = scratch_.origin;
    origin.clear();
    std::size_t i = 0;
    while (i < text.size() && is_ascii(text[i])) ++i;
    if (i == text.size()) return {text, nullptr, 0, false};
    origin.resize(text.size());
    std::uint32_t number = 0;
    for (i = 0; i < text.size(); ++i) {
      if (i > 0 && begins_character(text[i])) ++number;
      origin[i] = number;
    }
    return {text, origin.data(), 0, false};
  }

  void run_between(const AlignedText& piece) {
    AlignedText text = piece;
    if (parts_.normalizer)
      text = parts_.normalizer->apply(piece.text, piece.character_of(0), scratch_.normalizer);
    parts_.added.split(text.text, true, scratch_.parts);
    for (const auto& part : scratch_.parts) {
      const AlignedText inner = text.part(part.begin, part.end);
      if (part.token != nullptr) {
        append(*part.token, inner, parts_.added.normal_form(*part.token));
      } else {
        run_words(inner);
      }
    }
  }

  void run_words(const AlignedText& text) {
    if (const auto* model = std::get_if<WordPiece>(&parts_.model)) {
      for_each_bert_word(text.text, [&](std::size_t begin, std::size_t end) {
        append_word(*model, text, begin, end);
      });
      return;
    }
    const auto& model = std::get<BytePair>(parts_.model);
    const AlignedText words = with_prefix(text);
    for (std::size_t begin = 0; begin < words.text.size();) {
      const std::size_t end =
          parts_.cut.use_regex ? end_of_gpt2_word(words.text, begin) : words.text.size();
      append_word(model, words, begin, end);
      begin = end;
    }
  }

  AlignedText with_prefix(const AlignedText& text) {
    if (!parts_.cut.add_prefix_space || text.text.starts_with(' ')) return text;
    AlignedBuffer& out = scratch_.prefixed;
    out.text = ' ';
    out.text += text.text;
    if (text.origin == nullptr) return {out.text, nullptr, text.first, true};
    out.origin.assign(1, text.origin[0]);
    out.origin.insert(out.origin.end(), text.origin, text.origin + text.text.size());
    return out.view();
  }

  template <class Model>
  void append_word(const Model& model, const AlignedText& text, std::size_t begin,
                   std::size_t end) {
    const auto pieces = scratch_.words.pieces_of(
        text.text.substr(begin, end - begin),
        [&](std::string_view word, std::vector<Piece>& made) { model.append_pieces(word, made); });
    const Vocabulary& vocabulary = model.vocabulary();
    std::size_t at = begin;
    for (const Piece& piece : pieces) {
      const std::size_t behind = begin + piece.end;
      out_.list.push_back({piece.id, word_, text.span_of(at, behind), &vocabulary.token(piece.id)});
      at = behind;
    }
    ++word_;
  }

  /// A token that stood in the text as `piece`, with white space perhaps.
  void append(const AddedToken& token, const AlignedText& piece, const std::string& usual) {
    const std::string* text = &usual;
    if (piece.text != usual)
      text = out_.kept.emplace_back(std::make_unique<std::string>(piece.text)).get();
    out_.list.push_back(
        {static_cast<std::int32_t>(token.id), word_++, piece.span_of(0, piece.text.size()), text});
  }

  const Tokenizer::Parts& parts_;
  Scratch& scratch_;
  Tokens& out_;
  std::int32_t word_ = 0;
};

}  // namespace

void tokenize(const Tokenizer::Parts& parts, std::string_view text, std::string_view what,
              Scratch& scratch, Tokens& out) {
  constexpr std::size_t kLongest = std::numeric_limits<std::int32_t>::max() / 4;
  if (text.size() > kLongest)
    throw ValueError(
        fmt::format("{}: {} bytes are too many, the most are {}", what, text.size(), kLongest));
  check_utf8(text, what);
  out.clear();
  TextTokenizer(parts, scratch, out).run(text);
}

}  // namespace ingot::text
