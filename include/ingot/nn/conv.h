// Convolutions.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/module.h>
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
class Conv1d : public Module {
 public:
  Conv1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
         const Conv1dOptions& options = {});
  Conv1d(Module& owner, std::string name, std::int64_t in_channels, std::int64_t out_channels,
         std::int64_t kernel_size, const Conv1dOptions& options = {});

  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(1) * options_.groups; }
  std::int64_t out_channels() const { return weight.size(0); }
  const Conv1dOptions& options() const { return options_; }

  Tensor& weight;
  Tensor& bias;  ///< undefined without bias

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Conv1dOptions options_;
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
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(std::int64_t in_channels, std::int64_t out_channels, Pair kernel_size,
                  const ConvTranspose2dOptions& options = {});
  ConvTranspose2d(Module& owner, std::string name, std::int64_t in_channels,
                  std::int64_t out_channels, Pair kernel_size,
                  const ConvTranspose2dOptions& options = {});

  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(0); }
  std::int64_t out_channels() const { return weight.size(1) * options_.groups; }
  const ConvTranspose2dOptions& options() const { return options_; }

  Tensor& weight;
  Tensor& bias;  ///< undefined without bias

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  ConvTranspose2dOptions options_;
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
class ConvTranspose1d : public Module {
 public:
  ConvTranspose1d(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
                  const ConvTranspose1dOptions& options = {});
  ConvTranspose1d(Module& owner, std::string name, std::int64_t in_channels,
                  std::int64_t out_channels, std::int64_t kernel_size,
                  const ConvTranspose1dOptions& options = {});

  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  std::int64_t in_channels() const { return weight.size(0); }
  std::int64_t out_channels() const { return weight.size(1) * options_.groups; }
  const ConvTranspose1dOptions& options() const { return options_; }

  Tensor& weight;
  Tensor& bias;  ///< undefined without bias

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  ConvTranspose1dOptions options_;
};

}  // namespace ingot::nn
