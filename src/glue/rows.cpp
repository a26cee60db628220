#include "glue/rows.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <optional>

#include "core/printable.h"
#include "io/input_file.h"
#include "text/json_tree.h"
#include "text/utf8.h"

namespace ingot::glue {
namespace {

/// Lines one by one, without their ends: LF or CR LF.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool next(std::string_view& line) {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    line = text_.substr(at_, end - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at_ = end + 1;
    ++count_;
    return true;
  }
  std::int64_t count() const { return count_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t count_ = 0;
};

void check_columns(const Rows& rows) {
  auto sorted = rows.columns();
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice != sorted.end())
    rows.fail(fmt::format("the column '{}' is there twice", printable(*twice)));
}

class TsvRows final : public Rows {
 public:
  TsvRows(std::string text, std::string name, bool head)
      : Rows(std::move(text), std::move(name)), lines_(text_) {
    std::vector<Cell> cells;
    if (head && !next(cells)) fail("is empty: there is no head line");
    for (const Cell& cell : cells) columns_.push_back(cell.text);
  }

  bool next(std::vector<Cell>& row) override {
    std::string_view line;
    do {
      if (!lines_.next(line)) return false;
    } while (line.empty());
    line_ = lines_.count();
    row.clear();
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find('\t', at), line.size());
      row.push_back({std::string(line.substr(at, end - at))});
      at = end + 1;
    }
    return true;
  }

 private:
  Lines lines_;
};

class CsvRows final : public Rows {
 public:
  CsvRows(std::string text, std::string name) : Rows(std::move(text), std::move(name)) {
    std::vector<Cell> cells;
    if (!read(cells)) fail("is empty: there is no head line");
    for (const Cell& cell : cells) columns_.push_back(cell.text);
  }

  bool next(std::vector<Cell>& row) override {
    if (!read(row)) return false;
    if (row.size() != columns_.size())
      fail(fmt::format("has {} columns, the head line {}", row.size(), columns_.size()));
    return true;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  bool at_line_end() const {
    return text_[at_] == '\n' ||
           (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
  }
  void end_line() {
    if (at_end()) return;
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++next_line_;
  }

  bool read(std::vector<Cell>& row) {
    while (!at_end() && at_line_end()) end_line();
    if (at_end()) return false;
    line_ = next_line_;
    row.clear();
    for (;;) {
      row.push_back(text_[at_] == '"' ? quoted() : plain());
      if (at_end() || at_line_end()) break;
      if (text_[at_] != ',') fail("there is something between a closing quote and the next comma");
      if (++at_ == text_.size()) {
        row.emplace_back();
        break;
      }
    }
    end_line();
    return true;
  }

  Cell plain() {
    Cell cell;
    while (!at_end() && text_[at_] != ',' && !at_line_end()) cell.text += text_[at_++];
    return cell;
  }

  Cell quoted() {
    Cell cell;
    const std::int64_t begin = next_line_;
    for (++at_;; ++at_) {
      if (at_end())
        throw IoError(fmt::format("{}:{}: a quote is opened here and never closed", name_, begin));
      if (text_[at_] == '"') {
        ++at_;
        if (at_end() || text_[at_] != '"') return cell;  // two stand for one
      }
      if (text_[at_] == '\n') ++next_line_;
      cell.text += text_[at_];
    }
  }

  std::size_t at_ = 0;
  std::int64_t next_line_ = 1;
};

class JsonRows final : public Rows {
 public:
  JsonRows(std::string text, std::string name)
      : Rows(std::move(text), std::move(name)), lines_(text_) {
    const std::size_t first = text_.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) fail("is empty");
    if (text_[first] == '[') {
      list_.emplace(text_, name_);
      static_cast<void>(list_->array(list_->root()));
    }
    std::optional<text::JsonTree> tree;
    const text::JsonValue* object = find_next(tree);
    if (object == nullptr) fail("holds an empty list");
    for (const text::JsonValue& field : object->items) columns_.push_back(field.key);
    list_at_ = 0;
    lines_ = Lines(text_);
    line_ = 1;
  }

  bool next(std::vector<Cell>& row) override {
    std::optional<text::JsonTree> line;
    const text::JsonValue* object = find_next(line);
    if (object == nullptr) return false;
    const text::JsonTree& tree = line ? *line : *list_;
    row.clear();
    for (const std::string& column : columns_) row.push_back(cell_of(tree.find(*object, column)));
    return true;
  }

 private:
  const text::JsonValue* find_next(std::optional<text::JsonTree>& tree) {
    if (list_) {
      const auto& items = list_->root().items;
      if (list_at_ == items.size()) return nullptr;
      const text::JsonValue& object = list_->object(items[list_at_++]);
      line_ = object.line;
      return &object;
    }
    std::string_view line;
    do {
      if (!lines_.next(line)) return nullptr;
    } while (line.find_first_not_of(" \t") == std::string_view::npos);
    line_ = lines_.count();
    tree.emplace(line, name_, static_cast<std::uint32_t>(line_));
    return &tree->object(tree->root());
  }

  static Cell cell_of(const text::JsonValue* value) {
    if (value == nullptr) return {.text = {}, .missing = true};
    switch (value->kind) {
      case text::JsonKind::String:
        return {.text = value->text, .is_text = true};
      case text::JsonKind::Integer:
        return {.text = std::to_string(value->integer)};
      case text::JsonKind::Number:  // with a point, so that 1.0 is no whole number
        return {.text = fmt::format("{:#}", value->number)};
      case text::JsonKind::Boolean:
        return {.text = value->boolean ? "true" : "false", .is_text = true};
      default:  // a list or an object: of no use as a sentence, and perhaps not needed
        return {.text = {}, .missing = true};
    }
  }

  std::optional<text::JsonTree> list_;
  std::size_t list_at_ = 0;
  Lines lines_;
};

}  // namespace

std::string Rows::message(std::string_view cause) const {
  return fmt::format("{}:{}: {}", name_, line_, cause);
}

void Rows::fail(std::string_view cause) const { throw IoError(message(cause)); }

std::unique_ptr<Rows> read_rows(std::string text, const std::string& name, Format format) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw IoError(fmt::format("{}:1: is UTF-16; save it as UTF-8", name));
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
  if (const auto error = text::find_utf8_error(text)) {
    const auto begin = text.begin(), end = begin + static_cast<std::ptrdiff_t>(error.offset);
    const std::size_t line_begin = text.rfind('\n', error.offset) + 1;  // 0 where there is none
    throw IoError(fmt::format("{}:{}: byte {} of the line (0x{:02x}) is no UTF-8", name,
                              std::count(begin, end, '\n') + 1, error.offset - line_begin,
                              static_cast<std::uint8_t>(text[error.offset])));
  }
  std::unique_ptr<Rows> rows;
  switch (format) {
    case Format::Tsv:
    case Format::BareTsv:
      rows = std::make_unique<TsvRows>(std::move(text), name, format == Format::Tsv);
      break;
    case Format::Csv:
      rows = std::make_unique<CsvRows>(std::move(text), name);
      break;
    case Format::Json:
      rows = std::make_unique<JsonRows>(std::move(text), name);
      break;
  }
  check_columns(*rows);
  return rows;
}

std::unique_ptr<Rows> read_rows(const std::filesystem::path& path, Format format) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw IoError(fmt::format("{}: is a folder, not a file", path.string()));
  const io::InputFile file(path);
  std::string text(static_cast<std::size_t>(file.nbytes()), '\0');
  file.read(0, text.data(), text.size());
  return read_rows(std::move(text), file.name(), format);
}

}  // namespace ingot::glue
