// Linear and Identity.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/layer.h>

namespace ingot::nn {

struct LinearOptions {
  bool bias = true;
};

/// x[..., in_features] · weightᵀ + bias: [..., out_features].
/// Parameters: weight[out_features, in_features], bias[out_features], both from U(-k, k) with
/// k = 1/sqrt(in_features), as in PyTorch. Throws ValueError for sizes below 1.
class Linear : public Layer<Linear, LinearOptions, std::int64_t, std::int64_t> {
 public:
  using Layer::Layer;
  static void check(std::int64_t in_features, std::int64_t out_features, const LinearOptions&);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_features() const { return weight.size(1); }
  std::int64_t out_features() const { return weight.size(0); }

 private:
  Tensor first_weight() const;
  Tensor first_bias() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
  Tensor& bias = register_parameter("bias", first_bias());  ///< undefined without bias
};

/// The input itself: takes the place of a layer that is not wanted.
class Identity : public Layer<Identity> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override { return x; }
};

}  // namespace ingot::nn
