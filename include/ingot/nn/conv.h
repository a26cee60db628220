// Convolutions.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/layer.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/pair.h>

namespace ingot::nn {

struct Conv2dOptions {
  Pair stride = 1;
  ConvPadding padding = 0;  ///< added on each side, "same" or "valid"
  Pair dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  std::string padding_mode = "zeros";  ///< or "reflect", "replicate", "circular", as in ingot::pad
};

/// ingot::conv2d of x[N, in_channels, H, W] with its own kernels.
/// Parameters: weight[out_channels, in_channels/groups, KH, KW] and bias[out_channels], both from
/// U(-k, k) with k = 1/sqrt(in_channels/groups · KH · KW), as in PyTorch. Throws ValueError for
/// sizes below 1, for groups that do not divide both channel counts, for another padding_mode and
/// for padding "same" with a stride; forward throws ShapeError where ingot::pad refuses an image.
class Conv2d : public Layer<Conv2d, Conv2dOptions, std::int64_t, std::int64_t, Pair> {
 public:
  using Layer::Layer;
  static void check(std::int64_t in_channels, std::int64_t out_channels, Pair kernel_size,
                    const Conv2dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(1) * options().groups; }
  std::int64_t out_channels() const { return weight.size(0); }

 private:
  Tensor first_weight() const;
  Tensor first_bias() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
  Tensor& bias = register_parameter("bias", first_bias());  ///< undefined without bias
};

struct Conv1dOptions {
  std::int64_t stride = 1;
  ConvPadding1d padding = 0;  ///< added on each side, "same" or "valid"
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  std::string padding_mode = "zeros";  ///< or "reflect", "replicate", "circular", as in ingot::pad
};

/// ingot::conv1d of x[N, in_channels, L] with its own kernels: weight[out_channels,
/// in_channels/groups, K] and bias[out_channels], drawn as Conv2d's. Throws as Conv2d does.
class Conv1d : public Layer<Conv1d, Conv1dOptions, std::int64_t, std::int64_t, std::int64_t> {
 public:
  using Layer::Layer;
  static void check(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
                    const Conv1dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(1) * options().groups; }
  std::int64_t out_channels() const { return weight.size(0); }

 private:
  Tensor first_weight() const;
  Tensor first_bias() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
  Tensor& bias = register_parameter("bias", first_bias());  ///< undefined without bias
};

struct ConvTranspose2dOptions {
  Pair stride = 1;
  Pair padding = 0;         ///< what the convolution that is reversed would add
  Pair output_padding = 0;  ///< rows and columns more at the end
  std::int64_t groups = 1;
  bool bias = true;
  Pair dilation = 1;
  std::string padding_mode = "zeros";  ///< there is no other, as in PyTorch
};

/// ingot::conv_transpose2d of x[N, in_channels, H, W] with its own kernels: weight[in_channels,
/// out_channels/groups, KH, KW] and bias[out_channels], both from U(-k, k) with
/// k = 1/sqrt(out_channels/groups · KH · KW), as in PyTorch. Throws ValueError for sizes below 1,
/// groups that do not divide both channel counts, an output_padding that is not below stride or
/// dilation, and another padding_mode than "zeros".
class ConvTranspose2d
    : public Layer<ConvTranspose2d, ConvTranspose2dOptions, std::int64_t, std::int64_t, Pair> {
 public:
  using Layer::Layer;
  static void check(std::int64_t in_channels, std::int64_t out_channels, Pair kernel_size,
                    const ConvTranspose2dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(0); }
  std::int64_t out_channels() const { return weight.size(1) * options().groups; }

 private:
  Tensor first_weight() const;
  Tensor first_bias() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
  Tensor& bias = register_parameter("bias", first_bias());  ///< undefined without bias
};

struct ConvTranspose1dOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;         ///< what the convolution that is reversed would add
  std::int64_t output_padding = 0;  ///< elements more at the end
  std::int64_t groups = 1;
  bool bias = true;
  std::int64_t dilation = 1;
  std::string padding_mode = "zeros";  ///< there is no other, as in PyTorch
};

/// ingot::conv_transpose1d of x[N, in_channels, L] with its own kernels: weight[in_channels,
/// out_channels/groups, K] and bias[out_channels], drawn as ConvTranspose2d's. Throws as it does.
class ConvTranspose1d : public Layer<ConvTranspose1d, ConvTranspose1dOptions, std::int64_t,
                                     std::int64_t, std::int64_t> {
 public:
  using Layer::Layer;
  static void check(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
                    const ConvTranspose1dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(0); }
  std::int64_t out_channels() const { return weight.size(1) * options().groups; }

 private:
  Tensor first_weight() const;
  Tensor first_bias() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());
  Tensor& bias = register_parameter("bias", first_bias());  ///< undefined without bias
};

}  // namespace ingot::nn
