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

Tensor detail::Loss::operator()(const Tensor& input, const Tensor& target, Site at) {
  if (Loss& self = in_place_of(*this); &self != this) return self(input, target, at);
  return call(input, at, [&](const Tensor& x) { return forward(x, target); });
}

CrossEntropyLoss::CrossEntropyLoss(const CrossEntropyOptions& options)
    : options_(options),
      weight_(register_buffer("weight", checked_classes("CrossEntropyLoss", options.weight))) {
  checked("CrossEntropyLoss", options.reduction);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw ValueError(fmt::format("CrossEntropyLoss: label_smoothing must lie in [0, 1], got {}",
                                 options.label_smoothing));
}

Tensor CrossEntropyLoss::forward(const Tensor& logits, const Tensor& target) {
  CrossEntropyOptions options = options_;
  options.weight = weight_;
  return cross_entropy(logits, target, options);
}

NLLLoss::NLLLoss(const NllLossOptions& options)
    : options_(options),
      weight_(register_buffer("weight", checked_classes("NLLLoss", options.weight))) {
  checked("NLLLoss", options.reduction);
}

Tensor NLLLoss::forward(const Tensor& log_probabilities, const Tensor& target) {
  NllLossOptions options = options_;
  options.weight = weight_;
  return nll_loss(log_probabilities, target, options);
}

MSELoss::MSELoss(Reduction reduction) : reduction_(checked("MSELoss", reduction)) {}
L1Loss::L1Loss(Reduction reduction) : reduction_(checked("L1Loss", reduction)) {}

SmoothL1Loss::SmoothL1Loss(Reduction reduction, double beta)
    : reduction_(checked("SmoothL1Loss", reduction)), beta_(beta) {
  if (!(beta >= 0))
    throw ValueError(fmt::format("SmoothL1Loss: beta must not be negative, got {}", beta));
}

HuberLoss::HuberLoss(Reduction reduction, double delta)
    : reduction_(checked("HuberLoss", reduction)), delta_(delta) {
  if (!(delta > 0))
    throw ValueError(fmt::format("HuberLoss: delta must be positive, got {}", delta));
}

Tensor MSELoss::forward(const Tensor& input, const Tensor& target) {
  return mse_loss(input, target, reduction_);
}
Tensor L1Loss::forward(const Tensor& input, const Tensor& target) {
  return l1_loss(input, target, reduction_);
}
Tensor SmoothL1Loss::forward(const Tensor& input, const Tensor& target) {
  return smooth_l1_loss(input, target, reduction_, beta_);
}
Tensor HuberLoss::forward(const Tensor& input, const Tensor& target) {
  return huber_loss(input, target, reduction_, delta_);
}
Tensor KLDivLoss::forward(const Tensor& input, const Tensor& target) {
  return kl_div(input, target, reduction_, log_target_);
}

BCELoss::BCELoss(const Tensor& weight, Reduction reduction)
    : reduction_(checked("BCELoss", reduction)),
      weight_(register_buffer("weight", checked("BCELoss", "weight", weight))) {}

Tensor BCELoss::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy(input, target, reduction_, weight_);
}

BCEWithLogitsLoss::BCEWithLogitsLoss(const BceWithLogitsOptions& options)
    : options_(options),
      weight_(register_buffer("weight", checked("BCEWithLogitsLoss", "weight", options.weight))),
      pos_weight_(register_buffer("pos_weight",
                                  checked("BCEWithLogitsLoss", "pos_weight", options.pos_weight))) {
  checked("BCEWithLogitsLoss", options.reduction);
}

Tensor BCEWithLogitsLoss::forward(const Tensor& logits, const Tensor& target) {
  BceWithLogitsOptions options = options_;
  options.weight = weight_;
  options.pos_weight = pos_weight_;
  return binary_cross_entropy_with_logits(logits, target, options);
}

std::unique_ptr<Module> CrossEntropyLoss::make_same() const {
  return std::make_unique<CrossEntropyLoss>(options_);
}
std::unique_ptr<Module> NLLLoss::make_same() const { return std::make_unique<NLLLoss>(options_); }
std::unique_ptr<Module> MSELoss::make_same() const { return std::make_unique<MSELoss>(reduction_); }
std::unique_ptr<Module> L1Loss::make_same() const { return std::make_unique<L1Loss>(reduction_); }
std::unique_ptr<Module> SmoothL1Loss::make_same() const {
  return std::make_unique<SmoothL1Loss>(reduction_, beta_);
}
std::unique_ptr<Module> HuberLoss::make_same() const {
  return std::make_unique<HuberLoss>(reduction_, delta_);
}
std::unique_ptr<Module> KLDivLoss::make_same() const {
  return std::make_unique<KLDivLoss>(reduction_, log_target_);
}
std::unique_ptr<Module> BCELoss::make_same() const {
  return std::make_unique<BCELoss>(weight_, reduction_);
}
std::unique_ptr<Module> BCEWithLogitsLoss::make_same() const {
  return std::make_unique<BCEWithLogitsLoss>(options_);
}

}  // namespace ingot::nn
