// Resizing as a layer.
#pragma once

#include <string>

#include <ingot/nn/layer.h>
#include <ingot/ops/interpolate.h>

namespace ingot::nn {

/// ingot::interpolate with fixed options. Throws ValueError unless exactly one of size and
/// scale_factor is given and it is positive.
class Upsample : public Layer<Upsample, InterpolateOptions> {
 public:
  using Layer::Layer;
  static void check(const InterpolateOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

}  // namespace ingot::nn
