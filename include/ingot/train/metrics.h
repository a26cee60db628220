// What is measured during training, and its form in metrics.jsonl.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingot::train {

/// Sums over what was seen so far.
struct Averages {
  double loss_sum = 0;       ///< of the terms' losses
  std::int64_t correct = 0;  ///< right answers
  std::int64_t count = 0;    ///< terms: samples, or what else a task counts (tokens)
  std::int64_t samples = 0;
  double weight = 0;  ///< of the terms in loss_sum: count, unless terms weigh differently

  void add(double mean_loss, std::int64_t batch_correct, std::int64_t batch_count) {
    add(mean_loss, batch_correct, batch_count, batch_count, static_cast<double>(batch_count));
  }
  void add(double mean_loss, std::int64_t batch_correct, std::int64_t batch_count,
           std::int64_t batch_samples, double batch_weight) {
    samples += batch_samples;
    correct += batch_correct;
    count += batch_count;
    if (batch_weight == 0) return;  // a mean of nothing is no number
    loss_sum += mean_loss * batch_weight;
    weight += batch_weight;
  }
  /// Mean loss of a term; 0 before the first.
  double loss() const { return weight > 0 ? loss_sum / weight : 0; }
  /// Share of right answers, 0 to 1.
  double accuracy() const {
    return count ? static_cast<double>(correct) / static_cast<double>(count) : 0;
  }
  friend bool operator==(const Averages&, const Averages&) = default;
};

/// One line of metrics.jsonl. Lines inside an epoch carry averages since the line before; the line
/// that ends an epoch carries those of the whole epoch. Lines in which something was measured have
/// the results on the validation data, or on the test data where a run has no validation data.
struct MetricsRow {
  double epoch = 0;  ///< passes done; whole numbers end an epoch
  std::int64_t step = 0;
  double train_loss = 0;
  std::optional<double> train_accuracy;  ///< of tasks whose answers are right or wrong
  std::optional<double> val_loss;        ///< these, or the next two, where something was measured
  std::optional<double> val_accuracy;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
  /// Other metrics of the task that were measured, such as "val_f1", in its order.
  std::vector<std::pair<std::string, double>> others;
  double lr = 0;
  double seconds = 0;            ///< of training since the epoch began, evaluation left out
  double images_per_second = 0;  ///< samples of whatever kind

  bool measured() const { return val_loss || test_loss; }
  bool ends_epoch() const { return epoch > 0 && epoch == std::floor(epoch); }
  /// What was measured, on whichever data; 0 in other lines.
  double measured_loss() const { return val_loss.value_or(test_loss.value_or(0)); }
  double measured_accuracy() const { return val_accuracy.value_or(test_accuracy.value_or(0)); }
};

/// A measured value by which epochs are compared.
struct Metric {
  std::string name;  ///< one of names(), or "val_" or "test_" before a metric of the registry

  /// "val_loss", "val_accuracy", "train_loss", "train_accuracy", "test_loss", "test_accuracy".
  static const std::vector<std::string>& names();
  /// Throws ValueError listing the names for any other.
  static Metric parse(const std::string& name);
  /// As the registry says (metric_info); not of losses.
  bool more_is_better() const;
  /// Of the test data, by which nothing may be chosen.
  bool is_of_test() const;
  /// Of a line in which it was measured. Throws ValueError for a name that is none, and when the
  /// line has no such value.
  double of(const MetricsRow& row) const;
  /// Whether the line is one by which runs are compared: of training figures those of whole epochs,
  /// else those in which something was measured.
  bool is_in(const MetricsRow& row) const;
};

/// The best value of a run so far, the earlier of equal ones.
struct Best {
  std::int64_t count = 0;  ///< lines that have the value; 0: all else means nothing
  std::size_t row = 0;     ///< the line with the best
  double value = 0;
  std::int64_t since = 0;  ///< lines with a value after it
};

/// Looks at the lines that Metric::is_in says. A value counts as better when it is better by more
/// than `min_delta`. Throws as Metric::of does.
Best best_row(const std::vector<MetricsRow>& history, const Metric& metric, double min_delta = 0);

/// The complete epoch, from 1, with the best value, the earlier of equal ones; 0 before the first.
/// Throws as Metric::of does.
std::int64_t best_epoch(const std::vector<MetricsRow>& history, const Metric& metric);

/// One line of JSON without the line break. Values that are not finite become null.
std::string to_json(const MetricsRow& row);
/// Throws IoError, calling the source `name`, for anything else than a line of to_json.
MetricsRow metrics_row_from_json(std::string_view json, std::string_view name);

}  // namespace ingot::train
