// Encodings beside Hugging Face's: ids, offsets, words, masks, truncation, padding, decoded text.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

#include <string>
#include <vector>

#include "unit/text/text_fixture.h"

namespace ingot::text {
namespace {

using nlohmann::json;
using testing::expect_error;

void expect_equal(const Encoding& got, const json& wanted) {
  EXPECT_EQ(got.ids, wanted.at("ids").get<std::vector<std::int64_t>>());
  EXPECT_EQ(got.offsets, testing::spans_of(wanted.at("offsets")));
  EXPECT_EQ(got.word_ids, wanted.at("word_ids").get<std::vector<std::int64_t>>());
  if (!wanted.contains("tokens")) return;
  EXPECT_EQ(got.tokens, wanted.at("tokens").get<std::vector<std::string>>());
  const auto same = [&](const char* key, const std::vector<std::int64_t>& list) {
    EXPECT_EQ(list, wanted.at(key).get<std::vector<std::int64_t>>()) << key;
  };
  same("type_ids", got.type_ids);
  same("attention_mask", got.attention_mask);
  same("special_tokens_mask", got.special_tokens_mask);
  same("sequence_ids", got.sequence_ids);
  const json over = wanted.value("overflowing", json::array());
  ASSERT_EQ(got.overflowing.size(), over.size());
  for (std::size_t i = 0; i < over.size(); ++i) {
    SCOPED_TRACE("overflowing " + std::to_string(i));
    expect_equal(got.overflowing[i], over[i]);
  }
}

EncodeOptions options_of(const json& from) {
  EncodeOptions out;
  out.add_special_tokens = from.value("add_special_tokens", true);
  const std::string truncation = from.value("truncation", "none");
  out.truncation = truncation == "longest_first" ? Truncation::LongestFirst
                   : truncation == "only_first"  ? Truncation::OnlyFirst
                   : truncation == "only_second" ? Truncation::OnlySecond
                                                 : Truncation::None;
  const std::string padding = from.value("padding", "none");
  out.padding = padding == "longest"      ? Padding::Longest
                : padding == "max_length" ? Padding::MaxLength
                                          : Padding::None;
  if (from.contains("max_length")) out.max_length = from.at("max_length").get<std::int64_t>();
  out.stride = from.value("stride", 0);
  out.pad_to_multiple_of = from.value("pad_to_multiple_of", 0);
  const auto side = [&](const char* key) {
    return from.value(key, "right") == "left" ? Side::Left : Side::Right;
  };
  out.truncation_side = side("truncation_side");
  out.padding_side = side("padding_side");
  return out;
}

TEST(Encode, EqualsHuggingFaceInEveryCase) {
  const json cases = testing::fixture("encodings.json").at("cases");
  ASSERT_GT(cases.size(), 500u);
  for (const json& c : cases) {
    SCOPED_TRACE(c.at("tokenizer").dump() + c.at("options").dump() + c.at("first").dump() +
                 c.value("second", json()).dump());
    const Tokenizer& tokenizer = testing::fixture_tokenizer(c.at("tokenizer"));
    const EncodeOptions options = options_of(c.at("options"));
    const json& results = c.at("results");
    if (c.at("first").is_array()) {
      const auto first = c.at("first").get<std::vector<std::string>>();
      const auto got = c.contains("second")
                           ? tokenizer.encode_batch(
                                 first, c.at("second").get<std::vector<std::string>>(), options)
                           : tokenizer.encode_batch(first, options);
      ASSERT_EQ(got.size(), results.size());
      for (std::size_t i = 0; i < got.size(); ++i) expect_equal(got[i], results[i]);
      continue;
    }
    const std::string first = c.at("first");
    const Encoding got =
        c.contains("second")
            ? tokenizer.encode_pair(first, c.at("second").get<std::string>(), options)
            : tokenizer.encode(first, options);
    expect_equal(got, results.at(0));
    if (!c.contains("decoded")) continue;
    EXPECT_EQ(tokenizer.decode(got.ids, false), c.at("decoded").at(0).get<std::string>());
    EXPECT_EQ(tokenizer.decode(got.ids, true), c.at("decoded").at(1).get<std::string>());
  }
}

/// The 200 strings of transformers' fast BERT tokenizers.
void expect_bert(const std::string& kind) {
  const Tokenizer& tokenizer = testing::fixture_tokenizer("bert-base-" + kind + "-vocab.txt");
  const json strings = testing::fixture("bert-tokens-" + kind + ".json").at("strings");
  ASSERT_EQ(strings.size(), 200u);
  for (const json& s : strings) {
    SCOPED_TRACE(s.at("text").dump());
    const Encoding got =
        tokenizer.encode(s.at("text").get<std::string>(), {.add_special_tokens = false});
    EXPECT_EQ(got.ids, s.at("fast").get<std::vector<std::int64_t>>());
    EXPECT_EQ(got.offsets, testing::spans_of(s.at("offsets")));
    EXPECT_EQ(tokenizer.decode(got.ids, false), s.at("decoded").get<std::string>());
    std::vector<std::string> tokens;
    for (const std::int64_t id : got.ids) tokens.push_back(tokenizer.id_to_token(id));
    EXPECT_EQ(tokens, s.at("tokens").get<std::vector<std::string>>());
  }
}

TEST(Encode, BertCasedEqualsTransformers) { expect_bert("cased"); }
TEST(Encode, BertUncasedEqualsTransformers) { expect_bert("uncased"); }

TEST(Encode, ABatchIsWhatItsTextsAreOneByOne) {
  std::vector<std::string> texts, pairs;
  const json fixture = testing::fixture("bert-tokens-cased.json");
  for (const json& s : fixture.at("strings")) texts.push_back(s.at("text"));
  pairs.assign(texts.rbegin(), texts.rend());
  for (const char* name : {"bert-base-uncased-vocab.txt", "roberta.json"}) {
    const Tokenizer& tokenizer = testing::fixture_tokenizer(name);
    const int before = num_threads();
    set_num_threads(4);
    const auto batch = tokenizer.encode_batch(texts, pairs);
    set_num_threads(before);
    ASSERT_EQ(batch.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      EXPECT_EQ(batch[i], tokenizer.encode_pair(texts[i], pairs[i])) << texts[i];
  }
}

TEST(Encode, BatchesBecomeTensors) {
  const Tokenizer& tokenizer = testing::fixture_tokenizer("bert-base-uncased-vocab.txt");
  const auto padded =
      tokenizer.encode_batch({"hello world", "hello"}, {.padding = Padding::Longest});
  const TokenBatch batch = to_tensors(padded);
  EXPECT_EQ(batch.input_ids.shape(), (Shape{2, 4}));
  EXPECT_EQ(batch.input_ids.dtype(), DType::Int64);
  EXPECT_EQ(batch.input_ids.to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{101, 7592, 2088, 102, 101, 7592, 102, 0}));
  EXPECT_EQ(batch.attention_mask.to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(batch.token_type_ids.to_vector<std::int64_t>(), (std::vector<std::int64_t>(8, 0)));
  expect_error<ValueError>([] { to_tensors({}); }, {"no encoding"});
  expect_error<ValueError>(
      [&] {
        to_tensors(tokenizer.encode_batch({"hello world", "hello"}));
      },
      {"encoding 0", "4 tokens", "encoding 1", "3", "padding"});
}

TEST(Encode, BadTextsAndOptionsSayWhatIsWrong) {
  const Tokenizer& bert = testing::fixture_tokenizer("bert-base-uncased-vocab.txt");
  const Tokenizer& gpt2 = testing::fixture_tokenizer("gpt2.json");
  expect_error<ValueError>([&] { bert.encode("abc\xff"); },
                           {"the text", "byte 3", "0xff", "UTF-8"});
  expect_error<ValueError>([&] { bert.encode_pair("a", "\x80"); }, {"the second text", "byte 0"});
  expect_error<ValueError>([&] { bert.encode_batch({"a", "b\xc0"}); }, {"number 1", "byte 1"});
  expect_error<ValueError>(
      [&] {
        bert.encode_batch({"a", "b"}, std::vector<std::string>{"c"});
      },
      {"2 first texts", "1 second"});
  expect_error<ValueError>([&] { bert.encode("a", {.truncation = Truncation::LongestFirst}); },
                           {"max_length"});
  expect_error<ValueError>(
      [&] { bert.encode("a", {.truncation = Truncation::LongestFirst, .max_length = 1}); },
      {"max_length 1", "2 special tokens"});
  expect_error<ValueError>(
      [&] { bert.encode("a", {.truncation = Truncation::LongestFirst, .max_length = -3}); },
      {"max_length", "-3"});
  expect_error<ValueError>(
      [&] {
        bert.encode("a b c d e",
                    {.truncation = Truncation::LongestFirst, .max_length = 4, .stride = 2});
      },
      {"stride of 2", "2 tokens"});
  expect_error<ValueError>(
      [&] { bert.encode("a b", {.truncation = Truncation::OnlySecond, .max_length = 3}); },
      {"OnlySecond", "second text"});
  expect_error<ValueError>(
      [&] {
        bert.encode_pair("a b c d", "e", {.truncation = Truncation::OnlySecond, .max_length = 5});
      },
      {"3 tokens are too many", "second", "only 1"});
  expect_error<ValueError>([&] { gpt2.encode("a", {.padding = Padding::Longest}); },
                           {"no padding token"});
  expect_error<IndexError>([&] { static_cast<void>(bert.id_to_token(30522)); },
                           {"30522", "below 30522"});
  const std::vector<std::int64_t> ids{101, -1};
  expect_error<IndexError>([&] { static_cast<void>(bert.decode(ids)); }, {"-1", "30522"});
}

TEST(Encode, AfterAnErrorEverythingWorks) {
  const Tokenizer& tokenizer = testing::fixture_tokenizer("gpt2.json");
  const Encoding before = tokenizer.encode("some words, and more");
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(static_cast<void>(tokenizer.encode("words \xff")), ValueError);
  EXPECT_EQ(tokenizer.encode("some words, and more"), before);
}

}  // namespace
}  // namespace ingot::text
