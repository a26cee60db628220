#include <fmt/format.h>
#include <ingot/nn/dropout.h>
#include <ingot/ops/dropout.h>

#include "nn/checks.h"

namespace ingot::nn {

Dropout::Dropout(double p) : p_(p) { require_probability("Dropout", p); }

Dropout::Dropout(Module& owner, std::string name, double p) : Dropout(p) {
  attach_to(owner, std::move(name));
}

void Dropout::set_p(double p) {
  require_probability("Dropout", p);
  p_ = p;
}

Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, is_training()); }
std::string Dropout::description() const { return fmt::format("p={}", p_); }

std::unique_ptr<Module> Dropout::make_same() const { return std::make_unique<Dropout>(p_); }

StochasticDepth::StochasticDepth(double p) : p_(p) { require_probability("StochasticDepth", p); }

StochasticDepth::StochasticDepth(Module& owner, std::string name, double p) : StochasticDepth(p) {
  attach_to(owner, std::move(name));
}

void StochasticDepth::set_p(double p) {
  require_probability("StochasticDepth", p);
  p_ = p;
}

Tensor StochasticDepth::forward(const Tensor& x) { return stochastic_depth(x, p_, is_training()); }
std::string StochasticDepth::description() const { return fmt::format("p={}", p_); }

std::unique_ptr<Module> StochasticDepth::make_same() const {
  return std::make_unique<StochasticDepth>(p_);
}

Dropout2d::Dropout2d(double p) : p_(p) { require_probability("Dropout2d", p); }

Dropout2d::Dropout2d(Module& owner, std::string name, double p) : Dropout2d(p) {
  attach_to(owner, std::move(name));
}

void Dropout2d::set_p(double p) {
  require_probability("Dropout2d", p);
  p_ = p;
}

Tensor Dropout2d::forward(const Tensor& x) { return feature_dropout(x, p_, is_training()); }
std::string Dropout2d::description() const { return fmt::format("p={}", p_); }

std::unique_ptr<Module> Dropout2d::make_same() const { return std::make_unique<Dropout2d>(p_); }

}  // namespace ingot::nn
