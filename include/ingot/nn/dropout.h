// Dropout.
#pragma once

#include <string>

#include <ingot/nn/module.h>

namespace ingot::nn {

/// In training, zeroes each element with probability `p` and scales the others by 1/(1 - p); in
/// evaluation, the input itself. Throws ValueError unless 0 <= p <= 1.
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5);
  Dropout(Module& owner, std::string name, double p = 0.5);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

  double p() const { return p_; }
  void set_p(double p);

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double p_;
};

/// ingot::stochastic_depth: in training, zeroes whole samples with probability `p` and scales the
/// others by 1/(1 - p); in evaluation, the input itself. Throws ValueError unless 0 <= p <= 1.
class StochasticDepth : public Module {
 public:
  explicit StochasticDepth(double p);
  StochasticDepth(Module& owner, std::string name, double p);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

  double p() const { return p_; }
  void set_p(double p);

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double p_;
};

/// ingot::feature_dropout: the same for whole channels of x[N, C, H, W].
class Dropout2d : public Module {
 public:
  explicit Dropout2d(double p = 0.5);
  Dropout2d(Module& owner, std::string name, double p = 0.5);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

  double p() const { return p_; }
  void set_p(double p);

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  double p_;
};

}  // namespace ingot::nn
