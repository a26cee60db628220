// Files of tokenizers: read, written, and damaged in every way that matters.
#include <gtest/gtest.h>
#include <ingot/core/error.h>

#include <functional>
#include <string>
#include <vector>

#include "support/scratch_folder.h"
#include "unit/text/text_fixture.h"

namespace ingot::text {
namespace {

using ingot::testing::ScratchFolder;
using nlohmann::json;
using testing::expect_error;

const char* const kTexts[] = {"The quick brown fox", "na\u00efve <mask> tensor flow [!]  x", "",
                              "\u4f60\u597d, 's \U0001f600"};

void expect_same(const Tokenizer& a, const Tokenizer& b) {
  EXPECT_EQ(a.vocab_size(), b.vocab_size());
  EXPECT_EQ(a.pad_token(), b.pad_token());
  for (const char* text : kTexts) {
    EXPECT_EQ(a.encode(text), b.encode(text)) << text;
    EXPECT_EQ(a.encode_pair(text, "and more"), b.encode_pair(text, "and more")) << text;
    const auto ids = a.encode(text).ids;
    EXPECT_EQ(a.decode(ids), b.decode(ids));
    EXPECT_EQ(a.decode(ids, false), b.decode(ids, false));
  }
}

TEST(TokenizerFiles, AWrittenTokenizerIsTheSame) {
  const ScratchFolder folder;
  for (const char* name :
       {"bert-base-uncased-vocab.txt", "bert-base-cased-vocab.txt", "gpt2.json", "roberta.json"}) {
    SCOPED_TRACE(name);
    const Tokenizer& tokenizer = testing::fixture_tokenizer(name);
    tokenizer.save(folder / "tokenizer.json");
    expect_same(tokenizer, Tokenizer::from_file(folder / "tokenizer.json"));
    expect_same(tokenizer, Tokenizer::from_pretrained(folder.path()));
    expect_same(tokenizer, Tokenizer::from_json(tokenizer.to_json()));
  }
}

TEST(TokenizerFiles, TruncationAndPaddingAreWritten) {
  json file = testing::fixture("roberta.json");
  file["truncation"] = {
      {"direction", "Left"}, {"max_length", 15}, {"strategy", "OnlyFirst"}, {"stride", 1}};
  file["padding"] = {{"strategy", {{"Fixed", 18}}},
                     {"direction", "Left"},
                     {"pad_to_multiple_of", 8},
                     {"pad_id", 1},
                     {"pad_type_id", 0},
                     {"pad_token", "<pad>"}};
  const Tokenizer tokenizer = Tokenizer::from_json(file.dump());
  EXPECT_EQ(tokenizer.options().truncation, Truncation::OnlyFirst);
  EXPECT_EQ(tokenizer.options().truncation_side, Side::Left);
  EXPECT_EQ(tokenizer.encode("some words that are a few too many").size(), 24);
  expect_same(tokenizer, Tokenizer::from_json(tokenizer.to_json()));
}

TEST(TokenizerFiles, VocabularyFilesMakeTheSameTokenizer) {
  const ScratchFolder folder;
  const Tokenizer& bert = testing::fixture_tokenizer("bert-base-cased-vocab.txt");
  bert.save_vocabulary(folder.path());
  EXPECT_EQ(folder.read("vocab.txt"),
            testing::file_content(testing::fixture_path("bert-base-cased-vocab.txt")));
  folder.write("tokenizer_config.json", R"({"do_lower_case": false, "model_max_length": 512,
    "pad_token": {"content": "[PAD]"}})");
  const Tokenizer again = Tokenizer::from_pretrained(folder.path());
  expect_same(bert, again);
  EXPECT_EQ(again.model_max_length(), 512);
  EXPECT_EQ(again.encode("x", {.padding = Padding::MaxLength}).size(), 512);

