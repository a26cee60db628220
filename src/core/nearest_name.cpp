#include <ingot/core/nearest_name.h>

#include <algorithm>
#include <numeric>

namespace ingot {
namespace {

/// What two spellings of a name have in common.
std::string bare(std::string_view name) {
  std::string text = lower_case(name);
  std::erase_if(text, [](char c) { return c == '-' || c == '_' || c == ' '; });
  return text;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 200;  // nobody means a name by that
  const std::string wanted = bare(name);
  if (wanted.empty() || wanted.size() > kLongest) return {};
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : names) {
    const std::string known = bare(candidate);
    std::size_t distance = edit_distance(wanted, known);
    // Two letters in the wrong order are one slip.
    if (distance == 2 &&
        std::is_permutation(wanted.begin(), wanted.end(), known.begin(), known.end()))
      distance = 1;
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(name, names);
  return nearest.empty() ? std::string() : "; did you mean " + nearest + "?";
}

}  // namespace ingot
