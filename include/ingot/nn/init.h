// Initial values, as torch.nn.init: each fills a tensor in place, recording no gradient, and
// returns it. Random ones draw from the default generator, so manual_seed() fixes them.
#pragma once

#include <cstdint>

#include <ingot/core/tensor.h>

namespace ingot::nn::init {

/// What follows the layer; chooses the gain that keeps a signal's variance.
enum class Nonlinearity { Linear, Conv, Sigmoid, Tanh, Relu, LeakyRelu };
/// Which side's variance kaiming_* keeps: of the forward pass (FanIn) or of gradients (FanOut).
enum class FanMode { FanIn, FanOut };

/// Inputs and outputs per element of a weight [out, in, kernel...].
struct Fans {
  std::int64_t in;
  std::int64_t out;
};
/// Throws ShapeError for fewer than two dimensions.
Fans fans_of(const Shape& weight);

/// The recommended factor; `slope` is the negative slope of LeakyRelu.
double calculate_gain(Nonlinearity nonlinearity, double slope = 0.01);

Tensor& uniform_(Tensor& t, double low = 0, double high = 1);
Tensor& normal_(Tensor& t, double mean = 0, double std = 1);
Tensor& constant_(Tensor& t, double value);
Tensor& zeros_(Tensor& t);
Tensor& ones_(Tensor& t);

/// U(-a, a), a = gain · sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio (2010).
Tensor& xavier_uniform_(Tensor& t, double gain = 1);
/// N(0, s²), s = gain · sqrt(2 / (fan_in + fan_out)).
Tensor& xavier_normal_(Tensor& t, double gain = 1);
/// U(-a, a), a = gain · sqrt(3 / fan). `slope` is LeakyRelu's. Source: He et al. (2015).
Tensor& kaiming_uniform_(Tensor& t, double slope = 0, FanMode mode = FanMode::FanIn,
                         Nonlinearity nonlinearity = Nonlinearity::LeakyRelu);
/// N(0, s²), s = gain / sqrt(fan).
Tensor& kaiming_normal_(Tensor& t, double slope = 0, FanMode mode = FanMode::FanIn,
                        Nonlinearity nonlinearity = Nonlinearity::LeakyRelu);

}  // namespace ingot::nn::init
