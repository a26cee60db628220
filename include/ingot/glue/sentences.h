// Sentences with labels: GLUE's files, and csv and json files of your own.
//
// Errors name the file, the line and the cause. Nothing is left out in silence: see left_out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/data/split.h>

namespace ingot::glue {

/// What there is to learn: a class, or a number, of a sentence or of two.
///
/// Source: Wang et al., "GLUE: A Multi-Task Benchmark and Analysis Platform for Natural Language
/// Understanding" (2019).
struct SentenceTask {
  std::string name;                  ///< "mrpc"; empty for files of your own
  std::string first;                 ///< column of the sentence, or of the first one
  std::string second;                ///< column of the second sentence; empty where there is one
  std::vector<std::string> labels;   ///< names of the classes, by number; empty for regression
  std::vector<std::string> metrics;  ///< what predictions are judged by: see measure()

  bool is_regression() const { return labels.empty(); }
  bool has_pairs() const { return !second.empty(); }
  /// What a model's head gives: a logit for each class, or one number.
  std::int64_t num_outputs() const {
    return is_regression() ? 1 : static_cast<std::int64_t>(labels.size());
  }
};

/// GLUE's nine tasks: cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb, wnli.
const std::vector<SentenceTask>& glue_tasks();
/// One of them; capitals do not matter. Throws ValueError that lists them.
const SentenceTask& glue_task(std::string_view name);

struct Sentences {
  std::vector<std::string> first;
  std::vector<std::string> second;   ///< as many, or none
  std::vector<std::int64_t> labels;  ///< numbers of classes; empty for regression and test data
  std::vector<double> scores;        ///< of regression; else, and for test data, empty
  /// "train.tsv:7: why": rows that are none, which QQP's published files for training have.
  std::vector<std::string> left_out;

  std::int64_t size() const { return static_cast<std::int64_t>(first.size()); }
  /// Keeps the first `count` of them.
  void keep_first(std::int64_t count);
};

/// A part of a task from the folder of its tsv files: train.tsv, dev.tsv and test.tsv, of MNLI
/// dev_matched.tsv and test_matched.tsv, or …_mismatched.tsv with `mismatched`. Fields are divided
/// by tabs, and quotes are characters like others. Test data have no labels. Throws IoError for
/// files that are missing, text that is no UTF-8, columns that are missing, labels that are unknown
/// and rows that are too short.
Sentences read_glue(const std::filesystem::path& folder, const SentenceTask& task,
                    data::Split split, bool mismatched = false);

/// Files of your own; an empty path stands for a part that there is not.
struct SentenceFiles {
  std::filesystem::path train = {}, validation = {}, test = {};
};

struct OwnSentences {
  SentenceTask task;
  Sentences train, validation, test;
};

/// All of them csv (a head line; quotes as in RFC 4180), or all of them json: an object a line, or
/// a list of objects. `label` is the label; the sentences are in `sentence1` and `sentence2`, else
/// in the first two other columns, or the only one. Labels that are all numbers, and not all whole,
/// make a regression; others make the classes, sorted, as the training file has them. Without a
/// training file, `labels` are the classes; an empty list means regression.
///
/// Throws ValueError when no file is named, the names end differently or in something else; IoError
/// as read_glue().
OwnSentences read_sentences(const SentenceFiles& files,
                            const std::optional<std::vector<std::string>>& labels = {});

}  // namespace ingot::glue
