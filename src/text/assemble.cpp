// From tokens to an encoding: truncation, the template, padding.
#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>

#include "text/parts.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

struct Range {
  std::int64_t begin = 0, end = 0;
};

/// What is kept of a text, and then what is cut off, in pieces that overlap by `stride` tokens.
std::vector<Range> cut(std::int64_t size, std::int64_t most, std::int64_t stride, Side side) {
  if (size <= most) return {{0, size}};
  if (most == 0) return {{0, 0}, {0, size}};
  if (stride >= most)
    throw ValueError(
        fmt::format("encode: a stride of {} needs more than the {} tokens that max_length leaves "
                    "for the text beside special tokens and the other text",
                    stride, most));
  std::vector<Range> out;
  for (std::int64_t done = 0;; done += most - stride) {
    const std::int64_t end = std::min(done + most, size);
    out.push_back(side == Side::Right ? Range{done, end} : Range{size - end, size - done});
    if (end == size) return out;
  }
}

struct Lengths {
  std::int64_t first, second;
};

/// How many tokens stay of each text, of `most` in all.
Lengths shortened(Lengths have, bool is_pair, std::int64_t most, Truncation how) {
  const std::int64_t surplus = have.first + have.second - most;
  if (how == Truncation::None || surplus <= 0) return have;
  if (how != Truncation::LongestFirst) {
    const bool first = how == Truncation::OnlyFirst;
    if (!first && !is_pair) throw ValueError("encode: Truncation::OnlySecond needs a second text");
    std::int64_t& length = first ? have.first : have.second;
    if (length <= surplus)
      throw ValueError(fmt::format(
          "encode: {} tokens are too many, and the {} text, which is to be truncated, has only {}",
          surplus, first ? "first" : "second", length));
    length -= surplus;
    return have;
  }
  // The longer one loses until it is as long as the other one; then both share.
  const bool swapped = have.first > have.second;
  std::int64_t small = std::min(have.first, have.second);
  std::int64_t large = small > most ? small : std::max(small, most - small);
  if (small + large > most) {
    small = most / 2;
    large = small + most % 2;
  }
  if (!is_pair) return {most, 0};
  return swapped ? Lengths{large, small} : Lengths{small, large};
}

/// How many characters that stand for white space a token begins, or ends, with.
struct Blanks {
  std::int64_t before = 0, behind = 0;
};

bool is_blank(char32_t c) { return c == 0x120 || is_space(c); }  // Ġ stands for a space

Blanks blanks_of(std::string_view token) {
  Blanks out;
  for (std::size_t at = 0; at < token.size() && is_blank(next_character(token, at));) ++out.before;
  for (std::size_t end = token.size(); end > 0 && is_blank(character_before(token, end));) {
    ++out.behind;
    do --end;
    while (!begins_character(token[end]));
  }
  return out;
}

class Assembler {
 public:
  Assembler(const Templates& templates, const Tokens& first, const Tokens* second, bool special)
      : templates_(templates), texts_{&first, second}, special_(special) {}

  Encoding make(Range first, Range second) const {
    const Range ranges[2] = {first, second};
    Encoding out;
    std::int64_t size = 0;
    for (const TemplatePiece& piece : pieces())
      size += piece.sequence >= 0 ? ranges[piece.sequence].end - ranges[piece.sequence].begin
              : special_          ? static_cast<std::int64_t>(piece.ids.size())
                                  : 0;
    reserve(out, static_cast<std::size_t>(size));
    for (const TemplatePiece& piece : pieces()) {
      if (piece.sequence >= 0) {
        append_text(out, piece, ranges[piece.sequence]);
      } else if (special_) {
        append_special(out, piece);
      }
    }
    const auto n = static_cast<std::size_t>(out.size());
    out.attention_mask.assign(n, 1);
    return out;
  }

  const Template& pieces() const { return templates_.of(texts_[1] != nullptr); }

 private:
  static void reserve(Encoding& out, std::size_t size) {
    out.ids.reserve(size);
    out.type_ids.reserve(size);
    out.special_tokens_mask.reserve(size);
    out.offsets.reserve(size);
    out.tokens.reserve(size);
    out.word_ids.reserve(size);
    out.sequence_ids.reserve(size);
  }

  void append_text(Encoding& out, const TemplatePiece& piece, Range range) const {
    const auto* list = texts_[piece.sequence]->list.data();
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      const Tokens::Token& token = list[i];
      out.ids.push_back(token.id);
      out.tokens.push_back(*token.text);
      out.word_ids.push_back(token.word);
      out.offsets.push_back(templates_.trim_offsets ? trimmed(token, i == range.begin)
                                                    : token.span);
    }
    const auto n = out.ids.size();
    out.type_ids.resize(n, piece.type_id);
    out.special_tokens_mask.resize(n, 0);
    out.sequence_ids.resize(n, piece.sequence);
  }

  void append_special(Encoding& out, const TemplatePiece& piece) const {
    out.ids.insert(out.ids.end(), piece.ids.begin(), piece.ids.end());
    out.tokens.insert(out.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    const auto n = out.ids.size();
    out.type_ids.resize(n, piece.type_id);
    out.special_tokens_mask.resize(n, 1);
    out.offsets.resize(n);
    out.word_ids.resize(n, -1);
    out.sequence_ids.resize(n, -1);
  }

  /// The offsets without white space. The space that was put before the first word is in no text,
  /// so there is nothing to leave out.
  Span trimmed(const Tokens::Token& token, bool first) const {
    auto [before, behind] = blanks_of(*token.text);
    Span span = token.span;
    if (before > 0) {
      const bool put = (first || span.begin == 0) && templates_.add_prefix_space && before == 1;
      span.begin = std::min(span.begin + (put ? 0 : before), span.end);
    }
    if (behind > 0 && span.end >= behind) span.end = std::max(span.end - behind, span.begin);
    return span;
  }

  const Templates& templates_;
  const Tokens* texts_[2];
  bool special_;
};

