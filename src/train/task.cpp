#include <ingot/train/task.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/reduction.h>

#include <optional>
#include <utility>

namespace ingot::train {
namespace {

void refuse(const char* task, const char* option) {
  throw ValueError(fmt::format("{}: {} is for tasks with one label a row", task, option));
}

/// [N] of [N] or [N, 1].
Tensor one_value(const Tensor& t) { return t.dim() == 2 && t.size(1) == 1 ? t.squeeze(1) : t; }

Tensor as_float(const Tensor& t, const Tensor& like) {
  return t.dtype() == like.dtype() ? t : t.to(like.dtype());
}

Tensor rows(const Tensor& logits) { return logits.reshape({-1, logits.size(-1)}); }

/// The sum divided by its weights. Where nothing weighs anything it is the sum, which is 0: neither
/// it nor its gradients may be 0 / 0.
Tensor mean_of(const Tensor& sum, const Tensor& weights) {
  return sum / weights.masked_fill(weights.eq(0), 1);
}

}  // namespace

Task::Task(TaskOptions options, std::vector<std::string> default_metrics)
    : options_(std::move(options)),
      metrics_(options_.metrics.empty() ? std::move(default_metrics) : options_.metrics) {
  for (const std::string& name : metrics_) metric_info(name);
  if (!(options_.label_smoothing >= 0 && options_.label_smoothing < 1))
    throw ValueError(fmt::format("label_smoothing must be at least 0 and below 1, got {}",
                                 options_.label_smoothing));
  if (options_.class_weights.defined() && options_.class_weights.dim() != 1)
    throw ValueError(fmt::format("class_weights must be [classes], got {}",
                                 options_.class_weights.shape().str()));
}

Tensor Task::outputs(nn::Module& model, const data::Batch& batch) const {
  if (options_.forward) return options_.forward(model, batch);
  if (batch.num_fields() == 0) throw ValueError("the batch has no fields");
  return model(batch.begin()->value);
}

Tensor Task::count(const data::Batch&) const { return {}; }
Tensor Task::weight(const data::Batch&) const { return {}; }
Tensor Task::correct(const Tensor&, const data::Batch&) const { return {}; }

const Tensor& Task::targets(const data::Batch& batch) const {
  if (!options_.targets.empty()) return batch[options_.targets];
  for (const char* name : {"targets", "labels"})
    if (const Tensor* found = batch.find(name)) return *found;
  if (batch.num_fields() == 2) return batch.targets();
  throw ValueError(
      fmt::format("{}: the batch has no field 'targets' or 'labels', but: {}; name the field that "
                  "holds what is true (TaskOptions::targets)",
                  name(), fmt::join(batch.names(), ", ")));
}

Tensor Task::class_weights(Device device) const {
  const Tensor& weights = options_.class_weights;
  return !weights.defined() || weights.device() == device ? weights : weights.to(device);
}

// -- Classification ---------------------------------------------------------------------------

Classification::Classification(std::int64_t num_classes, TaskOptions options)
    : Task(std::move(options), {"accuracy"}), num_classes_(num_classes) {
  if (num_classes < 0)
    throw ValueError(fmt::format("classification: there cannot be {} classes", num_classes));
}

Tensor Classification::loss(const Tensor& outputs, const data::Batch& batch) const {
  const Tensor weights = weight(batch);
  const Tensor loss =
      cross_entropy(outputs, targets(batch),
                    {.weight = class_weights(outputs.device()),
                     .reduction = weights.defined() ? Reduction::Sum : Reduction::Mean,
                     .label_smoothing = options().label_smoothing});
  return weights.defined() ? mean_of(loss, weights) : loss;
}

Tensor Classification::weight(const data::Batch& batch) const {
  const Tensor& wanted = targets(batch);
  if (!options().class_weights.defined() || wanted.dim() != 1) return {};
  return class_weights(wanted.device()).index_select(0, wanted).sum();
}

/// [N] of [N], or of probabilities [N, C].
Tensor Classification::classes(const data::Batch& batch) const {
  const Tensor& wanted = targets(batch);
  return wanted.dim() == 2 ? wanted.argmax(1) : wanted;
}

Tensor Classification::correct(const Tensor& outputs, const data::Batch& batch) const {
  return predict(outputs).eq(classes(batch)).sum();
}

Tensor Classification::predict(const Tensor& outputs) const { return outputs.detach().argmax(1); }

Judged Classification::judge(const Tensor& outputs, const data::Batch& batch) const {
  return {outputs.detach(), predict(outputs), classes(batch)};
}

// -- Several labels ---------------------------------------------------------------------------

MultiLabelClassification::MultiLabelClassification(std::int64_t num_labels, TaskOptions options)
    : Task(std::move(options), {"accuracy", "micro_f1", "macro_f1"}), num_labels_(num_labels) {
  if (num_labels < 1)
    throw ValueError(
        fmt::format("multi-label classification: there cannot be {} labels", num_labels));
  if (this->options().label_smoothing > 0) refuse("multi-label classification", "label_smoothing");
}

Tensor MultiLabelClassification::loss(const Tensor& outputs, const data::Batch& batch) const {
  return binary_cross_entropy_with_logits(outputs, as_float(targets(batch), outputs),
                                          {.weight = class_weights(outputs.device())});
}

Tensor MultiLabelClassification::correct(const Tensor& outputs, const data::Batch& batch) const {
  return predict(outputs).eq(targets(batch)).all({1}).sum();
}

Tensor MultiLabelClassification::predict(const Tensor& outputs) const {
  return outputs.detach().gt(0).to(DType::Int64);
}

Judged MultiLabelClassification::judge(const Tensor& outputs, const data::Batch& batch) const {
  return {outputs.detach(), predict(outputs), targets(batch).to(DType::Int64)};
}

// -- Regression -------------------------------------------------------------------------------

Regression::Regression(TaskOptions options)
    : Task(std::move(options), {"mse", "mae", "pearson", "spearman"}) {
  if (this->options().label_smoothing > 0) refuse("regression", "label_smoothing");
  if (this->options().class_weights.defined()) refuse("regression", "class_weights");
}

// Shapes are compared here: [N] and [N, 1] would broadcast to [N, N].
Tensor Regression::loss(const Tensor& outputs, const data::Batch& batch) const {
  const Tensor values = one_value(outputs), wanted = one_value(targets(batch));
  if (values.shape() != wanted.shape())
    throw ShapeError(fmt::format("regression: the outputs are {}, what is true is {}",
                                 outputs.shape().str(), targets(batch).shape().str()));
  return mse_loss(values, as_float(wanted, values));
}

Tensor Regression::predict(const Tensor& outputs) const { return one_value(outputs.detach()); }

Judged Regression::judge(const Tensor& outputs, const data::Batch& batch) const {
  const Tensor values = predict(outputs).reshape({-1});
  return {values, values, targets(batch).reshape({-1})};
}

// -- Tokens -----------------------------------------------------------------------------------

TokenClassification::TokenClassification(std::int64_t num_classes, TaskOptions options,
                                         std::int64_t ignore_index)
    : TokenClassification(num_classes, std::move(options), ignore_index,
                          num_classes > 0 ? std::vector<std::string>{"accuracy", "macro_f1"}
                                          : std::vector<std::string>{"accuracy"}) {}

TokenClassification::TokenClassification(std::int64_t num_classes, TaskOptions options,
                                         std::int64_t ignore_index,
                                         std::vector<std::string> default_metrics)
    : Task(std::move(options), std::move(default_metrics)),
      num_classes_(num_classes),
      ignore_index_(ignore_index) {
  if (num_classes < 0)
    throw ValueError(fmt::format("token classification: there cannot be {} classes", num_classes));
}

Tensor TokenClassification::loss(const Tensor& outputs, const data::Batch& batch) const {
  const Tensor sum = cross_entropy(rows(outputs), targets(batch).reshape({-1}),
                                   {.weight = class_weights(outputs.device()),
                                    .reduction = Reduction::Sum,
                                    .ignore_index = ignore_index_,
                                    .label_smoothing = options().label_smoothing});
  const Tensor weights = weight(batch);
  return mean_of(sum, weights.defined() ? weights : count(batch));
}

Tensor TokenClassification::weight(const data::Batch& batch) const {
  if (!options().class_weights.defined()) return {};
  const Tensor wanted = targets(batch).reshape({-1});
  const Tensor ignored = wanted.eq(ignore_index_);
  return class_weights(wanted.device())
      .index_select(0, wanted.masked_fill(ignored, 0))
      .masked_fill(ignored, 0)
      .sum();
}

Tensor TokenClassification::count(const data::Batch& batch) const {
  return targets(batch).ne(ignore_index_).sum();
}

Tensor TokenClassification::correct(const Tensor& outputs, const data::Batch& batch) const {
  const Judged judged = judge(outputs, batch);
  return judged.predictions.eq(judged.targets).logical_and(judged.counted).sum();
}

Tensor TokenClassification::predict(const Tensor& outputs) const {
  return outputs.detach().argmax(-1);
}

Judged TokenClassification::judge(const Tensor& outputs, const data::Batch& batch) const {
  const Tensor wanted = targets(batch).reshape({-1});
  return {rows(outputs.detach()), predict(outputs).reshape({-1}), wanted, wanted.ne(ignore_index_)};
}

}  // namespace ingot::train