  const ScratchFolder other;
  const Tokenizer& gpt2 = testing::fixture_tokenizer("gpt2.json");
  gpt2.save_vocabulary(other.path());
  expect_same(gpt2, Tokenizer::byte_level_bpe(other / "vocab.json", other / "merges.txt"));
  expect_same(gpt2, Tokenizer::from_pretrained(other.path()));
}

TEST(TokenizerFiles, RobertaFromItsVocabulary) {
  const ScratchFolder folder;
  const Tokenizer& roberta = testing::fixture_tokenizer("roberta.json");
  roberta.save_vocabulary(folder.path());
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true})");
  const Tokenizer again = Tokenizer::from_pretrained(folder.path());
  EXPECT_EQ(again.encode_pair("one two", "three"), roberta.encode_pair("one two", "three"));
  EXPECT_EQ(again.pad_token(), "<pad>");
}

TEST(TokenizerFiles, VocabTxtSaysFileLineAndCause) {
  const ScratchFolder folder;
  const auto expect = [&](const std::string& content, std::initializer_list<std::string> parts) {
    folder.write("vocab.txt", content);
    expect_error<IoError>([&] { static_cast<void>(Tokenizer::word_piece(folder / "vocab.txt")); },
                          parts);
  };
  expect("", {"vocab.txt", "is empty"});
  expect("[UNK]\na\nb\na\n", {"vocab.txt:4", "'a'", "line 2"});
  expect("[UNK]\n\xff\n", {"vocab.txt:2", "0xff", "UTF-8"});
  expect("[PAD]\na\n", {"vocab.txt", "[UNK]", "missing"});
  expect("[UNK]\n\n\n", {"vocab.txt:3", "line 2"});
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::word_piece(folder / "none.txt")); },
                        {"none.txt"});
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::word_piece(folder.path())); },
                        {"is a folder"});
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_pretrained(folder / "no")); },
                        {"no such folder"});
  const ScratchFolder nothing;
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_pretrained(nothing.path())); },
                        {"tokenizer.json", "vocab.txt", "merges.txt"});
  // Line ends of other systems and a mark at the head do no harm.
  folder.write("vocab.txt", "\xef\xbb\xbf[UNK]\r\nab\r\n##c\r\n");
  EXPECT_EQ(Tokenizer::word_piece(folder / "vocab.txt").encode("abc").ids,
            (std::vector<std::int64_t>{1, 2}));
}

TEST(TokenizerFiles, MergesSayFileLineAndCause) {
  const ScratchFolder folder;
  const auto expect = [&](const std::string& vocab, const std::string& merges,
                          std::initializer_list<std::string> parts) {
    folder.write("vocab.json", vocab);
    folder.write("merges.txt", merges);
    expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_pretrained(folder.path())); },
                          parts);
  };
  const std::string vocab = R"({"a": 0, "b": 1, "ab": 2})";
  expect(vocab, "#version: 0.2\na b\nab\n", {"merges.txt:3", "'ab'", "no merge"});
  expect(vocab, "#version: 0.2\na b c\n", {"merges.txt:2", "'a b c'"});
  expect(vocab, "a b\nb a\n", {"merges.txt:2", "'b a'", "'ba'", "not in the vocabulary"});
  expect(vocab, "a b\n\na b\n", {"merges.txt:3", "'a b'", "twice"});
  expect(vocab, "a b\n\x80 b\n", {"merges.txt:2", "UTF-8"});
  expect("{\"a\": 0,\n \"a\": 1}", "", {"vocab.json:2", "'a'", "twice"});
  expect("{\"a\": 0,\n \"b\": 0}", "", {"vocab.json:2", "'a'", "'b'", "id 0"});
  expect("{\"a\": -1}", "", {"vocab.json:1", "-1"});
  expect("{\"a\": 99999999999}", "", {"vocab.json:1", "99999999999"});
  expect("{\"a\": 9999999}", "", {"vocab.json:1", "9999999", "only 1 tokens"});
  expect("{\"a\": \"b\"}", "", {"vocab.json:1", "'a'", "a string"});
  expect("[]", "", {"vocab.json:1", "a list", "an object"});
  expect("{\"a\": 0", "", {"vocab.json:1", "no JSON"});
  expect("", "", {"vocab.json:1", "no JSON"});
}