void pad_one(Encoding& e, std::size_t length, const Pad& pad, Side side) {
  for (Encoding& other : e.overflowing) pad_one(other, length, pad, side);
  const std::size_t have = e.ids.size();
  if (have >= length) return;
  const auto fill = [&]<class T>(std::vector<T>& list, const T& value) {
    list.insert(side == Side::Left ? list.begin() : list.end(), length - have, value);
  };
  fill(e.ids, pad.id);
  fill(e.type_ids, pad.type_id);
  fill(e.attention_mask, std::int64_t{0});
  fill(e.special_tokens_mask, std::int64_t{1});
  fill(e.offsets, Span{});
  fill(e.tokens, pad.token);
  fill(e.word_ids, std::int64_t{-1});
  fill(e.sequence_ids, std::int64_t{-1});
}

std::int64_t longest_allowed(const Tokenizer::Parts& parts, const EncodeOptions& options) {
  if (options.max_length) return *options.max_length;
  if (parts.model_max_length) return *parts.model_max_length;
  throw ValueError("encode: truncation and Padding::MaxLength need a max_length");
}

std::int64_t rounded(std::int64_t length, std::int64_t multiple) {
  return multiple > 0 ? (length + multiple - 1) / multiple * multiple : length;
}

}  // namespace

void check_options(const Tokenizer::Parts& parts, const EncodeOptions& options) {
  // Encodings of this length would not fit into memory.
  constexpr std::int64_t kLongest = std::int64_t{1} << 28;
  const auto check = [&](const char* name, std::int64_t value) {
    if (value < 0 || value > kLongest)
      throw ValueError(fmt::format("encode: {} is {}: outside of 0 … {}", name, value, kLongest));
  };
  if (options.max_length) check("max_length", *options.max_length);
  if (options.padded_length) check("padded_length", *options.padded_length);
  check("stride", options.stride);
  check("pad_to_multiple_of", options.pad_to_multiple_of);
  if (options.padding != Padding::None && !parts.pad)
    throw ValueError(
        "encode: the tokenizer has no padding token: encode without padding, or name one as "
        "pad_token in tokenizer_config.json");
}

Encoding assemble(const Tokenizer::Parts& parts, const Tokens& first, const Tokens* second,
                  const EncodeOptions& options) {
  const Assembler assembler(parts.templates, first, second, options.add_special_tokens);
  const Lengths have{static_cast<std::int64_t>(first.list.size()),
                     second == nullptr ? 0 : static_cast<std::int64_t>(second->list.size())};
  if (options.truncation == Truncation::None)
    return assembler.make({0, have.first}, {0, have.second});

  std::int64_t added = 0;
  if (options.add_special_tokens)
    for (const TemplatePiece& piece : assembler.pieces())
      added += static_cast<std::int64_t>(piece.ids.size());
  const std::int64_t most = longest_allowed(parts, options) - added;
  if (most < 0)
    throw ValueError(fmt::format("encode: max_length {} is less than the {} special tokens",
                                 most + added, added));
  const Lengths stay = shortened(have, second != nullptr, most, options.truncation);
  const auto a = cut(have.first, stay.first, options.stride, options.truncation_side);
  const auto b = cut(have.second, stay.second, options.stride, options.truncation_side);
  Encoding out = assembler.make(a[0], b[0]);
  // Every piece of the text that comes first in the template with every piece of the other.
  const auto& pieces = assembler.pieces();
  const auto text = std::ranges::find_if(pieces, [](const auto& p) { return p.sequence >= 0; });
  const bool swapped = text != pieces.end() && text->sequence == 1;
  const auto &outer = swapped ? b : a, &inner = swapped ? a : b;
  const auto combine = [&](Range x, Range y) {
    out.overflowing.push_back(swapped ? assembler.make(y, x) : assembler.make(x, y));
  };
  for (std::size_t i = 1; i < outer.size(); ++i)
    for (const Range& y : inner) combine(outer[i], y);
  for (std::size_t j = 1; j < inner.size(); ++j) combine(outer[0], inner[j]);
  return out;
}

void pad_all(const Tokenizer::Parts& parts, std::span<Encoding> encodings,
             const EncodeOptions& options) {
  if (options.padding == Padding::None) return;
  std::int64_t length = 0;
  if (options.padding == Padding::MaxLength) {
    length = options.padded_length ? *options.padded_length : longest_allowed(parts, options);
  } else {
    for (const Encoding& e : encodings) length = std::max(length, e.size());
  }
  length = rounded(length, options.pad_to_multiple_of);
  for (Encoding& e : encodings)
    pad_one(e, static_cast<std::size_t>(length), *parts.pad, options.padding_side);
}

}  // namespace ingot::text
