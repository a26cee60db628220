// Convolutions.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/module.h>
#include <ingot/ops/pair.h>

namespace ingot::nn {

struct Conv2dOptions {
  Pair stride = 1;
  Pair padding = 0;  ///< zeros added on each side
  Pair dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
};

/// ingot::conv2d of x[N, in_channels, H, W] with its own kernels.
/// Parameters: weight[out_channels, in_channels/groups, KH, KW] and bias[out_channels], both from
/// U(-k, k) with k = 1/sqrt(in_channels/groups · KH · KW), as in PyTorch. Throws ValueError for
/// sizes below 1 and for groups that do not divide both channel counts.
class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, Pair kernel_size,
         const Conv2dOptions& options = {});
  Conv2d(Module& owner, std::string name, std::int64_t in_channels, std::int64_t out_channels,
         Pair kernel_size, const Conv2dOptions& options = {});

  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(1) * options_.groups; }
  std::int64_t out_channels() const { return weight.size(0); }
  const Conv2dOptions& options() const { return options_; }

  Tensor& weight;
  Tensor& bias;  ///< undefined without bias

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Conv2dOptions options_;
};

}  // namespace ingot::nn