/// tokenizer.json of roberta.json with a change, in lines.
std::string changed(const std::function<void(json&)>& change) {
  json file = testing::fixture("roberta.json");
  change(file);
  return file.dump(1);
}

TEST(TokenizerFiles, TokenizerJsonSaysFileLineAndCause) {
  const auto expect = [](const std::function<void(json&)>& change,
                         std::initializer_list<std::string> parts) {
    const std::string text = changed(change);
    expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_json(text, "t.json")); }, parts);
  };
  expect([](json& f) { f.erase("model"); }, {"t.json:", "'model'", "missing"});
  expect([](json& f) { f["model"]["type"] = "Unigram"; },
         {"t.json:", "'Unigram'", "WordPiece, BPE"});
  expect([](json& f) { f["model"].erase("vocab"); }, {"'vocab'", "missing", "'model'"});
  expect([](json& f) { f["model"]["dropout"] = 0.1; }, {"'dropout'", "not supported"});
  expect([](json& f) { f["model"]["unk_token"] = "<none>"; }, {"'<none>'", "missing"});
  expect(
      [](json& f) {
        f["model"]["merges"].push_back({"q", "zz"});
      },
      {"t.json:", "'q zz'", "not in the vocabulary"});
  expect([](json& f) { f["model"]["merges"].push_back({"q"}); }, {"a merge is of two tokens"});
  expect([](json& f) { f["model"]["merges"].push_back(3); }, {"a whole number", "a string"});
  expect([](json& f) { f["normalizer"] = {{"type", "Odd"}}; }, {"'Odd'", "BertNormalizer"});
  expect([](json& f) { f["pre_tokenizer"]["type"] = "BertPreTokenizer"; }, {"does not go with"});
  expect([](json& f) { f["pre_tokenizer"] = nullptr; }, {"'pre_tokenizer'", "missing"});
  expect(
      [](json& f) {
        f["post_processor"]["cls"] = {"<s>", 40000};
      },
      {"'<s>'", "40000", "outside of the vocabulary"});
  expect([](json& f) { f["post_processor"]["cls"] = {"<s>", 5}; }, {"'<s>'", "id 5"});
  expect([](json& f) { f["post_processor"]["sep"] = "</s>"; }, {"'sep'", "a string", "a list"});
  expect([](json& f) { f["decoder"]["type"] = "CTC"; }, {"'CTC'", "WordPiece, ByteLevel"});
  expect([](json& f) { f["added_tokens"][0]["id"] = 7; }, {"'<s>'", "7", "0"});
  expect([](json& f) { f["added_tokens"].push_back(f["added_tokens"][0]); }, {"'<s>'", "twice"});
  expect([](json& f) { f["added_tokens"][5]["id"] = 9; }, {"id 9", "which is that of"});
  expect([](json& f) { f["added_tokens"][0]["content"] = ""; }, {"empty"});
  expect([](json& f) { f["truncation"] = {{"max_length", -1}}; }, {"'max_length'", "-1"});
  expect([](json& f) { f["padding"] = {{"strategy", "Odd"}}; }, {"'Odd'", "BatchLongest"});
  expect(
      [](json& f) {
        f["padding"] = {{"strategy", "BatchLongest"}, {"pad_id", 40000}, {"pad_token", "<pad>"}};
      },
      {"40000", "outside of the vocabulary"});
}

TEST(TokenizerFiles, TemplatesSayFileLineAndCause) {
  const json good = json::parse(
      Tokenizer::from_json(testing::fixture_tokenizer("bert-base-cased-vocab.txt").to_json())
          .to_json());
  const auto expect = [&](const std::function<void(json&)>& change,
                          std::initializer_list<std::string> parts) {
    json file = good;
    change(file["post_processor"]);
    expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_json(file.dump(1), "t.json")); },
                          parts);
  };
  expect([](json& p) { p["special_tokens"].erase("[SEP]"); }, {"t.json:", "'[SEP]'", "not among"});
  expect([](json& p) { p["special_tokens"]["[SEP]"]["ids"] = {99999}; }, {"'[SEP]'", "99999"});
  expect([](json& p) { p["special_tokens"]["[SEP]"]["ids"] = json::array(); },
         {"0 ids", "1 tokens"});
  expect([](json& p) { p["single"][1]["Sequence"]["id"] = "C"; }, {"'C'", "neither A nor B"});
  expect([](json& p) { p["single"].erase(1); }, {"'single'", "sequence A"});
  expect([](json& p) { p["pair"].erase(3); }, {"'pair'", "both sequences"});
  expect([](json& p) { p["pair"][3] = p["pair"][1]; }, {"the sequence A is there twice"});
  expect([](json& p) { p["single"][0] = {{"Odd", 1}}; }, {"Sequence and SpecialToken"});
}

