// Resizing as a layer.
#pragma once

#include <string>

#include <ingot/nn/layer.h>
#include <ingot/ops/interpolate.h>

namespace ingot::nn {

/// ingot::interpolate with fixed options. Throws ValueError unless exactly one of size and
/// scale_factor is given and it is positive.
class Upsample : public Layer<Upsample, NoOptions, InterpolateOptions> {
 public:
  // By hand: there is none without options, so that `Upsample({})` can only mean empty ones.
  explicit Upsample(const InterpolateOptions& options, const NoOptions& = {}) : Layer(options) {}
  Upsample(Module& owner, std::string name, const InterpolateOptions& options)
      : Layer(owner, std::move(name), options) {}
  static void check(const InterpolateOptions& options, const NoOptions&);
  const InterpolateOptions& options() const { return argument<0>(); }
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

}  // namespace ingot::nn
