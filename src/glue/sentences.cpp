#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>
#include <ingot/glue/sentences.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/printable.h"
#include "glue/read_sentences.h"

namespace ingot::glue {
namespace {

namespace fs = std::filesystem;
using data::Split;

/// Where GLUE's files have what; the names of columns that are not the task's own.
struct GlueFile {
  std::string_view task;
  std::string_view label;          ///< column
  std::string_view first, second;  ///< columns
  bool numbers;                    ///< labels are 0, 1, …, not names
};

constexpr GlueFile kFiles[] = {
    {"cola", "1", "3", "", true},
    {"mnli", "gold_label", "sentence1", "sentence2", false},
    {"mrpc", "Quality", "#1 String", "#2 String", true},
    {"qnli", "label", "question", "sentence", false},
    {"qqp", "is_duplicate", "question1", "question2", true},
    {"rte", "label", "sentence1", "sentence2", false},
    {"sst2", "label", "sentence", "", true},
    {"stsb", "score", "sentence1", "sentence2", true},
    {"wnli", "label", "sentence1", "sentence2", true},
};

std::optional<double> number_in(const Cell& cell) {
  if (cell.is_text || cell.missing) return {};
  double value = 0;
  const char* end = cell.text.data() + cell.text.size();
  const auto [at, error] = std::from_chars(cell.text.data(), end, value);
  if (error != std::errc{} || at != end || !std::isfinite(value)) return {};
  return value;
}

std::optional<std::int64_t> integer_in(const Cell& cell) {
  if (cell.is_text || cell.missing) return {};
  std::int64_t value = 0;
  const char* end = cell.text.data() + cell.text.size();
  const auto [at, error] = std::from_chars(cell.text.data(), end, value);
  if (error != std::errc{} || at != end) return {};
  return value;
}

[[noreturn]] void fail(const RawSentences& raw, std::size_t row, const std::string& cause) {
  throw IoError(fmt::format("{}:{}: {}", raw.name, raw.lines[row], cause));
}

std::size_t find_column(const Rows& rows, std::string_view name) {
  const auto& columns = rows.columns();
  const auto at = std::ranges::find(columns, name);
  if (at == columns.end()) {
    std::vector<std::string> shown;
    for (const std::string& column : columns) shown.push_back(printable(column));
    throw IoError(fmt::format("{}:1: there is no column '{}'; there are: {}", rows.name(),
                              printable(name), fmt::join(shown, ", ")));
  }
  return static_cast<std::size_t>(at - columns.begin());
}

/// What is needed of a row.
struct Columns {
  std::size_t first = 0;
  std::optional<std::size_t> second, label;
};

/// Why that row is none; empty when it is one.
std::string wrong(const std::vector<Cell>& row, const Columns& columns, const Rows& rows) {
  std::size_t needed = columns.first;
  if (columns.second) needed = std::max(needed, *columns.second);
  if (columns.label) needed = std::max(needed, *columns.label);
  if (row.size() <= needed)
    return fmt::format("has {} columns, {} are needed", row.size(), needed + 1);
  const auto check = [&](std::size_t column) {
    return row[column].missing ? fmt::format("there is no '{}'", printable(rows.columns()[column]))
                               : std::string();
  };
  std::string cause = check(columns.first);
  if (cause.empty() && columns.second) cause = check(*columns.second);
  if (cause.empty() && columns.label) cause = check(*columns.label);
  return cause;
}

RawSentences read_raw(Rows& rows, const Columns& columns, bool leave_out) {
  RawSentences raw;
  raw.name = rows.name();
  std::vector<Cell> row;
  while (rows.next(row)) {
    if (std::string cause = wrong(row, columns, rows); !cause.empty()) {
      if (!leave_out) rows.fail(cause);
      raw.sentences.left_out.push_back(rows.message(cause));
      continue;
    }
    raw.sentences.first.push_back(std::move(row[columns.first].text));
    if (columns.second) raw.sentences.second.push_back(std::move(row[*columns.second].text));
    if (columns.label) raw.labels.push_back(std::move(row[*columns.label]));
    raw.lines.push_back(rows.line());
  }
  if (raw.lines.empty()) throw IoError(fmt::format("{}: there are no sentences", raw.name));
  return raw;
}

/// Turns the labels as they are written into numbers.
Sentences resolve(RawSentences raw, const SentenceTask& task, bool numbers) {
  Sentences& out = raw.sentences;
  std::map<std::string_view, std::int64_t> known;
  for (std::size_t i = 0; i < task.labels.size(); ++i)
    known.emplace(task.labels[i], static_cast<std::int64_t>(i));
  for (std::size_t i = 0; i < raw.labels.size(); ++i) {
    const Cell& label = raw.labels[i];
    if (task.is_regression()) {
      const auto score = number_in(label);
      if (!score) fail(raw, i, fmt::format("the label '{}' is no number", printable(label.text)));
      out.scores.push_back(*score);
      continue;
    }
    const auto count = static_cast<std::int64_t>(task.labels.size());
    if (const auto number = integer_in(label); numbers && number && *number >= 0 && *number < count)
      out.labels.push_back(*number);
    else if (const auto at = known.find(label.text); !numbers && at != known.end())
      out.labels.push_back(at->second);
    else
      fail(raw, i,
           numbers ? fmt::format("the label '{}' is unknown; there are: 0 to {}",
                                 printable(label.text), count - 1)
                   : fmt::format("the label '{}' is unknown; there are: {}", printable(label.text),
                                 fmt::join(task.labels, ", ")));
  }
  return std::move(raw.sentences);
}

/// The classes of a training file, sorted; none for regression.
std::vector<std::string> classes_of(const RawSentences& raw) {
  const auto all = [&](auto is) {
    return std::ranges::all_of(raw.labels, [&](const Cell& c) { return is(c).has_value(); });
  };
  const bool integers = all(integer_in);
  if (!integers && all(number_in)) return {};
  std::vector<std::string> classes;
  for (const Cell& cell : raw.labels) classes.push_back(cell.text);
  if (integers)
    std::ranges::sort(classes, {},
                      [](const std::string& text) { return integer_in({text}).value(); });
  else
    std::ranges::sort(classes);
  const auto rest = std::ranges::unique(classes);
  classes.erase(rest.begin(), rest.end());
  if (const auto empty = std::ranges::find(raw.labels, "", &Cell::text); empty != raw.labels.end())
    fail(raw, static_cast<std::size_t>(empty - raw.labels.begin()), "the label is empty");
  if (classes.size() > kMostClasses)
    throw IoError(
        fmt::format("{}: {} different labels are too many for classes", raw.name, classes.size()));
  return classes;
}

}  // namespace

const std::vector<SentenceTask>& glue_tasks() {
  static const std::vector<SentenceTask> tasks = {
      {"cola", "sentence", "", {"unacceptable", "acceptable"}, {"matthews_correlation"}},
      {"mnli", "premise", "hypothesis", {"entailment", "neutral", "contradiction"}, {"accuracy"}},
      {"mrpc", "sentence1", "sentence2", {"not_equivalent", "equivalent"}, {"accuracy", "f1"}},
      {"qnli", "question", "sentence", {"entailment", "not_entailment"}, {"accuracy"}},
      {"qqp", "question1", "question2", {"not_duplicate", "duplicate"}, {"accuracy", "f1"}},
      {"rte", "sentence1", "sentence2", {"entailment", "not_entailment"}, {"accuracy"}},
      {"sst2", "sentence", "", {"negative", "positive"}, {"accuracy"}},
      {"stsb", "sentence1", "sentence2", {}, {"pearson", "spearmanr"}},
      {"wnli", "sentence1", "sentence2", {"not_entailment", "entailment"}, {"accuracy"}},
  };
  return tasks;
}

const SentenceTask& glue_task(std::string_view name) {
  const std::string wanted = lower_case(name);
  std::vector<std::string> names;
  for (const SentenceTask& task : glue_tasks()) {
    if (task.name == wanted) return task;
    names.push_back(task.name);
  }
  throw ValueError(fmt::format("unknown task '{}'; there are: {}{}", printable(name),
                               fmt::join(names, ", "), suggestion(name, names)));
}

void Sentences::keep_first(std::int64_t count) {
  const auto cut = [&](auto& list) {
    if (static_cast<std::int64_t>(list.size()) > count)
      list.resize(static_cast<std::size_t>(count));
  };
  cut(first);
  cut(second);
  cut(labels);
  cut(scores);
}

Sentences read_glue_rows(Rows& rows, const SentenceTask& task, Split split) {
  const auto file = std::ranges::find(kFiles, task.name, &GlueFile::task);
  if (file == std::end(kFiles))
    throw ValueError(fmt::format("'{}' is no task of GLUE", printable(task.name)));
  const bool test = split == Split::Test;
  Columns columns;
  if (task.name == "cola" && !test) {  // without a head line
    columns = {.first = 3, .second = {}, .label = 1};
  } else {
    columns.first = find_column(rows, task.name == "cola" ? "sentence" : file->first);
    if (task.has_pairs()) columns.second = find_column(rows, file->second);
    if (!test) columns.label = find_column(rows, file->label);
  }
  // A prediction has the number of its row: of test data none may be left out.
  return resolve(read_raw(rows, columns, task.name == "qqp" && !test), task, file->numbers);
}

Sentences read_glue(const fs::path& folder, const SentenceTask& task, Split split,
                    bool mismatched) {
  const std::string suffix = task.name != "mnli" ? "" : mismatched ? "_mismatched" : "_matched";
  const std::string name = split == Split::Train ? "train.tsv"
                           : split == Split::Val ? "dev" + suffix + ".tsv"
                                                 : "test" + suffix + ".tsv";
  const bool bare = task.name == "cola" && split != Split::Test;
  const auto rows = read_rows(folder / name, bare ? Format::BareTsv : Format::Tsv);
  return read_glue_rows(*rows, task, split);
}

OwnReader::OwnReader(const std::optional<std::vector<std::string>>& labels) : labels_(labels) {}

Sentences OwnReader::read(Rows& rows, Split split) {
  if (task_.first.empty()) choose_columns(rows);
  Columns columns;
  columns.first = find_column(rows, task_.first);
  if (task_.has_pairs()) columns.second = find_column(rows, task_.second);
  if (split != Split::Test) columns.label = find_column(rows, "label");
  RawSentences raw = read_raw(rows, columns, false);
  if (split == Split::Train) {
    labels_ = classes_of(raw);
  } else if (!labels_) {
    throw ValueError(
        "labels are known by a training file, or by a model that was trained for them");
  }
  task_.labels = labels_.value_or(std::vector<std::string>());
  task_.metrics = {task_.is_regression() ? "mse" : "accuracy"};
  return resolve(std::move(raw), task_, false);
}

void OwnReader::choose_columns(const Rows& rows) {
  std::vector<std::string> others;
  for (const std::string& column : rows.columns())
    if (column != "label") others.push_back(column);
  const auto has = [&](const char* name) { return std::ranges::count(others, name) > 0; };
  if (has("sentence1") && has("sentence2")) others = {"sentence1", "sentence2"};
  if (others.empty() || others.front().empty())
    throw IoError(fmt::format("{}:1: there is no column of sentences", rows.name()));
  task_.first = others.front();
  if (others.size() > 1) task_.second = others[1];
}

OwnSentences read_sentences(const SentenceFiles& files,
                            const std::optional<std::vector<std::string>>& labels) {
  std::string ending;
  for (const fs::path* path : {&files.train, &files.validation, &files.test}) {
    if (path->empty()) continue;
    std::string own = lower_case(path->extension().string());
    if (own == ".jsonl") own = ".json";
    if (own != ".csv" && own != ".json")
      throw ValueError(
          fmt::format("{}: files of sentences end in .csv or .json", printable(path->string())));
    if (!ending.empty() && own != ending)
      throw ValueError(fmt::format("{} is no {} file as the others are; take one kind for all",
                                   printable(path->string()), ending));
    ending = own;
  }
  if (ending.empty()) throw ValueError("there is no file of sentences");
  OwnReader reader(labels);
  OwnSentences out;
  const auto read = [&](const fs::path& path, Split split, Sentences& into) {
    if (path.empty()) return;
    into = reader.read(*read_rows(path, ending == ".csv" ? Format::Csv : Format::Json), split);
  };
  read(files.train, Split::Train, out.train);
  read(files.validation, Split::Val, out.validation);
  read(files.test, Split::Test, out.test);
  out.task = reader.task();
  return out;
}

}  // namespace ingot::glue
