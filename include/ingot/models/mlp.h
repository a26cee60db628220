// A multi-layer perceptron.
#pragma once

#include <cstdint>
#include <vector>

#include <ingot/nn/containers.h>
#include <ingot/nn/layer.h>

namespace ingot::models {

/// Linear layers with ReLU between them on the flattened input: [N, ...] with in_features elements
/// per sample gives logits [N, num_classes].
class Mlp : public nn::Composite<Mlp, nn::NoOptions, std::int64_t, std::int64_t,
                                 std::vector<std::int64_t>> {
 public:
  explicit Mlp(std::int64_t in_features = 784, std::int64_t num_classes = 10,
               const std::vector<std::int64_t>& hidden = {256, 128});
  Tensor forward(const Tensor& x) override;

  nn::Sequential layers{*this, "layers"};
};

}  // namespace ingot::models
