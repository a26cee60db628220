// What commands print: text for people, JSON for programs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ingot::cli {

using Json = nlohmann::ordered_json;

/// Where a command's text goes: stdout, or stderr when stdout is taken by JSON. When the reader of
/// it is gone (a closed pipe), the text is lost and the command goes on. It goes on also after any
/// other failure, such as a full disk, since a training is worth more than its text; but the
/// program then ends with an error: see lost_output().
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

/// Without links, "." and ".." and without a slash at the end; the path itself when that fails.
std::filesystem::path resolved(const std::filesystem::path& path);

/// Why a text could not be written, "stdout: cannot write: No space left on device"; empty when all
/// was, or its reader went away.
std::string lost_output();

/// The --json option, or another one that names a file to write, such as --csv: nowhere, stdout
/// ("-") or a file.
class JsonOutput {
 public:
  explicit JsonOutput(std::string target, std::string option = "--json")
      : target_(std::move(target)), option_(std::move(option)) {}
  bool takes_stdout() const { return target_ == "-"; }
  /// Throws UsageError when the file is that one, by whatever path; `what` it is ends the text.
  void must_not_be(const std::filesystem::path& file, const std::string& what) const;
  /// True when the file lies directly in that folder, which need not exist.
  bool is_in(const std::filesystem::path& folder) const;
  /// To be called before the work: finds out now, not after an hour of training, that the file
  /// cannot be written. Throws IoError.
  void check_writable() const;
  /// A file is replaced in one step. Throws IoError naming the file and the cause; not for a closed
  /// pipe.
  void write(const Json& json) const;
  /// The same of a text.
  void write_text(const std::string& text) const;

 private:
  bool is_file() const { return !target_.empty() && !takes_stdout(); }
  std::string target_, option_;
};

/// A text as it is, a list with commas, else as JSON has it: what would be typed for an option.
std::string text_of(const Json& value);
/// With control characters escaped, line breaks too unless they are kept: what names in files may
/// hold must not steer a terminal.
std::string visible(const std::string& text, bool keep_lines = false);
/// With four digits behind the point; "nan" whatever its sign, which says nothing.
std::string four_digits(double value);
/// 1234567 -> "1,234,567".
std::string grouped(std::int64_t number);
/// 95 -> "1:35", 3700 -> "1:01:40".
std::string duration(double seconds);
/// 3 221 225 472 -> "3.0 GiB".
std::string bytes(std::size_t count);
/// Lines of left-aligned columns; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ingot::cli
