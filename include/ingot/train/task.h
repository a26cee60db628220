// Task: what one problem asks of a network: how a batch goes in, the loss, what is predicted, and
// the metrics by which it is judged. A Trainer and evaluate() know nothing else of the problem.
//
//   train::SequenceClassification task(2, {.forward = ..., .metrics = {"accuracy", "f1"}});
//
// A task of your own derives from Task, or from the one that is nearest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>
#include <ingot/data/batch.h>
#include <ingot/nn/module.h>
#include <ingot/train/metric_registry.h>

namespace ingot::train {

/// A network's outputs for a batch that is on its device.
using Forward = std::function<Tensor(nn::Module& model, const data::Batch& batch)>;

struct TaskOptions {
  /// How the batch goes in, for networks that take more than one tensor; by default
  /// `model(batch's first field)`.
  Forward forward = {};
  /// The field that holds what is true; by default "targets", "labels", or the second of two.
  std::string targets = {};
  /// Names of the registry (metric_infos), in the order in which they are reported; by default the
  /// task's own.
  std::vector<std::string> metrics = {};
  /// One factor for each class, [C], of the classifying tasks; undefined: all are 1.
  Tensor class_weights = {};
  /// In [0, 1): this share of a target goes to all classes; of tasks with one label a row. It
  /// counts in evaluations, too.
  double label_smoothing = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  /// Such as "image classification".
  virtual std::string name() const = 0;
  /// Runs the network. Every field of the batch is on its device.
  virtual Tensor outputs(nn::Module& model, const data::Batch& batch) const;
  /// What is to become small: the mean over count(batch) terms, weighted where weight() says so,
  /// 0-dim. Finite for a batch without terms, too: such a batch is trained on like any other.
  virtual Tensor loss(const Tensor& outputs, const data::Batch& batch) const = 0;
  /// How many terms loss() is the mean of, int64 0-dim; undefined: one for each sample.
  virtual Tensor count(const data::Batch& batch) const;
  /// What loss() was divided by to be a mean, where that is not count(): the sum of the terms'
  /// weights, floating, 0-dim; undefined: count(). Means over several batches, and the gradients of
  /// several in one step, are weighted by it.
  virtual Tensor weight(const data::Batch& batch) const;
  /// Right answers among them, int64 0-dim; undefined: answers are not right or wrong.
  virtual Tensor correct(const Tensor& outputs, const data::Batch& batch) const;
  /// The answers: classes, int64; 0 or 1 for each label; values.
  virtual Tensor predict(const Tensor& outputs) const = 0;
  /// What metrics are made of.
  virtual Judged judge(const Tensor& outputs, const data::Batch& batch) const = 0;
  /// What metrics may need to know.
  virtual MetricTask metric_task() const { return {}; }

  /// Of an evaluation, by name.
  const std::vector<std::string>& metrics() const { return metrics_; }
  /// The batch's field of what is true. Throws ValueError listing the fields when it is not there.
  const Tensor& targets(const data::Batch& batch) const;

 protected:
  /// Throws ValueError for an unknown metric and for options out of range.
  Task(TaskOptions options, std::vector<std::string> default_metrics);
  const TaskOptions& options() const { return options_; }
  /// options().class_weights there; undefined when there are none.
  Tensor class_weights(Device device) const;

