// Linear and Identity.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/module.h>

namespace ingot::nn {

struct LinearOptions {
  bool bias = true;
};

/// x[..., in_features] · weightᵀ + bias: [..., out_features].
/// Parameters: weight[out_features, in_features], bias[out_features], both from U(-k, k) with
/// k = 1/sqrt(in_features), as in PyTorch. Throws ValueError for sizes below 1.
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
  Linear(Module& owner, std::string name, std::int64_t in_features, std::int64_t out_features,
         const LinearOptions& options = {});

  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_features() const { return weight.size(1); }
  std::int64_t out_features() const { return weight.size(0); }

  Tensor& weight;
  Tensor& bias;  ///< undefined without bias

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// The input itself: takes the place of a layer that is not wanted.
class Identity : public Module {
 public:
  using Module::Module;
  Tensor forward(const Tensor& x) override { return x; }

 protected:
  std::unique_ptr<Module> make_same() const override;
};

}  // namespace ingot::nn
