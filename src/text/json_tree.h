// JsonTree: a JSON file as values that know their line, so that errors can name it. Keys that occur
// twice and nesting that is too deep are errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::text {

enum class JsonKind : std::uint8_t { Null, Boolean, Integer, Number, String, Array, Object };

struct JsonValue {
  JsonKind kind = JsonKind::Null;
  std::uint32_t line = 0;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string key;   ///< in an object
  std::string text;  ///< of a string
  std::vector<JsonValue> items;
};

class JsonTree {
 public:
  /// Throws IoError, with `name` and the line, for what is no JSON. `first_line` is where `text`
  /// begins in its file.
  JsonTree(std::string_view text, std::string name, std::uint32_t first_line = 1);

  const JsonValue& root() const { return root_; }
  const std::string& name() const { return name_; }

  /// Throws IoError: the file, the line of `at` and the cause.
  [[noreturn]] void fail(const JsonValue& at, std::string_view cause) const;

  /// The field of an object; nullptr when it is missing or null.
  const JsonValue* find(const JsonValue& object, std::string_view key) const;
  /// Throws IoError when it is missing.
  const JsonValue& at(const JsonValue& object, std::string_view key) const;

  // Each throws IoError when the value is of another kind.
  const JsonValue& object(const JsonValue& value) const;
  const std::vector<JsonValue>& array(const JsonValue& value) const;
  const std::string& string(const JsonValue& value) const;
  bool boolean(const JsonValue& value) const;
  /// An integer of at least 0 and at most `most`.
  std::int64_t count(const JsonValue& value, std::int64_t most) const;

  // Fields, with what is meant when they are missing or null.
  bool boolean_or(const JsonValue& object, std::string_view key, bool otherwise) const;
  std::string string_or(const JsonValue& object, std::string_view key,
                        std::string_view otherwise) const;

 private:
  void expect(const JsonValue& value, JsonKind kind) const;

  std::string name_;
  JsonValue root_;
};

/// What a kind is called in messages.
std::string_view name_of(JsonKind kind);

}  // namespace ingot::text
