#include <fmt/format.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>

#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

namespace {
Shape weight_shape(std::int64_t in_features, std::int64_t out_features) {
  require_at_least("Linear", "in_features", in_features, 1);
  require_at_least("Linear", "out_features", out_features, 1);
  return {out_features, in_features};
}
}  // namespace

Linear::Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options)
    : weight(register_parameter("weight", zeros(weight_shape(in_features, out_features)))),
      bias(register_parameter("bias", options.bias ? zeros({out_features}) : Tensor())) {
  reset_parameters();
}

Linear::Linear(Module& owner, std::string name, std::int64_t in_features, std::int64_t out_features,
               const LinearOptions& options)
    : Linear(in_features, out_features, options) {
  attach_to(owner, std::move(name));
}

void Linear::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const double bound = 1 / std::sqrt(static_cast<double>(in_features()));
  init::uniform_(bias, -bound, bound);
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

std::string Linear::description() const {
  return fmt::format("in_features={}, out_features={}, bias={}", in_features(), out_features(),
                     bias.defined());
}

std::unique_ptr<Module> Linear::make_same() const {
  return std::make_unique<Linear>(in_features(), out_features(),
                                  LinearOptions{.bias = bias.defined()});
}

std::unique_ptr<Module> Identity::make_same() const { return std::make_unique<Identity>(); }

}  // namespace ingot::nn
