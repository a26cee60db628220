#include <fmt/format.h>
#include <ingot/nn/activation.h>

namespace ingot::nn {

Tensor ReLU::forward(const Tensor& x) { return x.relu(); }
Tensor Tanh::forward(const Tensor& x) { return x.tanh(); }
Tensor Sigmoid::forward(const Tensor& x) { return x.sigmoid(); }

Tensor Softmax::forward(const Tensor& x) { return x.softmax(dim_); }
std::string Softmax::description() const { return fmt::format("dim={}", dim_); }

Tensor Flatten::forward(const Tensor& x) { return x.flatten(start_, end_); }
std::string Flatten::description() const {
  return fmt::format("start_dim={}, end_dim={}", start_, end_);
}

std::unique_ptr<Module> ReLU::make_same() const { return std::make_unique<ReLU>(); }

std::unique_ptr<Module> Tanh::make_same() const { return std::make_unique<Tanh>(); }

std::unique_ptr<Module> Sigmoid::make_same() const { return std::make_unique<Sigmoid>(); }

std::unique_ptr<Module> Softmax::make_same() const { return std::make_unique<Softmax>(dim_); }

std::unique_ptr<Module> Flatten::make_same() const {
  return std::make_unique<Flatten>(start_, end_);
}

}  // namespace ingot::nn
