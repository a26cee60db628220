// Fits a + b·x + c·x² + d·x³ to sin(x) on [-π, π], with gradients worked out by hand: tensors,
// in-place updates and looking at values, without autograd, modules or an optimizer.
//
//   sine [STEPS]     2,000 by default
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include <ingot/ingot.h>

using ingot::Tensor;

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 2000;
  const auto device = ingot::best_device();
  const ingot::TensorOptions options{.device = device};
  std::printf("fitting a cubic to sin on %s, 2,000 points, %d steps\n", device.str().c_str(),
              steps);

  const Tensor x = ingot::linspace(-std::numbers::pi, std::numbers::pi, 2000, options);
  const Tensor y = ingot::sin(x);

  ingot::manual_seed(0);
  Tensor a = ingot::randn({}, options);
  Tensor b = ingot::randn({}, options);
  Tensor c = ingot::randn({}, options);
  Tensor d = ingot::randn({}, options);

  // The loss is the sum of squares over all points; a larger rate makes d, whose gradient has x⁶ in
  // it, diverge.
  const double rate = 1e-6;
  double loss = 0;
  for (int step = 1; step <= steps; ++step) {
    const Tensor x2 = x * x, x3 = x2 * x;
    const Tensor error = a + b * x + c * x2 + d * x3 - y;
    const Tensor slope = 2 * error;  // of the loss with respect to each predicted value
    a -= rate * slope.sum();
    b -= rate * (slope * x).sum();
    c -= rate * (slope * x2).sum();
    d -= rate * (slope * x3).sum();
    // Nothing has been computed so far. Looking at the loss computes it together with the new
    // coefficients, in one plan that every step after the first finds again.
    if (step % 200 == 0 || step == steps) {
      loss = error.square().sum().item();
      std::printf("step %4d  loss %9.4f\n", step, loss);
    } else {
      ingot::eval();
    }
  }
  std::printf("y = %.4f + %.4f x + %.4f x^2 + %.4f x^3\n", a.item(), b.item(), c.item(), d.item());
  return std::isfinite(loss) ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "sine: %s\n", e.what());
  return 1;
}
