// What commands print: text for people, JSON for programs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ingot::cli {

using Json = nlohmann::ordered_json;

/// Where a command's text goes: stdout, or stderr when stdout is taken by JSON.
class Console {
 public:
  explicit Console(bool stdout_taken) : file_(stdout_taken ? stderr : stdout) {}
  void line(const std::string& text) const;
  /// Without a line break, shown at once.
  void raw(const std::string& text) const;
  bool is_terminal() const;
  /// Columns of the terminal; 80 when unknown.
  int columns() const;

 private:
  std::FILE* file_;
};

/// The --json option: nowhere, stdout ("-") or a file.
class JsonOutput {
 public:
  /// Checks at once that a file can be written, not after an hour of training. Throws IoError.
  explicit JsonOutput(std::string target);
  bool takes_stdout() const { return target_ == "-"; }
  /// Throws IoError naming the file and the cause.
  void write(const Json& json) const;

 private:
  std::string target_;
};

/// 1234567 -> "1,234,567".
std::string grouped(std::int64_t number);
/// 95 -> "1:35", 3700 -> "1:01:40".
std::string duration(double seconds);
/// 3 221 225 472 -> "3.0 GiB".
std::string bytes(std::size_t count);
/// Lines of left-aligned columns; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ingot::cli
