// LeNet-5, the classic of digit recognition.
#pragma once

#include <cstdint>

#include <ingot/nn/conv.h>
#include <ingot/nn/layer.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/pool.h>

namespace ingot::models {

/// For images [N, in_channels, 28, 28]: logits [N, num_classes]. The layout of LeCun, Bottou,
/// Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), with ReLU
/// and max-pooling in place of tanh and averages.
class LeNet5 : public nn::Composite<LeNet5, nn::NoOptions, std::int64_t, std::int64_t> {
 public:
  explicit LeNet5(std::int64_t num_classes = 10, std::int64_t in_channels = 1);
  Tensor forward(const Tensor& x) override;

  nn::Conv2d conv1, conv2;
  nn::Linear fc1, fc2, fc3;
};

}  // namespace ingot::models
