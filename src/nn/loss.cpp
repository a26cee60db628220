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

Tensor MSELoss::forward(const Tensor& input, const Tensor& target) {
  return mse_loss(input, target, reduction_);
}

std::unique_ptr<Module> CrossEntropyLoss::make_same() const {
  return std::make_unique<CrossEntropyLoss>(options_);
}

std::unique_ptr<Module> MSELoss::make_same() const { return std::make_unique<MSELoss>(reduction_); }

}  // namespace ingot::nn
