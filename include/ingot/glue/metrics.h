// What GLUE judges predictions by.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ingot/glue/sentences.h>

namespace ingot::glue {

/// The share of predictions that are right. All of these throw ValueError when the lists differ in
/// length or are empty.
double accuracy(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels);
/// The harmonic mean of precision and recall of class 1; 0 where nothing is right.
double f1(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels);
/// Matthews' correlation, of two or more classes; 0 where predictions or labels are all the same.
/// Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient"
/// (2004).
double matthews_correlation(std::span<const std::int64_t> predictions,
                            std::span<const std::int64_t> labels);
/// The linear correlation; NaN where one side is all the same.
double pearson(std::span<const double> predictions, std::span<const double> labels);
/// The linear correlation of ranks; equal values share the mean of theirs.
double spearmanr(std::span<const double> predictions, std::span<const double> labels);
/// The mean of squared differences.
double mean_squared_error(std::span<const double> predictions, std::span<const double> labels);

/// The task's metrics by name, and combined_score, their mean, where there are several. `outputs`
/// is what the model gave, task.num_outputs() for each sentence: the largest one of a row is the
/// prediction, the first one if several are.
std::map<std::string, double> measure(const SentenceTask& task, std::span<const float> outputs,
                                      const Sentences& sentences);

/// The number of the largest output of each row.
std::vector<std::int64_t> largest(std::span<const float> outputs, std::int64_t num_outputs);

}  // namespace ingot::glue
