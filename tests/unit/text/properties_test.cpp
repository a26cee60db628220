// What holds for every text.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "text/utf8.h"
#include "unit/text/text_fixture.h"

namespace ingot::text {
namespace {

/// Texts of all scripts: ASCII more often than the rest, and the tokenizers' own tokens.
std::string any_text() {
  const auto count = *rc::gen::inRange<int>(0, 40);
  std::string out;
  for (int i = 0; i < count; ++i) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        append_character(out, static_cast<char32_t>(*rc::gen::inRange(0x80, 0x3000)));
        break;
      case 1:
        append_character(out, static_cast<char32_t>(*rc::gen::inRange(0x300, 0x370)));
        break;
      case 2:
        append_character(out, static_cast<char32_t>(*rc::gen::inRange(0x10000, 0x110000)));
        break;
      case 3:
        out += *rc::gen::element<std::string>(" ", "  ", "\n", "'s", "[MASK]", "<mask>", "\u4f60");
        break;
      default:
        append_character(out, static_cast<char32_t>(*rc::gen::inRange(0x20, 0x7f)));
    }
  }
  return out;
}

std::int64_t characters_of(const std::string& text) {
  return std::ranges::count_if(text, begins_character);
}

const char* any_tokenizer() {
  return *rc::gen::element("gpt2.json", "roberta.json", "bert-base-cased-vocab.txt",
                           "bert-base-uncased-vocab.txt");
}

RC_GTEST_PROP(TokenizerProperty, ByteLevelGivesBackEveryByte, ()) {
  const std::string text = any_text();
  const Tokenizer& tokenizer = testing::fixture_tokenizer("gpt2.json");
  RC_ASSERT(tokenizer.decode(tokenizer.encode(text).ids, false) == text);
}

RC_GTEST_PROP(TokenizerProperty, OffsetsLieInTheTextInItsOrder, ()) {
  const std::string text = any_text();
  const std::string name = any_tokenizer();
  const Encoding e = testing::fixture_tokenizer(name).encode(text, {.add_special_tokens = false});
  // Of a character that is several tokens, trimming moves the first one's begin alone.
  const bool trims = name == "roberta.json";
  std::int64_t begin = 0, end = 0, word = -1;
  for (std::size_t i = 0; i < e.ids.size(); ++i) {
    RC_ASSERT(e.offsets[i].begin >= (trims ? 0 : begin));
    RC_ASSERT(e.offsets[i].end >= e.offsets[i].begin);
    RC_ASSERT(e.offsets[i].end >= (trims ? 0 : end));
    RC_ASSERT(e.offsets[i].end <= characters_of(text));
    RC_ASSERT(e.word_ids[i] >= word);
    begin = e.offsets[i].begin;
    end = e.offsets[i].end;
    word = e.word_ids[i];
  }
}

RC_GTEST_PROP(TokenizerProperty, AllListsAreAsLong, ()) {
  EncodeOptions options;
  options.truncation = Truncation::LongestFirst;
  options.max_length = *rc::gen::inRange(4, 30);
  options.stride = 0;
  const Tokenizer& tokenizer = testing::fixture_tokenizer(any_tokenizer());
  if (tokenizer.pad_token()) options.padding = Padding::MaxLength;
  const Encoding e = tokenizer.encode_pair(any_text(), any_text(), options);
  const std::size_t n = e.ids.size();
  RC_ASSERT(static_cast<std::int64_t>(n) <= *options.max_length);
  if (tokenizer.pad_token()) RC_ASSERT(static_cast<std::int64_t>(n) == *options.max_length);
  for (const auto* list :
       {&e.type_ids, &e.attention_mask, &e.special_tokens_mask, &e.word_ids, &e.sequence_ids})
    RC_ASSERT(list->size() == n);
  RC_ASSERT(e.offsets.size() == n);
  RC_ASSERT(e.tokens.size() == n);
  for (const std::int64_t id : e.ids) RC_ASSERT(id >= 0 && id < tokenizer.vocab_size());
}

RC_GTEST_PROP(TokenizerProperty, WhatIsCutOffIsTheRest, ()) {
  const Tokenizer& tokenizer = testing::fixture_tokenizer(any_tokenizer());
  const std::string text = any_text();
  EncodeOptions options{.add_special_tokens = false};
  const Encoding whole = tokenizer.encode(text, options);
  options.truncation = Truncation::LongestFirst;
  options.max_length = *rc::gen::inRange(1, 12);
  options.stride = *rc::gen::inRange<std::int64_t>(0, *options.max_length);
  const Encoding cut = tokenizer.encode(text, options);
  std::vector<std::int64_t> again = cut.ids;
  for (const Encoding& piece : cut.overflowing) {
    RC_ASSERT(piece.size() > options.stride);
    again.insert(again.end(), piece.ids.begin() + options.stride, piece.ids.end());
  }
  RC_ASSERT(again == whole.ids);
}

RC_GTEST_PROP(TokenizerProperty, FirstAndLaterTimesAreTheSame, ()) {
  // Words come from the cache the second time.
  const Tokenizer& tokenizer = testing::fixture_tokenizer(any_tokenizer());
  const std::string text = any_text();
  RC_ASSERT(tokenizer.encode(text) == tokenizer.encode(text));
}

}  // namespace
}  // namespace ingot::text
