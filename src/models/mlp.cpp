#include <ingot/models/mlp.h>
#include <ingot/nn/activation.h>
#include <ingot/nn/linear.h>

namespace ingot::models {

Mlp::Mlp(std::int64_t in_features, std::int64_t num_classes,
         const std::vector<std::int64_t>& hidden)
    : Composite(in_features, num_classes, hidden) {
  std::int64_t width = in_features;
  for (const std::int64_t next : hidden) {
    layers.add<nn::Linear>(width, next);
    layers.add<nn::ReLU>();
    width = next;
  }
  layers.add<nn::Linear>(width, num_classes);
}

Tensor Mlp::forward(const Tensor& x) { return layers(x.flatten(1)); }

}  // namespace ingot::models
