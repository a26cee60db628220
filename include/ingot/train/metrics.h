// What is measured during training, and its form in metrics.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::train {

/// Sums over the samples seen so far.
struct Averages {
  double loss_sum = 0;  ///< of the samples' losses
  std::int64_t correct = 0;
  std::int64_t count = 0;

  void add(double mean_loss, std::int64_t batch_correct, std::int64_t batch_count) {
    loss_sum += mean_loss * static_cast<double>(batch_count);
    correct += batch_correct;
    count += batch_count;
  }
  /// Mean loss of a sample; 0 before the first.
  double loss() const { return count ? loss_sum / static_cast<double>(count) : 0; }
  /// Share of samples whose largest logit is the label's, 0 to 1.
  double accuracy() const {
    return count ? static_cast<double>(correct) / static_cast<double>(count) : 0;
  }
  friend bool operator==(const Averages&, const Averages&) = default;
};

/// One line of metrics.jsonl. Lines inside an epoch carry averages since the line before; the line
/// that ends an epoch carries those of the whole epoch, and the results on the validation data, or
/// on the test data where a run has no validation data.
struct MetricsRow {
  double epoch = 0;  ///< passes done; whole numbers end an epoch
  std::int64_t step = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  std::optional<double> val_loss;  ///< these, or the next two, are set in lines that end an epoch
  std::optional<double> val_accuracy;
  std::optional<double> test_loss;
  std::optional<double> test_accuracy;
  double lr = 0;
  double seconds = 0;  ///< of training since the epoch began, evaluation left out
  double images_per_second = 0;

  bool ends_epoch() const { return val_loss || test_loss; }
  /// What was measured at the end of an epoch, on whichever data; 0 in other lines.
  double measured_loss() const { return val_loss.value_or(test_loss.value_or(0)); }
  double measured_accuracy() const { return val_accuracy.value_or(test_accuracy.value_or(0)); }
};

/// A measured value by which epochs are compared.
struct Metric {
  std::string name;  ///< one of names()

  /// "val_loss", "val_accuracy", "train_loss", "train_accuracy", "test_loss", "test_accuracy".
  static const std::vector<std::string>& names();
  /// Throws ValueError listing the names for any other.
  static Metric parse(const std::string& name);
  /// True of accuracies.
  bool more_is_better() const;
  /// Of the test data, by which nothing may be chosen.
  bool is_of_test() const;
  /// Of a line that ends an epoch. Throws ValueError for a name that is none, and when the line has
  /// no such value.
  double of(const MetricsRow& row) const;
};

/// The complete epoch, from 1, with the best value, the earlier of equal ones; 0 before the first.
/// Throws as Metric::of does.
std::int64_t best_epoch(const std::vector<MetricsRow>& history, const Metric& metric);

/// One line of JSON without the line break. Values that are not finite become null.
std::string to_json(const MetricsRow& row);
/// Throws IoError, calling the source `name`, for anything else than a line of to_json.
MetricsRow metrics_row_from_json(std::string_view json, std::string_view name);

}  // namespace ingot::train
