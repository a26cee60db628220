// Names that somebody mistyped: the one that was probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ingot {

/// Levenshtein's distance: insertions, removals and replacements of one character.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// With ASCII's capitals made small.
std::string lower_case(std::string_view text);

/// The one of `names` that differs from `name` least, not counting case and whether words are
/// divided by '-', '_' or nothing; empty when all differ in more than a third of their letters.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

/// "; did you mean resnet18?", or nothing.
std::string suggestion(std::string_view name, const std::vector<std::string>& names);

}  // namespace ingot
