// Rows of tsv, csv and json files, with the line each begins on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::glue {

struct Cell {
  std::string text;
  bool is_text = false;  ///< a string of JSON, which is no number whatever it says
  bool missing = false;  ///< of JSON: there is no such field, or it is null
};

enum class Format {
  Tsv,      ///< a head line; tabs divide, nothing else counts
  BareTsv,  ///< the same without a head line: columns are called "0", "1", …
  Csv,      ///< a head line; RFC 4180
  Json,     ///< an object a line, or a list of objects
};

class Rows {
 public:
  Rows(std::string text, std::string name) : text_(std::move(text)), name_(std::move(name)) {}
  virtual ~Rows() = default;

  const std::string& name() const { return name_; }
  /// Of JSON those of the first row.
  const std::vector<std::string>& columns() const { return columns_; }
  /// The next row, a cell for each column; false at the end. Throws IoError. A tsv's row may have
  /// fewer cells.
  virtual bool next(std::vector<Cell>& row) = 0;
  /// Where the row begins that was read last.
  std::int64_t line() const { return line_; }
  /// "file:line: cause"
  std::string message(std::string_view cause) const;
  [[noreturn]] void fail(std::string_view cause) const;

 protected:
  std::string text_;
  std::string name_;
  std::vector<std::string> columns_;
  std::int64_t line_ = 1;
};

/// Reads `text`, which errors call `name`. Throws IoError, with the line, for text that is no UTF-8
/// and for a head line that is missing or names a column twice.
std::unique_ptr<Rows> read_rows(std::string text, const std::string& name, Format format);
std::unique_ptr<Rows> read_rows(const std::filesystem::path& path, Format format);

}  // namespace ingot::glue
