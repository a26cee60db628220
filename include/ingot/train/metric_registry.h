// Metrics by name: what each is, whether more of it is better, and how it is accumulated.
//
// A metric is accumulated on the device of the batches: adding a batch records operations and waits
// for nothing. Definitions are scikit-learn's (and scipy's, of the correlations).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/tensor.h>
#include <ingot/train/metrics.h>

namespace ingot::train {

/// What a network said of the samples of a batch, and what is true. Rows of sequences are their
/// tokens, one after the other.
struct Judged {
  Tensor outputs;       ///< logits [N, C], or values [N]
  Tensor predictions;   ///< classes, int64 [N]; 0 or 1 for each label, int64 [N, C]; values [N]
  Tensor targets;       ///< like the predictions
  Tensor counted = {};  ///< bool [N]: the rows that count; undefined: all do
};

/// The sums of one metric over a pass.
class MetricState {
 public:
  virtual ~MetricState() = default;
  /// Records what the batch adds.
  virtual void add(const Judged& batch) = 0;
  /// What has been recorded: to be evaluated with the batch.
  virtual std::vector<Tensor> tensors() const = 0;
  /// Of all that was added; waits for it. NaN where the metric is not defined (no rows).
  virtual double value() const = 0;
};

/// What a task's answers are.
enum class Answers {
  Unknown,  ///< the task does not say
  Classes,  ///< right or wrong; of several labels each is
  Values,   ///< near or far
};

/// What a metric may need to know of its task.
struct MetricTask {
  std::int64_t num_classes = 0;  ///< 0: unknown, or there are none
  bool multi_label = false;
  Answers answers = Answers::Unknown;
};

struct MetricInfo {
  std::string name;
  std::string definition;  ///< a sentence or a formula
  bool more_is_better = true;
  /// Makes empty sums. Throws ValueError when the task is none that the metric is for.
  std::function<std::unique_ptr<MetricState>(const MetricTask&)> make = {};
  /// Instead of `make`: of the averages, which are measured in any case.
  std::function<double(const Averages&)> of_averages = {};
  /// Of `of_averages`: it is of right answers, so for no task whose answers are values.
  bool needs_right_answers = false;
};

/// All metrics: accuracy, top5 (any top and a number will do), precision, recall, f1 (of class 1 of
/// two), macro_precision, macro_recall, macro_f1, micro_f1, matthews, pearson, spearman, mse, mae,
/// perplexity, and those that were registered.
std::vector<MetricInfo> metric_infos();
/// Throws ValueError listing what there is.
MetricInfo metric_info(const std::string& name);
/// Empty sums of the metric, null where it is of the averages. Throws ValueError when the task is
/// none that the metric is for.
std::unique_ptr<MetricState> make_state(const MetricInfo& info, const MetricTask& task);
/// Adds a metric of one's own. Throws ValueError when the name is taken or empty, or the info has
/// neither `make` nor `of_averages`.
void register_metric(MetricInfo info);

/// Counts of a confusion matrix: [true class][predicted class].
using ConfusionMatrix = std::vector<std::vector<std::int64_t>>;

/// Accumulates a confusion matrix, which is no number and so no metric, in the same way.
class ConfusionState {
 public:
  /// Throws ValueError for num_classes < 1.
  explicit ConfusionState(std::int64_t num_classes);
  void add(const Judged& batch);
  std::vector<Tensor> tensors() const { return {counts_}; }
  ConfusionMatrix value() const;

 private:
  std::int64_t classes_;
  Tensor counts_;  // [C * C]
};

/// Figures of one class against all others; 0 where nothing is divided by nothing.
struct ClassFigures {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  std::int64_t support = 0;  ///< samples of the class
};
std::vector<ClassFigures> class_figures(const ConfusionMatrix& matrix);

}  // namespace ingot::train
