#include <ingot/models/lenet.h>

namespace ingot::models {

LeNet5::LeNet5(std::int64_t num_classes, std::int64_t in_channels)
    : Composite(num_classes, in_channels),
      conv1(*this, "conv1", in_channels, 6, 5, {.padding = 2}),
      conv2(*this, "conv2", 6, 16, 5),
      fc1(*this, "fc1", 16 * 5 * 5, 120),
      fc2(*this, "fc2", 120, 84),
      fc3(*this, "fc3", 84, num_classes) {}

Tensor LeNet5::forward(const Tensor& x) {
  Tensor y = max_pool2d(conv1(x).relu(), 2);
  y = max_pool2d(conv2(y).relu(), 2).flatten(1);
  y = fc1(y).relu();
  y = fc2(y).relu();
  return fc3(y);
}

}  // namespace ingot::models