 private:
  TaskOptions options_;
  std::vector<std::string> metrics_;
};

/// One of C classes for a sample: logits [N, C], targets int64 [N] or probabilities [N, C] (as
/// mixtures of samples have them), cross-entropy. Of probabilities the likeliest class is the right
/// one. With class_weights the mean is PyTorch's: classes are divided by their weights,
/// probabilities by N; where all weights are 0 it is 0.
class Classification : public Task {
 public:
  /// `num_classes` may be 0 when no metric asks for it. By default metrics = {"accuracy"}.
  explicit Classification(std::int64_t num_classes = 0, TaskOptions options = {});
  std::string name() const override { return "classification"; }
  Tensor loss(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor weight(const data::Batch& batch) const override;
  Tensor correct(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor predict(const Tensor& outputs) const override;
  Judged judge(const Tensor& outputs, const data::Batch& batch) const override;
  MetricTask metric_task() const override { return {num_classes_, false, Answers::Classes}; }

 private:
  Tensor classes(const data::Batch& batch) const;
  std::int64_t num_classes_;
};

class ImageClassification : public Classification {
 public:
  using Classification::Classification;
  std::string name() const override { return "image classification"; }
};

/// Of a text, or of a pair of texts that the tokenizer has joined.
class SequenceClassification : public Classification {
 public:
  using Classification::Classification;
  std::string name() const override { return "sequence classification"; }
};

/// Any of C labels for a sample: logits [N, C], targets [N, C] of 0 and 1 in any dtype, binary
/// cross-entropy, the mean over samples and labels. A label is predicted where its logit is above
/// 0. A sample is right when all its labels are. By default metrics = {"accuracy", "micro_f1",
/// "macro_f1"}. class_weights are factors of the labels' losses.
class MultiLabelClassification : public Task {
 public:
  /// Throws ValueError for num_labels < 1 and for label_smoothing.
  explicit MultiLabelClassification(std::int64_t num_labels, TaskOptions options = {});
  std::string name() const override { return "multi-label classification"; }
  Tensor loss(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor correct(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor predict(const Tensor& outputs) const override;
  Judged judge(const Tensor& outputs, const data::Batch& batch) const override;
  MetricTask metric_task() const override { return {num_labels_, true, Answers::Classes}; }

 private:
  std::int64_t num_labels_;
};

/// A number for a sample: outputs [N] or [N, 1], targets [N] or [N, 1] in any dtype, mean squared
/// error. By default metrics = {"mse", "mae", "pearson", "spearman"}.
class Regression : public Task {
 public:
  /// Throws ValueError for label_smoothing and class_weights.
  explicit Regression(TaskOptions options = {});
  std::string name() const override { return "regression"; }
  Tensor loss(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor predict(const Tensor& outputs) const override;
  Judged judge(const Tensor& outputs, const data::Batch& batch) const override;
  MetricTask metric_task() const override { return {.answers = Answers::Values}; }
};

/// One of C classes for each token: logits [N, T, C], targets int64 [N, T], cross-entropy over the
/// tokens whose target is not ignore_index (as transformers' heads). count() are these tokens. The
/// loss of a batch without any, or whose weights are all 0, is 0. By default metrics =
/// {"accuracy"}, and macro_f1 where the number of classes is given.
class TokenClassification : public Task {
 public:
  explicit TokenClassification(std::int64_t num_classes = 0, TaskOptions options = {},
                               std::int64_t ignore_index = -100);
  std::string name() const override { return "token classification"; }
  Tensor loss(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor count(const data::Batch& batch) const override;
  Tensor weight(const data::Batch& batch) const override;
  Tensor correct(const Tensor& outputs, const data::Batch& batch) const override;
  Tensor predict(const Tensor& outputs) const override;
  Judged judge(const Tensor& outputs, const data::Batch& batch) const override;
  MetricTask metric_task() const override { return {num_classes_, false, Answers::Classes}; }

 protected:
  TokenClassification(std::int64_t num_classes, TaskOptions options, std::int64_t ignore_index,
                      std::vector<std::string> default_metrics);

 private:
  std::int64_t num_classes_, ignore_index_;
};

/// The tokens that were hidden: token classification over the vocabulary. By default metrics =
/// {"accuracy", "perplexity"}.
class MaskedLanguageModel : public TokenClassification {
 public:
  explicit MaskedLanguageModel(TaskOptions options = {}, std::int64_t ignore_index = -100)
      : TokenClassification(0, std::move(options), ignore_index, {"accuracy", "perplexity"}) {}
  std::string name() const override { return "masked language modelling"; }
};

}  // namespace ingot::train
