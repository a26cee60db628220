// Dropout, written in terms of bernoulli and where: the gradient keeps the mask, one byte an
// element, and neither the input nor the result.
#include <ingot/ops/dropout.h>

#include <fmt/format.h>

#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>

#include "ops/at.h"

namespace ingot {
namespace ops {
namespace {

// `shape` is the mask's shape, which broadcasts over x.
Tensor drop(const char* op, const Tensor& x, const Shape& shape, double p, Generator* generator,
            Site at) {
  if (!is_floating(x.dtype()))
    fail<DTypeError>(
        op,
        fmt::format("needs a floating-point tensor, got {}; convert it with .to(float32)",
                    x.cell()->spec().str()),
        at);
  const At s{at};
  const Tensor kept =
      bernoulli(shape, 1 - p, {.dtype = DType::Bool, .device = x.device()}, generator, at);
  // With p = 1 nothing is kept, and 0 instead of 1/0 keeps the gradient 0.
  const double scale = p < 1 ? 1 / (1 - p) : 0;
  return where(kept, s(s(x) * scale), 0.0);
}

void check_probability(const char* op, double p, Site at) {
  if (!(p >= 0 && p <= 1))
    fail<ValueError>(op, fmt::format("a probability lies in [0, 1], got {}", p), at);
}

}  // namespace
}  // namespace ops

Tensor dropout(const Tensor& x, double p, bool training, Generator* generator, Site at) {
  ops::check_probability("dropout", p, at);
  if (!training || p == 0) return x;
  return ops::drop("dropout", x, x.shape(), p, generator, at);
}

Tensor feature_dropout(const Tensor& x, double p, bool training, Generator* generator, Site at) {
  ops::check_probability("feature_dropout", p, at);
  if (x.dim() < 2)
    ops::fail<ShapeError>(
        "feature_dropout",
        fmt::format("x must have at least 2 dimensions [N, C, …], got {}", x.shape().str()), at);
  if (!training || p == 0) return x;
  Shape channels = Shape::filled(x.dim(), 1);
  channels[0] = x.shape()[0];
  channels[1] = x.shape()[1];
  return ops::drop("feature_dropout", x, channels, p, generator, at);
}

Tensor stochastic_depth(const Tensor& x, double p, bool training, Generator* generator, Site at) {
  ops::check_probability("stochastic_depth", p, at);
  if (x.dim() < 1)
    ops::fail<ShapeError>("stochastic_depth", "x must have a batch dimension [N, …], got []", at);
  if (!training || p == 0) return x;
  Shape rows = Shape::filled(x.dim(), 1);
  rows[0] = x.shape()[0];
  return ops::drop("stochastic_depth", x, rows, p, generator, at);
}

}  // namespace ingot
