// Pooling layers.
#pragma once

#include <string>

#include <ingot/nn/module.h>
#include <ingot/ops/pair.h>
#include <ingot/ops/pool.h>

namespace ingot::nn {

using ingot::AvgPool2dOptions;
using ingot::MaxPool2dOptions;

/// The largest value of each window: ingot::max_pool2d. Throws ValueError for sizes below 1 and for
/// a padding above half of what the kernel reaches over (dilation · (kernel_size - 1) + 1).
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(Pair kernel_size, const MaxPool2dOptions& options = {});
  MaxPool2d(Module& owner, std::string name, Pair kernel_size,
            const MaxPool2dOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Pair kernel_;
  MaxPool2dOptions options_;
};

/// The mean of each window: ingot::avg_pool2d. Throws as MaxPool2d does.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(Pair kernel_size, const AvgPool2dOptions& options = {});
  AvgPool2d(Module& owner, std::string name, Pair kernel_size,
            const AvgPool2dOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Pair kernel_;
  AvgPool2dOptions options_;
};

/// Means over windows chosen so that the output is [N, C, output.h, output.w].
class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(Pair output_size);
  AdaptiveAvgPool2d(Module& owner, std::string name, Pair output_size);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Pair output_;
};

/// The largest values of the windows of AdaptiveAvgPool2d.
class AdaptiveMaxPool2d : public Module {
 public:
  explicit AdaptiveMaxPool2d(Pair output_size);
  AdaptiveMaxPool2d(Module& owner, std::string name, Pair output_size);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Pair output_;
};

}  // namespace ingot::nn
