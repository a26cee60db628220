// What the programs made from the pages of docs/ run on: output is caught block by block and
// compared with what the page says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ingot/ingot.h>

namespace docs {

struct State {
  std::string page;
  int line = 0;
  int failures = 0;
  bool run_everything = false;  ///< never set: guards code that is only compiled
  int compared = 0;
  std::ostringstream caught;
  std::streambuf* out = nullptr;
};
inline State state;

/// True when `text` is `pattern`, in which each "…" stands for any text.
inline bool matches(std::string_view text, std::string_view pattern) {
  constexpr std::string_view kAny = "…";
  std::size_t star = pattern.find(kAny);
  if (star == std::string_view::npos) return text == pattern;
  if (text.substr(0, star) != pattern.substr(0, star)) return false;
  text.remove_prefix(star);
  while (true) {
    pattern.remove_prefix(star + kAny.size());
    star = pattern.find(kAny);
    const std::string_view piece = pattern.substr(0, star);
    if (star == std::string_view::npos)
      return text.size() >= piece.size() && text.substr(text.size() - piece.size()) == piece;
    const std::size_t at = text.find(piece);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.size());
  }
}

inline void open(const char* page) {
  state.page = page;
  state.out = std::cout.rdbuf(state.caught.rdbuf());
}

inline void begin(int line) {
  state.line = line;
  state.caught.str({});
}

inline void fail(const std::string& text) {
  ++state.failures;
  std::cerr << state.page << ":" << state.line << ": " << text << "\n";
}

inline void did_not_throw() { fail("this was to throw"); }

/// `expected` is null where the page shows no output; there may be some all the same.
inline void end(const char* expected) {
  if (!expected) return;
  ++state.compared;
  if (!matches(state.caught.str(), expected))
    fail("prints\n" + state.caught.str() + "but the page says\n" + expected);
}

inline int close() {
  std::cout.rdbuf(state.out);
  std::cout << state.page << ": " << state.compared << " outputs compared, " << state.failures
            << " failures\n";
  return state.failures ? 1 : 0;
}

}  // namespace docs
