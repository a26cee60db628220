// Tokenizers beside Hugging Face's on texts and vocabularies that are not in the repository, by
// their licences or sizes. By hand:
//
//   INGOT_MRPC=FOLDER        train.tsv of the Microsoft Research Paraphrase Corpus, in GLUE's form
//   INGOT_MRPC_IDS=FOLDER    mrpc-pairs-{cased,uncased}.json and gpt2-bpe.json: ids by row
//   INGOT_GPT2=FOLDER        vocab.json and merges.txt of GPT-2
//   ctest --preset release -C ByHand -R tokenizer_parity --verbose
#include <gtest/gtest.h>
#include <ingot/core/error.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unit/text/text_fixture.h"

namespace ingot::text {
namespace {

using nlohmann::json;

std::filesystem::path folder_of(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) throw ValueError(std::string(variable) + " names no folder");
  return value;
}

/// Rows of train.tsv, without the head; there is no quoting.
std::vector<std::vector<std::string>> mrpc_rows() {
  std::vector<std::vector<std::string>> rows;
  std::istringstream file(testing::file_content(folder_of("INGOT_MRPC") / "train.tsv"));
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::vector<std::string>& row = rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
  }
  return rows;
}

json ids_file(const std::string& name) {
  return json::parse(testing::file_content(folder_of("INGOT_MRPC_IDS") / name));
}

class MrpcPairs : public ::testing::TestWithParam<const char*> {};

TEST_P(MrpcPairs, EqualTransformers) {
  const std::string kind = GetParam();
  const auto rows = mrpc_rows();
  ASSERT_EQ(rows.size(), 3668u);
  const Tokenizer& tokenizer = testing::fixture_tokenizer("bert-base-" + kind + "-vocab.txt");
  const json pairs = ids_file("mrpc-pairs-" + kind + ".json").at("pairs");
  ASSERT_EQ(pairs.size(), 300u);
  std::vector<std::string> first, second;
  for (const json& pair : pairs) {
    const auto& row = rows.at(pair.at("row"));
    ASSERT_EQ(row.at(1), pair.at("id1"));
    first.push_back(row.at(3));
    second.push_back(row.at(4));
  }
  const auto got = tokenizer.encode_batch(
      first, second, {.truncation = Truncation::LongestFirst, .max_length = 128});
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].ids, pairs[i].at("ids").get<std::vector<std::int64_t>>()) << i;
    EXPECT_EQ(got[i].type_ids, pairs[i].at("types").get<std::vector<std::int64_t>>()) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Bert, MrpcPairs, ::testing::Values("cased", "uncased"));

Tokenizer gpt2() {
  const auto folder = folder_of("INGOT_GPT2");
  return Tokenizer::byte_level_bpe(folder / "vocab.json", folder / "merges.txt");
}

TEST(Gpt2, EqualsHuggingFace) {
  const Tokenizer tokenizer = gpt2();
  const json strings = ids_file("gpt2-bpe.json").at("strings");
  ASSERT_EQ(strings.size(), 200u);
  for (const json& s : strings) {
    const auto ids = tokenizer.encode(s.at("text").get<std::string>()).ids;
    EXPECT_EQ(ids, s.at("ids").get<std::vector<std::int64_t>>()) << s.at("text");
    EXPECT_EQ(tokenizer.decode(ids, false), s.at("decoded"));
  }
}

TEST(Gpt2, EqualsHuggingFaceOnMrpc) {
  const Tokenizer tokenizer = gpt2();
  const auto rows = mrpc_rows();
  for (const json& entry : ids_file("gpt2-bpe.json").at("mrpc"))
    EXPECT_EQ(tokenizer.encode(rows.at(entry.at("row")).at(3)).ids,
              entry.at("ids").get<std::vector<std::int64_t>>())
        << entry.at("row");
}

}  // namespace
}  // namespace ingot::text
