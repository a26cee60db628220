// Resizing as a layer.
#pragma once

#include <string>

#include <ingot/nn/module.h>
#include <ingot/ops/interpolate.h>

namespace ingot::nn {

/// ingot::interpolate with fixed options. Throws ValueError unless exactly one of size and
/// scale_factor is given and it is positive.
class Upsample : public Module {
 public:
  explicit Upsample(const InterpolateOptions& options);
  Upsample(Module& owner, std::string name, const InterpolateOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  InterpolateOptions options_;
};

}  // namespace ingot::nn
