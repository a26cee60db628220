#include "text/json_tree.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "core/printable.h"

namespace ingot::text {
namespace {

constexpr std::size_t kDeepest = 64;

/// Reads characters and tells how far it has come: the parser's events have no places.
class CountingIterator {
 public:
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

class TreeReader : public nlohmann::json::json_sax_t {
 public:
  TreeReader(std::string_view text, const std::string& name, std::uint32_t first_line,
             const char** reached)
      : name_(name), counted_(text.data()), reached_(reached), line_(first_line) {}

  JsonValue take() { return std::move(root_); }

  bool null() override { return put({}); }
  bool boolean(bool value) override {
    JsonValue v;
    v.kind = JsonKind::Boolean;
    v.boolean = value;
    return put(std::move(v));
  }
  bool number_integer(number_integer_t value) override { return put_integer(value); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    if (value > static_cast<number_unsigned_t>(kMost))
      return put_number(static_cast<double>(value));
    return put_integer(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return put_number(value); }
  bool string(string_t& value) override {
    JsonValue v;
    v.kind = JsonKind::String;
    v.text = std::move(value);
    return put(std::move(v));
  }
  bool binary(binary_t&) override { fail("holds binary data"); }
  bool start_object(std::size_t) override { return open(JsonKind::Object); }
  bool start_array(std::size_t) override { return open(JsonKind::Array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second)
      fail(fmt::format("'{}' is there twice", printable(value)));
    key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: cause"
    std::string_view cause = error.what();
    for (int i = 0; i < 2; ++i) {
      const std::size_t at = cause.find(i == 0 ? "] " : ": ");
      if (at != std::string_view::npos) cause.remove_prefix(at + 2);
    }
    fail(fmt::format("is no JSON: {}", printable(cause)));
  }

 private:
  bool put_integer(std::int64_t value) {
    JsonValue v;
    v.kind = JsonKind::Integer;
    v.integer = value;
    return put(std::move(v));
  }
  bool put_number(double value) {
    JsonValue v;
    v.kind = JsonKind::Number;
    v.number = value;
    return put(std::move(v));
  }
  bool put(JsonValue value) {
    value.line = line();
    value.key = std::exchange(key_, {});
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool open(JsonKind kind) {
    if (open_.size() == kDeepest) fail("is nested too deeply");
    JsonValue value;
    value.kind = kind;
    value.line = line();
    value.key = std::exchange(key_, {});
    open_.push_back(std::move(value));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    JsonValue value = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    (open_.empty() ? root_ : open_.back().items.emplace_back()) = std::move(value);
    return true;
  }

  /// The line of what was read last: the parser is at most one character ahead.
  std::uint32_t line() {
    const char* behind = *reached_ > counted_ ? *reached_ - 1 : counted_;
    line_ += static_cast<std::uint32_t>(std::count(counted_, behind, '\n'));
    counted_ = behind;
    return line_;
  }
  [[noreturn]] void fail(std::string_view cause) {
    throw IoError(fmt::format("{}:{}: {}", name_, line(), cause));
  }

  const std::string& name_;
  const char* counted_;
  const char** reached_;
  std::uint32_t line_;
  JsonValue root_;
  std::vector<JsonValue> open_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string key_;
};

}  // namespace

std::string_view name_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::Null:
      return "null";
    case JsonKind::Boolean:
      return "true or false";
    case JsonKind::Integer:
      return "a whole number";
    case JsonKind::Number:
      return "a number";
    case JsonKind::String:
      return "a string";
    case JsonKind::Array:
      return "a list";
    case JsonKind::Object:
      return "an object";
  }
  return "";
}

JsonTree::JsonTree(std::string_view text, std::string name, std::uint32_t first_line)
    : name_(std::move(name)) {
  const char* reached = text.data();
  TreeReader reader(text, name_, first_line, &reached);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &reached),
                            CountingIterator(text.data() + text.size(), &reached), &reader);
  root_ = reader.take();
}

void JsonTree::fail(const JsonValue& at, std::string_view cause) const {
  throw IoError(fmt::format("{}:{}: {}", name_, at.line, cause));
}

void JsonTree::expect(const JsonValue& value, JsonKind kind) const {
  if (value.kind == kind) return;
  const std::string which = value.key.empty() ? "this" : "'" + printable(value.key) + "'";
  fail(value, fmt::format("{} is {}, not {}", which, name_of(value.kind), name_of(kind)));
}

const JsonValue* JsonTree::find(const JsonValue& value, std::string_view key) const {
  expect(value, JsonKind::Object);
  const auto at = std::ranges::find(value.items, key, &JsonValue::key);
  return at == value.items.end() || at->kind == JsonKind::Null ? nullptr : &*at;
}

const JsonValue& JsonTree::at(const JsonValue& value, std::string_view key) const {
  if (const JsonValue* found = find(value, key)) return *found;
  fail(value, fmt::format("'{}' is missing{}", key,
                          value.key.empty() ? "" : " in '" + printable(value.key) + "'"));
}

const JsonValue& JsonTree::object(const JsonValue& value) const {
  expect(value, JsonKind::Object);
  return value;
}
const std::vector<JsonValue>& JsonTree::array(const JsonValue& value) const {
  expect(value, JsonKind::Array);
  return value.items;
}
const std::string& JsonTree::string(const JsonValue& value) const {
  expect(value, JsonKind::String);
  return value.text;
}
bool JsonTree::boolean(const JsonValue& value) const {
  expect(value, JsonKind::Boolean);
  return value.boolean;
}
std::int64_t JsonTree::count(const JsonValue& value, std::int64_t most) const {
  expect(value, JsonKind::Integer);
  if (value.integer < 0 || value.integer > most) {
    const std::string which = value.key.empty() ? "" : "'" + printable(value.key) + "' is ";
    fail(value, fmt::format("{}{}: outside of 0 … {}", which, value.integer, most));
  }
  return value.integer;
}

bool JsonTree::boolean_or(const JsonValue& value, std::string_view key, bool otherwise) const {
  const JsonValue* found = find(value, key);
  return found == nullptr ? otherwise : boolean(*found);
}
std::string JsonTree::string_or(const JsonValue& value, std::string_view key,
                                std::string_view otherwise) const {
  const JsonValue* found = find(value, key);
  return found == nullptr ? std::string(otherwise) : string(*found);
}

}  // namespace ingot::text
