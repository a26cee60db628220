#include "glue/tokens.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include <algorithm>

#include "core/printable.h"
#include "text/string_table.h"

namespace ingot::glue {
namespace {

// Encodings hold more than is kept: few at once.
constexpr std::int64_t kAtOnce = 512;

std::vector<std::string> slice(const std::vector<std::string>& all, std::int64_t begin,
                               std::int64_t end) {
  return {all.begin() + begin, all.begin() + end};
}

template <class T>
std::uint64_t hash_of(std::span<const T> values) {
  return text::hash_bytes({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

}  // namespace

Tokens::Tokens(const text::Tokenizer& tokenizer, const Sentences& sentences,
               std::int64_t max_length, std::int64_t vocab_size,
               const std::function<bool()>& stop) {
  const text::EncodeOptions options{.truncation = text::Truncation::LongestFirst,
                                    .max_length = max_length};
  for (std::int64_t at = 0; at < sentences.size(); at += kAtOnce) {
    stopped_ = stop && stop();
    if (stopped_) return;
    const std::int64_t end = std::min(at + kAtOnce, sentences.size());
    const auto first = slice(sentences.first, at, end);
    const auto encodings =
        sentences.second.empty()
            ? tokenizer.encode_batch(first, options)
            : tokenizer.encode_batch(first, slice(sentences.second, at, end), options);
    for (const text::Encoding& e : encodings) {
      for (std::size_t i = 0; i < e.ids.size(); ++i) {
        if (e.ids[i] >= vocab_size)
          throw ValueError(fmt::format(
              "the tokenizer has the token '{}' (number {}), the model's vocabulary {} only; they "
              "do not belong together",
              printable(e.tokens[i]), e.ids[i], vocab_size));
        ids_.push_back(static_cast<std::int32_t>(e.ids[i]));
        types_.push_back(static_cast<std::int8_t>(e.type_ids[i]));
      }
      begin_.push_back(ids_.size());
    }
  }
}

std::uint64_t Tokens::hash() const {
  return hash_of(std::span(ids_)) ^ (3 * hash_of(std::span(types_))) ^
         (5 * hash_of(std::span(begin_)));
}

std::span<const std::int32_t> Tokens::ids(std::int64_t i) const {
  const auto row = static_cast<std::size_t>(i);
  return std::span(ids_).subspan(begin_[row], begin_[row + 1] - begin_[row]);
}

std::int64_t Tokens::width(std::span<const std::int64_t> rows, const Padding& padding) const {
  if (padding.length > 0) return padding.length;
  std::int64_t longest = 1;
  for (const std::int64_t row : rows)
    longest = std::max(longest, static_cast<std::int64_t>(ids(row).size()));
  const std::int64_t rounded =
      (longest + padding.multiple - 1) / padding.multiple * padding.multiple;
  return std::max(longest, std::min(rounded, padding.most));
}

text::TokenBatch Tokens::batch(std::span<const std::int64_t> rows, const Padding& padding) const {
  const std::int64_t length = width(rows, padding);
  const auto width = static_cast<std::size_t>(length);
  std::vector<std::int64_t> all(rows.size() * width, padding.id), types(all.size()),
      mask(all.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::size_t begin = begin_[static_cast<std::size_t>(rows[r])];
    const std::size_t count = ids(rows[r]).size();
    for (std::size_t i = 0; i < count; ++i) {
      all[r * width + i] = ids_[begin + i];
      types[r * width + i] = types_[begin + i];
      mask[r * width + i] = 1;
    }
  }
  const Shape shape{static_cast<std::int64_t>(rows.size()), length};
  return {from_vector(all, shape), from_vector(types, shape), from_vector(mask, shape)};
}

}  // namespace ingot::glue
