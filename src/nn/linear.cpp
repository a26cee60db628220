#include <fmt/format.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>

#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

void draw_weight(Tensor& weight) { init::kaiming_uniform_(weight, std::sqrt(5.0)); }

void draw_bias(Tensor& bias, std::int64_t in_features) {
  const double bound = 1 / std::sqrt(static_cast<double>(in_features));
  init::uniform_(bias, -bound, bound);
}

}  // namespace

void Linear::check(std::int64_t in_features, std::int64_t out_features, const LinearOptions&) {
  require_at_least("Linear", "in_features", in_features, 1);
  require_at_least("Linear", "out_features", out_features, 1);
}

Tensor Linear::first_weight() const {
  Tensor w = zeros({argument<1>(), argument<0>()});
  draw_weight(w);
  return w;
}

Tensor Linear::first_bias() const {
  if (!options().bias) return {};
  Tensor b = zeros(argument<1>());
  draw_bias(b, argument<0>());
  return b;
}

void Linear::reset_parameters() {
  draw_weight(weight);
  if (bias.defined()) draw_bias(bias, in_features());
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

std::string Linear::description() const {
  return fmt::format("in_features={}, out_features={}, bias={}", in_features(), out_features(),
                     bias.defined());
}

}  // namespace ingot::nn
