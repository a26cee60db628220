#include <fmt/format.h>
#include <ingot/nn/dropout.h>
#include <ingot/ops/dropout.h>

#include "nn/checks.h"

namespace ingot::nn {

void Dropout::check(const DropoutOptions& options) { require_probability("Dropout", options.p); }
void Dropout::set_p(double p) {
  require_probability("Dropout", p);
  changeable_options().p = p;
}
Tensor Dropout::forward(const Tensor& x) { return dropout(x, p(), is_training()); }

void Dropout2d::check(const DropoutOptions& options) {
  require_probability("Dropout2d", options.p);
}
void Dropout2d::set_p(double p) {
  require_probability("Dropout2d", p);
  changeable_options().p = p;
}
Tensor Dropout2d::forward(const Tensor& x) { return feature_dropout(x, p(), is_training()); }

void StochasticDepth::check(double p, const NoOptions&) {
  require_probability("StochasticDepth", p);
}
void StochasticDepth::set_p(double p) {
  require_probability("StochasticDepth", p);
  changeable_argument<0>() = p;
}
Tensor StochasticDepth::forward(const Tensor& x) { return stochastic_depth(x, p(), is_training()); }
std::string StochasticDepth::description() const { return fmt::format("p={}", p()); }

}  // namespace ingot::nn
