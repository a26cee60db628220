// Activations and reshaping as modules, for use in Sequential.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ingot/nn/module.h>

namespace ingot::nn {

namespace detail {

/// A module without options or state.
template <class Self>
class Plain : public Module {
 public:
  using Module::Module;

 protected:
  std::unique_ptr<Module> make_same() const override { return std::make_unique<Self>(); }
};

}  // namespace detail

/// max(x, 0).
class ReLU : public detail::Plain<ReLU> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

class Tanh : public detail::Plain<Tanh> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// 1 / (1 + exp(-x)).
class Sigmoid : public detail::Plain<Sigmoid> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
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

/// min(max(x, 0), 6).
class ReLU6 : public detail::Plain<ReLU6> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// x·sigmoid(x).
class SiLU : public detail::Plain<SiLU> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// x·tanh(softplus(x)).
class Mish : public detail::Plain<Mish> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// min(max(x + 3, 0), 6) / 6.
class Hardsigmoid : public detail::Plain<Hardsigmoid> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// x·hardsigmoid(x).
class Hardswish : public detail::Plain<Hardswish> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// ingot::selu.
class SELU : public detail::Plain<SELU> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// log(sigmoid(x)).
class LogSigmoid : public detail::Plain<LogSigmoid> {
 public:
  using Plain::Plain;
  Tensor forward(const Tensor& x) override;
};

/// x where x > 0, else negative_slope·x.
class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(double negative_slope = 0.01);
  LeakyReLU(Module& owner, std::string name, double negative_slope = 0.01);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double negative_slope_;
};

/// x where x > 0, else alpha·(exp(x) − 1).
class ELU : public Module {
 public:
  explicit ELU(double alpha = 1);
  ELU(Module& owner, std::string name, double alpha = 1);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double alpha_;
};

/// x where x > 0, else alpha·(exp(x / alpha) − 1). Throws ValueError for alpha = 0.
class CELU : public Module {
 public:
  explicit CELU(double alpha = 1);
  CELU(Module& owner, std::string name, double alpha = 1);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double alpha_;
};

/// x limited to [min_val, max_val]. Throws ValueError unless min_val < max_val.
class Hardtanh : public Module {
 public:
  explicit Hardtanh(double min_val = -1, double max_val = 1);
  Hardtanh(Module& owner, std::string name, double min_val = -1, double max_val = 1);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double min_val_;
  double max_val_;
};

/// log(1 + exp(beta·x)) / beta, and x itself where beta·x > threshold. Throws ValueError for
/// beta = 0.
class Softplus : public Module {
 public:
  explicit Softplus(double beta = 1, double threshold = 20);
  Softplus(Module& owner, std::string name, double beta = 1, double threshold = 20);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double beta_;
  double threshold_;
};

/// x·Φ(x); `approximate` is "none" or "tanh". Throws ValueError for anything else.
class GELU : public Module {
 public:
  explicit GELU(std::string approximate = "none");
  GELU(Module& owner, std::string name, std::string approximate = "none");
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::string approximate_;
};

/// x where x > 0, else weight·x with a trained weight, one for all channels or one for each.
/// Throws ValueError when num_parameters is not positive.
class PReLU : public Module {
 public:
  explicit PReLU(std::int64_t num_parameters = 1, double init = 0.25);
  PReLU(Module& owner, std::string name, std::int64_t num_parameters = 1, double init = 0.25);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::int64_t num_parameters_;
  double init_;

 public:
  Tensor& weight;  ///< [num_parameters]
};

/// log(softmax(x)) along one dimension.
class LogSoftmax : public Module {
 public:
  explicit LogSoftmax(std::int64_t dim = -1) : dim_(dim) {}
  LogSoftmax(Module& owner, std::string name, std::int64_t dim = -1)
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

/// Dimension `dim` as several of the given sizes, of which one may be -1.
class Unflatten : public Module {
 public:
  Unflatten(std::int64_t dim, const Shape& sizes);
  Unflatten(Module& owner, std::string name, std::int64_t dim, const Shape& sizes);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::int64_t dim_;
  Shape sizes_;
};

}  // namespace ingot::nn
