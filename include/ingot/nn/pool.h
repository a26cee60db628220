// Pooling layers.
#pragma once

#include <string>

#include <ingot/nn/layer.h>
#include <ingot/ops/pair.h>
#include <ingot/ops/pool.h>

namespace ingot::nn {

using ingot::AvgPool2dOptions;
using ingot::MaxPool2dOptions;

/// The largest value of each window: ingot::max_pool2d. Throws ValueError for sizes below 1 and for
/// a padding above half of what the kernel reaches over (dilation · (kernel_size - 1) + 1).
class MaxPool2d : public Layer<MaxPool2d, MaxPool2dOptions, Pair> {
 public:
  using Layer::Layer;
  static void check(Pair kernel_size, const MaxPool2dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

/// The mean of each window: ingot::avg_pool2d. Throws as MaxPool2d does.
class AvgPool2d : public Layer<AvgPool2d, AvgPool2dOptions, Pair> {
 public:
  using Layer::Layer;
  static void check(Pair kernel_size, const AvgPool2dOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

/// Means over windows chosen so that the output is [N, C, output.h, output.w].
class AdaptiveAvgPool2d : public Layer<AdaptiveAvgPool2d, NoOptions, Pair> {
 public:
  using Layer::Layer;
  static void check(Pair output_size, const NoOptions&);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

/// The largest values of the windows of AdaptiveAvgPool2d.
class AdaptiveMaxPool2d : public Layer<AdaptiveMaxPool2d, NoOptions, Pair> {
 public:
  using Layer::Layer;
  static void check(Pair output_size, const NoOptions&);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

}  // namespace ingot::nn
