// Initial values, as torch.nn.init: each fills a tensor in place, recording no gradient, and
// returns it. Random ones draw from the default generator, so manual_seed() fixes them.
#pragma once

#include <cstdint>

#include <ingot/core/tensor.h>

namespace ingot::nn::init {

/// What follows the layer; chooses the gain that keeps a signal's variance.
enum class Nonlinearity { Linear, Conv, Sigmoid, Tanh, Relu, LeakyRelu, Selu };
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

/// N(mean, std²) without what lies outside [low, high]. Throws ValueError unless std > 0 and
/// low < high.
Tensor& trunc_normal_(Tensor& t, double mean = 0, double std = 1, double low = -2, double high = 2);
/// Ones on the diagonal of a matrix, zeros elsewhere. Throws ShapeError for other ranks.
Tensor& eye_(Tensor& t);
/// Kernels [out, in, …] of one to three spatial dimensions that hand through as many channels as
/// they can; the same in each of `groups` parts of the output. Throws ShapeError for other ranks,
/// ValueError when the groups do not divide out.
Tensor& dirac_(Tensor& t, std::int64_t groups = 1);
/// A (half-)orthogonal matrix times `gain`; further dimensions count as columns. Drawn uniformly:
/// the Q of a normal matrix's QR, R's diagonal positive. Throws ShapeError for fewer than two
/// dimensions. Source: Saxe et al. (2014).
Tensor& orthogonal_(Tensor& t, double gain = 1);

}  // namespace ingot::nn::init
