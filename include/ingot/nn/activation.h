// Activations and reshaping as modules, for use in Sequential.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/module.h>

namespace ingot::nn {

/// max(x, 0).
class ReLU : public Module {
 public:
  using Module::Module;
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<Module> make_same() const override;
};

class Tanh : public Module {
 public:
  using Module::Module;
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// 1 / (1 + exp(-x)).
class Sigmoid : public Module {
 public:
  using Module::Module;
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// exp(x) / sum(exp(x)) along one dimension.
class Softmax : public Module {
 public:
  explicit Softmax(std::int64_t dim = -1) : dim_(dim) {}
  Softmax(Module& owner, std::string name, std::int64_t dim = -1)
      : Module(owner, std::move(name)), dim_(dim) {}
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::int64_t dim_;
};

/// Dimensions `start` to `end` as one: [N, C, H, W] becomes [N, C·H·W].
class Flatten : public Module {
 public:
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_(start), end_(end) {}
  Flatten(Module& owner, std::string name, std::int64_t start = 1, std::int64_t end = -1)
      : Module(owner, std::move(name)), start_(start), end_(end) {}
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::int64_t start_;
  std::int64_t end_;
};

}  // namespace ingot::nn
