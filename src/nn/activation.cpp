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

LeakyReLU::LeakyReLU(double negative_slope) : negative_slope_(negative_slope) {}
LeakyReLU::LeakyReLU(Module& owner, std::string name, double negative_slope)
    : LeakyReLU(negative_slope) {
  attach_to(owner, std::move(name));
}
Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, negative_slope_); }
std::string LeakyReLU::description() const {
  return fmt::format("negative_slope={}", negative_slope_);
}
std::unique_ptr<Module> LeakyReLU::make_same() const {
  return std::make_unique<LeakyReLU>(negative_slope_);
}

ELU::ELU(double alpha) : alpha_(alpha) {}
ELU::ELU(Module& owner, std::string name, double alpha) : ELU(alpha) {
  attach_to(owner, std::move(name));
}
Tensor ELU::forward(const Tensor& x) { return elu(x, alpha_); }
std::string ELU::description() const { return fmt::format("alpha={}", alpha_); }
std::unique_ptr<Module> ELU::make_same() const { return std::make_unique<ELU>(alpha_); }

CELU::CELU(double alpha) : alpha_(alpha) {
  if (alpha == 0) throw ValueError("CELU: alpha must not be 0");
}
CELU::CELU(Module& owner, std::string name, double alpha) : CELU(alpha) {
  attach_to(owner, std::move(name));
}
Tensor CELU::forward(const Tensor& x) { return celu(x, alpha_); }
std::string CELU::description() const { return fmt::format("alpha={}", alpha_); }
std::unique_ptr<Module> CELU::make_same() const { return std::make_unique<CELU>(alpha_); }

Hardtanh::Hardtanh(double min_val, double max_val) : min_val_(min_val), max_val_(max_val) {
  if (!(min_val < max_val))
    throw ValueError(
        fmt::format("Hardtanh: min_val must be below max_val, got {} and {}", min_val, max_val));
}
Hardtanh::Hardtanh(Module& owner, std::string name, double min_val, double max_val)
    : Hardtanh(min_val, max_val) {
  attach_to(owner, std::move(name));
}
Tensor Hardtanh::forward(const Tensor& x) { return hardtanh(x, min_val_, max_val_); }
std::string Hardtanh::description() const {
  return fmt::format("min_val={}, max_val={}", min_val_, max_val_);
}
std::unique_ptr<Module> Hardtanh::make_same() const {
  return std::make_unique<Hardtanh>(min_val_, max_val_);
}

Softplus::Softplus(double beta, double threshold) : beta_(beta), threshold_(threshold) {
  if (beta == 0) throw ValueError("Softplus: beta must not be 0");
}
Softplus::Softplus(Module& owner, std::string name, double beta, double threshold)
    : Softplus(beta, threshold) {
  attach_to(owner, std::move(name));
}
Tensor Softplus::forward(const Tensor& x) { return softplus(x, beta_, threshold_); }
std::string Softplus::description() const {
  return fmt::format("beta={}, threshold={}", beta_, threshold_);
}
std::unique_ptr<Module> Softplus::make_same() const {
  return std::make_unique<Softplus>(beta_, threshold_);
}

GELU::GELU(std::string approximate) : approximate_(std::move(approximate)) {
  if (approximate_ != "none" && approximate_ != "tanh")
    throw ValueError(
        fmt::format("GELU: approximate must be \"none\" or \"tanh\", got \"{}\"", approximate_));
}
GELU::GELU(Module& owner, std::string name, std::string approximate)
    : GELU(std::move(approximate)) {
  attach_to(owner, std::move(name));
}
Tensor GELU::forward(const Tensor& x) { return gelu(x, approximate_); }
std::string GELU::description() const { return fmt::format("approximate='{}'", approximate_); }
std::unique_ptr<Module> GELU::make_same() const { return std::make_unique<GELU>(approximate_); }

namespace {
Shape prelu_shape(std::int64_t num_parameters) {
  require_at_least("PReLU", "num_parameters", num_parameters, 1);
  return {num_parameters};
}
}  // namespace

PReLU::PReLU(std::int64_t num_parameters, double init)
    : num_parameters_(num_parameters),
      init_(init),
      weight(register_parameter("weight", full(prelu_shape(num_parameters), init))) {}
PReLU::PReLU(Module& owner, std::string name, std::int64_t num_parameters, double init)
    : PReLU(num_parameters, init) {
  attach_to(owner, std::move(name));
}
Tensor PReLU::forward(const Tensor& x) { return prelu(x, weight); }
std::string PReLU::description() const { return fmt::format("num_parameters={}", num_parameters_); }
std::unique_ptr<Module> PReLU::make_same() const {
  return std::make_unique<PReLU>(num_parameters_, init_);
}

Tensor Softmax::forward(const Tensor& x) { return x.softmax(dim_); }
std::string Softmax::description() const { return fmt::format("dim={}", dim_); }
std::unique_ptr<Module> Softmax::make_same() const { return std::make_unique<Softmax>(dim_); }

Tensor LogSoftmax::forward(const Tensor& x) { return log_softmax(x, dim_); }
std::string LogSoftmax::description() const { return fmt::format("dim={}", dim_); }
std::unique_ptr<Module> LogSoftmax::make_same() const { return std::make_unique<LogSoftmax>(dim_); }

Tensor Flatten::forward(const Tensor& x) { return x.flatten(start_, end_); }
std::string Flatten::description() const {
  return fmt::format("start_dim={}, end_dim={}", start_, end_);
}
std::unique_ptr<Module> Flatten::make_same() const {
  return std::make_unique<Flatten>(start_, end_);
}

}  // namespace ingot::nn
