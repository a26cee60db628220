// Dropout.
#pragma once

#include <string>

#include <ingot/nn/layer.h>

namespace ingot::nn {

struct DropoutOptions {
  double p = 0.5;  ///< how likely an element (a channel) is zeroed
  void each(auto&& f) const { f("p", p); }
};

/// In training, zeroes each element with probability `p` and scales the others by 1/(1 - p); in
/// evaluation, the input itself. Throws ValueError unless 0 <= p <= 1.
class Dropout : public Layer<Dropout, DropoutOptions> {
 public:
  using Layer::Layer;
  static void check(const DropoutOptions& options);
  Tensor forward(const Tensor& x) override;

  double p() const { return options().p; }
  void set_p(double p);
};

/// ingot::feature_dropout: the same for whole channels of x[N, C, H, W].
class Dropout2d : public Layer<Dropout2d, DropoutOptions> {
 public:
  using Layer::Layer;
  static void check(const DropoutOptions& options);
  Tensor forward(const Tensor& x) override;

  double p() const { return options().p; }
  void set_p(double p);
};

/// ingot::stochastic_depth: in training, zeroes whole samples with probability `p` and scales the
/// others by 1/(1 - p); in evaluation, the input itself. Throws ValueError unless 0 <= p <= 1.
class StochasticDepth : public Layer<StochasticDepth, NoOptions, double> {
 public:
  using Layer::Layer;
  static void check(double p, const NoOptions&);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

  double p() const { return argument<0>(); }
  void set_p(double p);
};

}  // namespace ingot::nn
