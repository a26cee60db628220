#include <ingot/core/site_scope.h>
#include <ingot/nn/loss.h>

namespace ingot::nn {

Tensor detail::Loss::operator()(const Tensor& input, const Tensor& target, Site at) {
  const SiteScope scope(at);
  return forward(input, target);
}

CrossEntropyLoss::CrossEntropyLoss(const CrossEntropyOptions& options)
    : options_(options), weight_(register_buffer("weight", options.weight)) {}

Tensor CrossEntropyLoss::forward(const Tensor& logits, const Tensor& target) {
  CrossEntropyOptions options = options_;
  options.weight = weight_;
  return cross_entropy(logits, target, options);
}

NLLLoss::NLLLoss(const NllLossOptions& options)
    : options_(options), weight_(register_buffer("weight", options.weight)) {}

Tensor NLLLoss::forward(const Tensor& log_probabilities, const Tensor& target) {
  NllLossOptions options = options_;
  options.weight = weight_;
  return nll_loss(log_probabilities, target, options);
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
    : reduction_(reduction), weight_(register_buffer("weight", weight)) {}

Tensor BCELoss::forward(const Tensor& input, const Tensor& target) {
  return binary_cross_entropy(input, target, reduction_, weight_);
}

BCEWithLogitsLoss::BCEWithLogitsLoss(const BceWithLogitsOptions& options)
    : options_(options),
      weight_(register_buffer("weight", options.weight)),
      pos_weight_(register_buffer("pos_weight", options.pos_weight)) {}

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
