// Feeds arbitrary bytes to the readers of tokenizers and to the tokenizers. The first byte chooses:
// the rest is a tokenizer.json, a vocab.txt, a vocab.json and a merges.txt with a zero byte between
// them, or a text. Any input is a tokenizer (which can be written, read again and be used), an
// encoding that agrees with itself, or a typed error.
#include <ingot/core/error.h>
#include <ingot/text/tokenizer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/read_tokenizer.h"
#include "text/utf8.h"

namespace {

using ingot::text::Encoding;
using ingot::text::Tokenizer;

void require(bool right) {
  if (!right) std::abort();
}

void check(const Encoding& e) {
  const std::size_t n = e.ids.size();
  require(e.tokens.size() == n && e.offsets.size() == n && e.type_ids.size() == n);
  require(e.attention_mask.size() == n && e.special_tokens_mask.size() == n);
  require(e.word_ids.size() == n && e.sequence_ids.size() == n);
  for (const Encoding& piece : e.overflowing) check(piece);
}

void encode(const Tokenizer& tokenizer, std::string_view text) {
  try {
    const Encoding e = tokenizer.encode(text);
    check(e);
    static_cast<void>(tokenizer.decode(e.ids, false));
    check(tokenizer.encode_pair(
        text, text,
        {.truncation = ingot::text::Truncation::LongestFirst, .max_length = 16, .stride = 1}));
  } catch (const ingot::ValueError&) {
  }
}

void use(const Tokenizer& tokenizer) {
  encode(tokenizer, "[CLS] an\u00e9 \u4f60 <mask>'s");
  const std::string json = tokenizer.to_json();
  require(Tokenizer::from_json(json).to_json() == json);
}

/// Two small tokenizers, one of each kind.
const Tokenizer& small(bool byte_level) {
  static const Tokenizer bert(ingot::text::make_word_piece(
      "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##ab\ne\n\u4f60\n.\n", "v", {}));
  static const Tokenizer gpt2(ingot::text::make_byte_level(
      R"({"a":0,"b":1,"ab":2,"\u0120":3,"\u0120a":4,"<s>":5,"</s>":6,"aba":7,"abab":8})", "v",
      "a b\n\u0120 a\nab a\nab ab\n", "m", {.add_prefix_space = true, .roberta = true}));
  return byte_level ? gpt2 : bert;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'j':
        use(Tokenizer::from_json(rest, "f"));
        break;
      case 'v':
        use(Tokenizer(ingot::text::make_word_piece(rest, "f", {})));
        break;
      case 'm': {
        const std::size_t end = std::min(rest.find('\0'), rest.size());
        const std::string_view merges = rest.substr(std::min(end + 1, rest.size()));
        use(Tokenizer(ingot::text::make_byte_level(rest.substr(0, end), "f", merges, "m",
                                                   {.add_prefix_space = true})));
        break;
      }
      default:
        encode(small(data[0] % 2 == 0), rest);
    }
  } catch (const ingot::IoError&) {
  }
  return 0;
}
