#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <span>

#include "text/unicode_tables.h"

namespace ingot::text {
namespace {

/// Blocks of Chinese characters as BERT's first tokenizer listed them.
constexpr CharacterRange kChineseRanges[] = {
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
    {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
};

struct ClassRanges {
  std::uint8_t bit;
  std::span<const CharacterRange> ranges;
};

constexpr std::array<ClassRanges, 7> kClasses{{{kSpace, kSpaceRanges},
                                               {kControl, kControlRanges},
                                               {kAccent, kAccentRanges},
                                               {kPunctuation, kPunctuationRanges},
                                               {kLetter, kLetterRanges},
                                               {kNumber, kNumberRanges},
                                               {kChinese, kChineseRanges}}};

/// The first range that does not end before `c`.
template <class Range>
const Range* find_range(std::span<const Range> ranges, char32_t c) {
  const auto at = std::partition_point(ranges.begin(), ranges.end(),
                                       [c](const Range& range) { return range.last < c; });
  return at != ranges.end() && at->first <= c ? &*at : nullptr;
}

bool contains(std::span<const CharacterRange> ranges, char32_t c) {
  return find_range(ranges, c) != nullptr;
}

}  // namespace

namespace detail {

const std::uint8_t* class_table() {
  static const auto table = [] {
    auto made = std::make_unique<std::uint8_t[]>(kNumTabled);
    for (const auto& [bit, ranges] : kClasses)
      for (const CharacterRange& range : ranges)
        for (char32_t c = range.first; c <= range.last && c < kNumTabled; ++c)
          made[c] = static_cast<std::uint8_t>(made[c] | bit);
    return made;
  }();
  return table.get();
}

std::uint8_t search_classes(char32_t c) {
  std::uint8_t classes = 0;
  for (const auto& [bit, ranges] : kClasses)
    if (contains(ranges, c)) classes = static_cast<std::uint8_t>(classes | bit);
  return classes;
}

}  // namespace detail

bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      // Join_Control, and symbols that are alphabetic: letters in circles and squares.
      return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) ||
             (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
             (c >= 0x1f170 && c <= 0x1f189);
  }
}

char32_t lowercase_of(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  const LowercaseRange* range = find_range(std::span<const LowercaseRange>(kLowercaseRanges), c);
  if (range == nullptr || (c - range->first) % static_cast<char32_t>(range->step) != 0) return c;
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + range->distance);
}

void decompose(char32_t c, std::vector<char32_t>& out) {
  // Below are none; above U+FFFF, later versions of Unicode have added some.
  if (c < 0xc0 || (c > 0xffff && !contains(kDecomposedRanges, c))) {
    out.push_back(c);
    return;
  }
  std::array<utf8proc_int32_t, 8> parts;  // four is the most that Unicode has
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), nullptr);
  if (count < 1 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back(c);
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i)
    out.push_back(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
}

int combining_class(char32_t c) {
  if (c < 0x300 || !contains(kCombiningRanges, c)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

}  // namespace ingot::text
