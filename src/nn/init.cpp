#include <ingot/core/error.h>
#include <ingot/nn/init.h>

#include <fmt/format.h>

#include <cmath>

namespace ingot::nn::init {

Fans fans_of(const Shape& weight) {
  if (weight.rank() < 2)
    throw ShapeError(
        fmt::format("init: fan-in and fan-out need a weight with at least two dimensions, got {}",
                    weight.str()));
  std::int64_t window = 1;
  for (int i = 2; i < weight.rank(); ++i) window *= weight[i];
  return {weight[1] * window, weight[0] * window};
}

double calculate_gain(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::Linear:
    case Nonlinearity::Conv:
    case Nonlinearity::Sigmoid:
      return 1;
    case Nonlinearity::Tanh:
      return 5.0 / 3.0;
    case Nonlinearity::Relu:
      return std::sqrt(2.0);
    case Nonlinearity::Selu:
      return 0.75;
    case Nonlinearity::LeakyRelu:
      break;
  }
  return std::sqrt(2.0 / (1 + slope * slope));
}

Tensor& uniform_(Tensor& t, double low, double high) {
  const NoGradGuard no_grad;
  return t.uniform_(low, high);
}

Tensor& normal_(Tensor& t, double mean, double std) {
  const NoGradGuard no_grad;
  return t.normal_(mean, std);
}

Tensor& constant_(Tensor& t, double value) {
  const NoGradGuard no_grad;
  return t.fill_(value);
}

Tensor& zeros_(Tensor& t) { return constant_(t, 0); }
Tensor& ones_(Tensor& t) { return constant_(t, 1); }

Tensor& xavier_uniform_(Tensor& t, double gain) {
  const Fans fans = fans_of(t.shape());
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fans.in + fans.out));
  return uniform_(t, -bound, bound);
}

Tensor& xavier_normal_(Tensor& t, double gain) {
  const Fans fans = fans_of(t.shape());
  return normal_(t, 0, gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out)));
}

namespace {
double kaiming_std(const Shape& weight, double slope, FanMode mode, Nonlinearity nonlinearity) {
  const Fans fans = fans_of(weight);
  const std::int64_t fan = mode == FanMode::FanIn ? fans.in : fans.out;
  return calculate_gain(nonlinearity, slope) / std::sqrt(static_cast<double>(fan));
}
}  // namespace

Tensor& kaiming_uniform_(Tensor& t, double slope, FanMode mode, Nonlinearity nonlinearity) {
  const double bound = std::sqrt(3.0) * kaiming_std(t.shape(), slope, mode, nonlinearity);
  return uniform_(t, -bound, bound);
}

Tensor& kaiming_normal_(Tensor& t, double slope, FanMode mode, Nonlinearity nonlinearity) {
  return normal_(t, 0, kaiming_std(t.shape(), slope, mode, nonlinearity));
}

}  // namespace ingot::nn::init
