// Tokenizers and fixtures of tests/fixtures/text.
#pragma once

#include <ingot/text/tokenizer.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "support/expect.h"
#include "support/source_dir.h"

namespace ingot::text::testing {

inline std::filesystem::path fixture_path(const std::string& file) {
  return std::filesystem::path(ingot::testing::source_dir()) / "tests/fixtures/text" / file;
}

inline std::string file_content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline nlohmann::json fixture(const std::string& file) {
  return nlohmann::json::parse(file_content(fixture_path(file)));
}

/// A tokenizer of the fixtures, read once.
inline const Tokenizer& fixture_tokenizer(const std::string& file) {
  static std::map<std::string, Tokenizer> known;
  const auto at = known.find(file);
  if (at != known.end()) return at->second;
  const bool lines = file.ends_with(".txt");
  return known
      .emplace(file, lines ? Tokenizer::word_piece(
                                 fixture_path(file),
                                 {.lowercase = file.find("uncased") != std::string::npos})
                           : Tokenizer::from_file(fixture_path(file)))
      .first->second;
}

/// Expects f() to throw an E whose text has all of `parts`.
template <class E, class F>
void expect_error(F f, std::initializer_list<std::string> parts) {
  const std::string message = test::message_of<E>(f);
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' in: " << message;
}

inline std::vector<Span> spans_of(const nlohmann::json& list) {
  std::vector<Span> out;
  for (const auto& pair : list) out.push_back({pair.at(0), pair.at(1)});
  return out;
}

}  // namespace ingot::text::testing

namespace ingot::text {

inline void PrintTo(const Span& span, std::ostream* out) {
  *out << "(" << span.begin << ", " << span.end << ")";
}

}  // namespace ingot::text
