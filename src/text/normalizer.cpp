#include "text/normalizer.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

using Character = BertNormalizer::Character;

/// Canonical decomposition and order. Marks may change places; the places in the original stay:
/// the n-th of the original's characters, in the new order, has the n-th place.
void decompose_all(BertNormalizer::Buffers& buffers) {
  auto& out = buffers.characters;
  auto& in = buffers.before;
  in.swap(out);
  out.clear();
  // While marks are sorted, `origin` says whether a character begins a decomposition.
  constexpr std::uint32_t kBegins = 1, kContinues = 0;
  struct Run {
    std::size_t begin = 0;
    bool disordered = false;
    int last = 0;
  } run;
  const auto sort_run = [&] {
    if (run.disordered)
      std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(run.begin), out.end(),
                       [](const Character& a, const Character& b) {
                         return combining_class(a.c) < combining_class(b.c);
                       });
  };
  for (const Character& character : in) {
    buffers.parts.clear();
    decompose(character.c, buffers.parts);
    for (std::size_t i = 0; i < buffers.parts.size(); ++i) {
      const int order = combining_class(buffers.parts[i]);
      if (order == 0) {
        sort_run();
        run = {out.size() + 1, false, 0};
      } else {
        run.disordered = run.disordered || order < run.last;
        run.last = order;
      }
      out.push_back({buffers.parts[i], i == 0 ? kBegins : kContinues});
    }
  }
  sort_run();
  std::size_t next = 0;
  for (Character& character : out) {
    next += character.origin;
    character.origin = in[next == 0 ? 0 : next - 1].origin;
  }
}

}  // namespace

BertNormalizer::BertNormalizer(const NormalizerOptions& options) : options_(options) {
  for (std::size_t i = 1; i < 0x80; ++i) {
    const auto c = static_cast<char32_t>(i);
    const bool blank = c == '\t' || c == '\n' || c == '\r';
    const bool control = c < 0x20 || c == 0x7f;
    if (options.clean_text && control && !blank) continue;
    simple_[i] = static_cast<char>(options.clean_text && blank ? U' '
                                   : options.lowercase         ? lowercase_of(c)
                                                               : c);
  }
}

AlignedText BertNormalizer::apply(std::string_view text, std::uint32_t first,
                                  Buffers& buffers) const {
  std::string& out = buffers.out.text;
  out.resize(text.size());
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = simple_[static_cast<std::uint8_t>(text[i])];
    if (c == '\0') break;
    out[i] = c;
  }
  if (i == text.size()) return {out, nullptr, first, false};
  apply_to_any(text, first, buffers);
  return buffers.out.view();
}

void BertNormalizer::apply_to_any(std::string_view text, std::uint32_t first,
                                  Buffers& buffers) const {
  auto& characters = buffers.characters;
  characters.clear();
  std::uint32_t number = first;
  for (std::size_t at = 0; at < text.size(); ++number) {
    char32_t c = next_character(text, at);
    const std::uint8_t classes = character_classes(c);
    if (options_.clean_text) {
      if (c == 0 || c == 0xfffd || (classes & kControl) != 0) continue;
      if ((classes & kSpace) != 0) c = U' ';
    }
    if (options_.handle_chinese_chars && (classes & kChinese) != 0) {
      characters.push_back({U' ', number});
      characters.push_back({c, number});
      c = U' ';
    }
    characters.push_back({c, number});
  }
  const bool strip = options_.strip_accents.value_or(options_.lowercase);
  if (strip) {
    decompose_all(buffers);
    std::erase_if(characters, [](const Character& character) {
      return (character_classes(character.c) & kAccent) != 0;
    });
  }
  AlignedBuffer& out = buffers.out;
  out.clear();
  for (const auto& [c, origin] : characters) {
    if (options_.lowercase && c == kCapitalIWithDot) {
      out.text += "i\u0307";
    } else {
      append_character(out.text, options_.lowercase ? lowercase_of(c) : c);
    }
    out.origin.resize(out.text.size(), origin);
  }
}

}  // namespace ingot::text
