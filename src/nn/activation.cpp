#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/activation.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/softmax.h>

#include "nn/checks.h"

namespace ingot::nn {

Tensor ReLU::forward(const Tensor& x) { return x.relu(); }
Tensor ReLU6::forward(const Tensor& x) { return relu6(x); }
Tensor Tanh::forward(const Tensor& x) { return x.tanh(); }
Tensor Sigmoid::forward(const Tensor& x) { return x.sigmoid(); }
Tensor SiLU::forward(const Tensor& x) { return silu(x); }
Tensor Mish::forward(const Tensor& x) { return mish(x); }
Tensor Hardsigmoid::forward(const Tensor& x) { return hardsigmoid(x); }
Tensor Hardswish::forward(const Tensor& x) { return hardswish(x); }
Tensor SELU::forward(const Tensor& x) { return selu(x); }
Tensor LogSigmoid::forward(const Tensor& x) { return logsigmoid(x); }
Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, options().negative_slope); }
Tensor ELU::forward(const Tensor& x) { return elu(x, options().alpha); }
Tensor CELU::forward(const Tensor& x) { return celu(x, options().alpha); }
Tensor Hardtanh::forward(const Tensor& x) {
  return hardtanh(x, options().min_val, options().max_val);
}
Tensor Softplus::forward(const Tensor& x) {
  return softplus(x, options().beta, options().threshold);
}
Tensor GELU::forward(const Tensor& x) { return gelu(x, options().approximate); }
Tensor Softmax::forward(const Tensor& x) { return x.softmax(options().dim); }
Tensor LogSoftmax::forward(const Tensor& x) { return log_softmax(x, options().dim); }
Tensor Flatten::forward(const Tensor& x) {
  return x.flatten(options().start_dim, options().end_dim);
}

void CELU::check(const CELUOptions& options) {
  if (options.alpha == 0) throw ValueError("CELU: alpha must not be 0");
}

void Hardtanh::check(const HardtanhOptions& options) {
  if (!(options.min_val < options.max_val))
    throw ValueError(fmt::format("Hardtanh: min_val must be below max_val, got {} and {}",
                                 options.min_val, options.max_val));
}

void Softplus::check(const SoftplusOptions& options) {
  if (options.beta == 0) throw ValueError("Softplus: beta must not be 0");
}

void GELU::check(const GELUOptions& options) {
  if (options.approximate != "none" && options.approximate != "tanh")
    throw ValueError(fmt::format("GELU: approximate must be \"none\" or \"tanh\", got \"{}\"",
                                 options.approximate));
}

void PReLU::check(const PReLUOptions& options) {
  require_at_least("PReLU", "num_parameters", options.num_parameters, 1);
}
Tensor PReLU::first_weight() const { return full(options().num_parameters, options().init); }
Tensor PReLU::forward(const Tensor& x) { return prelu(x, weight); }
std::string PReLU::description() const {
  return fmt::format("num_parameters={}", options().num_parameters);
}

}  // namespace ingot::nn
