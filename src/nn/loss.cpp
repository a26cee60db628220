#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/loss.h>

namespace ingot::nn {

namespace {

Reduction checked(const char* layer, Reduction reduction) {
  if (reduction == Reduction::BatchMean)
    throw ValueError(fmt::format("{}: Reduction::BatchMean is for KLDivLoss alone", layer));
  return reduction;
}

const Tensor& checked(const char* layer, const char* what, const Tensor& weight) {
  if (weight.defined() && !is_floating(weight.dtype()))
    throw DTypeError(
        fmt::format("{}: {} must be floating-point, got {}", layer, what, name(weight.dtype())));
  return weight;
}

// One factor per class.
const Tensor& checked_classes(const char* layer, const Tensor& weight) {
  if (weight.defined() && weight.dim() != 1)
    throw ShapeError(fmt::format("{}: weight must have one dimension, a factor per class, got {}",
                                 layer, weight.shape().str()));
  return checked(layer, "weight", weight);
}

}  // namespace

void CrossEntropyLoss::check(const CrossEntropyOptions& options) {
  checked_classes("CrossEntropyLoss", options.weight);
  checked("CrossEntropyLoss", options.reduction);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw ValueError(fmt::format("CrossEntropyLoss: label_smoothing must lie in [0, 1], got {}",
                                 options.label_smoothing));
}

Tensor CrossEntropyLoss::forward(const Tensor& logits, const Tensor& target) {
  CrossEntropyOptions now = options();
  now.weight = weight_;
  return cross_entropy(logits, target, now);
}

void NLLLoss::check(const NllLossOptions& options) {
  checked_classes("NLLLoss", options.weight);
  checked("NLLLoss", options.reduction);
}

Tensor NLLLoss::forward(const Tensor& log_probabilities, const Tensor& target) {
  NllLossOptions now = options();
  now.weight = weight_;
  return nll_loss(log_probabilities, target, now);
}

void MSELoss::check(const LossOptions& options) { checked("MSELoss", options.reduction); }
Tensor MSELoss::forward(const Tensor& input, const Tensor& target) {
  return mse_loss(input, target, options().reduction);
}

void L1Loss::check(const LossOptions& options) { checked("L1Loss", options.reduction); }
Tensor L1Loss::forward(const Tensor& input, const Tensor& target) {
  return l1_loss(input, target, options().reduction);
}

void SmoothL1Loss::check(const SmoothL1LossOptions& options) {
  checked("SmoothL1Loss", options.reduction);
  if (!(options.beta >= 0))
    throw ValueError(fmt::format("SmoothL1Loss: beta must not be negative, got {}", options.beta));
}
Tensor SmoothL1Loss::forward(const Tensor& input, const Tensor& target) {
  return smooth_l1_loss(input, target, options());
}

void HuberLoss::check(const HuberLossOptions& options) {
  checked("HuberLoss", options.reduction);
  if (!(options.delta > 0))
    throw ValueError(fmt::format("HuberLoss: delta must be positive, got {}", options.delta));
}
Tensor HuberLoss::forward(const Tensor& input, const Tensor& target) {
  return huber_loss(input, target, options());
}

void KLDivLoss::check(const KlDivOptions&) {}
Tensor KLDivLoss::forward(const Tensor& input, const Tensor& target) {
  return kl_div(input, target, options());
}

void BCELoss::check(const BceLossOptions& options) {
  checked("BCELoss", "weight", options.weight);
  checked("BCELoss", options.reduction);
}
Tensor BCELoss::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy(input, target, options().reduction, weight_);
}

void BCEWithLogitsLoss::check(const BceWithLogitsOptions& options) {
  checked("BCEWithLogitsLoss", "weight", options.weight);
  checked("BCEWithLogitsLoss", "pos_weight", options.pos_weight);
  checked("BCEWithLogitsLoss", options.reduction);
}
Tensor BCEWithLogitsLoss::forward(const Tensor& logits, const Tensor& target) {
  BceWithLogitsOptions now = options();
  now.weight = weight_;
  now.pos_weight = pos_weight_;
  return binary_cross_entropy_with_logits(logits, target, now);
}

}  // namespace ingot::nn
