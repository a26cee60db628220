#include "models/init.h"

#include <ingot/nn/init.h>

namespace ingot::models {

void init_convolutions_for_relu(nn::Module& model) {
  model.apply([](nn::Module& module) {
    auto* conv = dynamic_cast<nn::Conv2d*>(&module);
    if (!conv) return;
    nn::init::kaiming_normal_(conv->weight, 0, nn::init::FanMode::FanOut,
                              nn::init::Nonlinearity::Relu);
    if (conv->bias.defined()) nn::init::zeros_(conv->bias);
  });
}

void init_linears(nn::Module& model, const std::function<void(nn::Linear&)>& weights) {
  model.apply([&](nn::Module& module) {
    auto* linear = dynamic_cast<nn::Linear*>(&module);
    if (!linear) return;
    weights(*linear);
    if (linear->bias.defined()) nn::init::zeros_(linear->bias);
  });
}

}  // namespace ingot::models
