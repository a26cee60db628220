// What reads sentences from rows, wherever those come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ingot/glue/sentences.h>

#include "glue/rows.h"

namespace ingot::glue {

/// More than this many different labels are a mistake: a column of numbers, or of sentences.
inline constexpr std::size_t kMostClasses = 10'000;

/// Sentences with their labels as they are written.
struct RawSentences {
  std::string name;
  Sentences sentences;
  std::vector<Cell> labels;
  std::vector<std::int64_t> lines;
};

/// read_glue() for rows.
Sentences read_glue_rows(Rows& rows, const SentenceTask& task, data::Split split);

/// read_sentences() for rows: the training file first.
class OwnReader {
 public:
  explicit OwnReader(const std::optional<std::vector<std::string>>& labels);
  Sentences read(Rows& rows, data::Split split);
  const SentenceTask& task() const { return task_; }

 private:
  void choose_columns(const Rows& rows);

  std::optional<std::vector<std::string>> labels_;
  SentenceTask task_;
};

}  // namespace ingot::glue