TEST(TokenizerFiles, LinesAreThoseOfTheFault) {
  const std::string text =
      "{\n\"model\": {\"type\": \"WordPiece\",\n \"vocab\": {\n"
      "  \"[UNK]\": 0,\n  \"a\": 0\n }}}\n";
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_json(text, "t.json")); },
                        {"t.json:5: '[UNK]' and 'a' both have id 0"});
  expect_error<IoError>(
      [&] { static_cast<void>(Tokenizer::from_json("{\n\n \"a\": tru }", "t.json")); },
      {"t.json:3: is no JSON"});
  expect_error<IoError>(
      [&] { static_cast<void>(Tokenizer::from_json("{\n\"a\": \"\xff\"}", "t.json")); },
      {"t.json:2", "UTF-8"});
  const std::string deep(100000, '[');
  expect_error<IoError>([&] { static_cast<void>(Tokenizer::from_json(deep, "t.json")); },
                        {"t.json:1", "nested too deeply"});
}

TEST(TokenizerFiles, EveryTruncationOfAFileIsAnError) {
  const std::string whole =
      Tokenizer::from_json(
          R"({"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1}},
      "added_tokens": [{"id": 2, "content": "<x>"}], "pre_tokenizer": {"type": "BertPreTokenizer"}})")
          .to_json();
  for (std::size_t size = 0; size + 2 < whole.size(); ++size)
    EXPECT_THROW(static_cast<void>(Tokenizer::from_json(whole.substr(0, size))), IoError) << size;
  EXPECT_EQ(Tokenizer::from_json(whole).encode("a<x>b").ids, (std::vector<std::int64_t>{1, 2, 0}));
}

TEST(TokenizerFiles, AVocabularyWithGapsHasNoVocabTxt) {
  const ScratchFolder folder;
  const Tokenizer tokenizer = Tokenizer::from_json(
      R"({"model": {"vocab": {"[UNK]": 0, "a": 2}}, "pre_tokenizer": {"type": "BertPreTokenizer"}})");
  expect_error<ValueError>([&] { tokenizer.save_vocabulary(folder.path()); },
                           {"no token has id 1"});
  expect_error<IndexError>([&] { static_cast<void>(tokenizer.id_to_token(1)); }, {"id 1"});
}

TEST(TokenizerFiles, BytesWithoutATokenAreAnErrorOrUnknown) {
  const std::string head = R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "model": {"type": "BPE", "merges": ["a b"], "vocab": {"a": 0, "b": 1, "ab": 2, "<u>": 3})";
  expect_error<ValueError>([&] { Tokenizer::from_json(head + "}}").encode("abx"); },
                           {"'x'", "0x78", "unknown"});
  const Tokenizer unknown = Tokenizer::from_json(head + R"(, "unk_token": "<u>"}})");
  EXPECT_EQ(unknown.encode("abxxab").ids, (std::vector<std::int64_t>{2, 3, 3, 2}));
  const Tokenizer fused =
      Tokenizer::from_json(head + R"(, "unk_token": "<u>", "fuse_unk": true}})");
  EXPECT_EQ(fused.encode("abxxab").ids, (std::vector<std::int64_t>{2, 3, 2}));
  EXPECT_EQ(fused.encode("abxxab").offsets, (std::vector<Span>{{0, 2}, {2, 4}, {4, 6}}));
}

}  // namespace
}  // namespace ingot::text
