// Every character there is, beside Hugging Face's normalizer and pre-tokenizers; UTF-8.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ingot/core/error.h>

#include <cstdint>
#include <string>
#include <vector>

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "unit/text/text_fixture.h"

namespace ingot::text {
namespace {

std::string fnv(std::string_view data) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : data) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", h);
}

/// The text that make_text_fixtures.py makes of 4096 characters.
std::string text_of(char32_t first) {
  std::string out;
  for (char32_t code = first; code < first + 4096; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string c;
    append_character(c, code);
    out += "a" + c + "B" + c + "\u0316\u0345" + c + " 1" + c + "2 " + c + c + "!";
  }
  return out;
}

std::string normalized(std::string_view text, const NormalizerOptions& options) {
  BertNormalizer::Buffers buffers;
  return std::string(BertNormalizer(options).apply(text, 0, buffers).text);
}

using Words = std::vector<std::pair<std::size_t, std::size_t>>;

/// "begin,end begin,end …" in characters.
std::string places(std::string_view text, const Words& words) {
  std::vector<std::size_t> character(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i)
    character[i + 1] = character[i] + (i + 1 == text.size() || begins_character(text[i + 1]));
  std::string out;
  for (const auto& [begin, end] : words)
    out += fmt::format("{}{},{}", out.empty() ? "" : " ", character[begin], character[end]);
  return out;
}

Words bert_words(std::string_view text) {
  Words out;
  for_each_bert_word(text, [&](std::size_t begin, std::size_t end) {
    out.push_back({begin, end});
  });
  return out;
}

Words gpt2_words(std::string_view text) {
  Words out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_gpt2_word(text, begin);
    out.push_back({begin, end});
    begin = end;
  }
  return out;
}

TEST(Characters, AllOfThemAreTreatedAsHuggingFaceTreatsThem) {
  const auto rows = testing::fixture("code_points.json").at("rows");
  ASSERT_EQ(rows.size(), 0x110000u / 4096);
  for (const auto& row : rows) {
    const char32_t first = row.at(0).get<std::uint32_t>();
    const std::string text = text_of(first);
    SCOPED_TRACE(fmt::format("U+{:04X} …", static_cast<std::uint32_t>(first)));
    EXPECT_EQ(fnv(normalized(text, {})), row.at(1).get<std::string>());
    EXPECT_EQ(fnv(normalized(text, {.lowercase = false})), row.at(2).get<std::string>());
    EXPECT_EQ(fnv(normalized(text, {.handle_chinese_chars = false, .strip_accents = false})),
              row.at(3).get<std::string>());
    EXPECT_EQ(fnv(places(text, bert_words(text))), row.at(4).get<std::string>());
    EXPECT_EQ(fnv(places(text, gpt2_words(text))), row.at(5).get<std::string>());
  }
}

TEST(Characters, WordsOfGpt2) {
  const auto cut = [](std::string_view text) {
    std::string out;
    for (const auto& [begin, end] : gpt2_words(text))
      out += fmt::format("{}{}", out.empty() ? "" : "|", text.substr(begin, end - begin));
    return out;
  };
  EXPECT_EQ(cut("I'll don't 'S we've'd"), "I|'ll| don|'t| '|S| we|'ve|'d");
  EXPECT_EQ(cut("  two  12ab!?  "), " | two| | 12|ab|!?|  ");
  EXPECT_EQ(cut("a\n\nb\tc \n"), "a|\n|\n|b|\t|c| \n");
  EXPECT_EQ(cut("'"), "'");
  EXPECT_EQ(cut(" 's"), " '|s");
  EXPECT_EQ(cut("it's'"), "it|'s|'");
}

TEST(Characters, MarksAreSortedAndPlacesStay) {
  BertNormalizer::Buffers buffers;
  const BertNormalizer keep({.strip_accents = true});
  // U+302E is a mark of class 224 that is no accent; U+0301, of class 230, is removed.
  const std::string text = "e\u0301\u302ex";
  const AlignedText out = keep.apply(text, 0, buffers);
  EXPECT_EQ(out.text, "e\u302ex");
  EXPECT_EQ(out.span_of(0, 1), (Span{0, 1}));
  EXPECT_EQ(out.span_of(1, 4), (Span{1, 2}));  // the first of the two marks' places
  EXPECT_EQ(out.span_of(4, 5), (Span{3, 4}));
}

TEST(Utf8, BrokenTextIsFound) {
  const auto offset = [](std::string_view text) { return find_utf8_error(text).offset; };
  constexpr auto kNone = std::string_view::npos;
  EXPECT_EQ(offset(""), kNone);
  EXPECT_EQ(offset("a\u00e9\u4f60\U0001f600"), kNone);
  EXPECT_EQ(offset("eight bytes, and then \xff"), 22u);
  EXPECT_EQ(offset("\x80"), 0u);
  EXPECT_EQ(offset("\xc0\xaf"), 0u);          // overlong
  EXPECT_EQ(offset("a\xe0\x80\x80"), 1u);     // overlong
  EXPECT_EQ(offset("\xed\xa0\x80"), 0u);      // a surrogate
  EXPECT_EQ(offset("\xf4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(offset("ab\xe4\xbd"), 2u);        // cut off
  EXPECT_EQ(find_utf8_error("ab\xe4\xbd").nbytes, 2u);
  testing::expect_error<ValueError>([] { check_utf8("ab\xff", "the text"); },
                                    {"the text", "byte 2", "0xff"});
}

TEST(Utf8, WhatIsBrokenIsReplacedAsUnicodeRecommends) {
  EXPECT_EQ(with_replacements("a\xff"
                              "b\xe4\xbd"),
            "a\ufffdb\ufffd");
  EXPECT_EQ(with_replacements("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(with_replacements("\xf0\x9f\x98z"), "\ufffdz");
}

TEST(ByteLevel, EveryByteHasACharacterOfItsOwn) {
  EXPECT_EQ(character_of_byte(' '), "Ġ");
  EXPECT_EQ(character_of_byte('a'), "a");
  EXPECT_EQ(character_of_byte(0xad), "Ń");
  std::string all, bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all += character_of_byte(static_cast<std::uint8_t>(byte));
    bytes.push_back(static_cast<char>(byte));
  }
  EXPECT_EQ(bytes_of_token(all), bytes);
  EXPECT_EQ(bytes_of_token("a b"), "a b");  // a space stands for no byte: the token itself
}

}  // namespace
}  // namespace ingot::text
