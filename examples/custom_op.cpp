// Operations of your own: a composition, a function with a gradient of its own, a gradient that is
// wrong on purpose, and the check that tells them apart.
#include <cstdio>
#include <functional>
#include <span>
#include <vector>

#include <ingot/ingot.h>

using ingot::Tensor;

namespace {

/// softplus(x) = log(1 + exp(x)), written so that exp cannot overflow. A function of recorded
/// operations is an operation already: it is differentiable, and its parts run as one loop. But its
/// gradient is put together from those of relu and abs, which are both 0 at 0, so it is 0 there,
/// too: the true slope is 1/2.
Tensor softplus_composed(const Tensor& x) {
  return ingot::relu(x) + ingot::log1p(ingot::exp(-ingot::abs(x)));
}

/// The same values with the gradient that calculus gives, sigmoid(x). The rule records ordinary
/// operations, so that it can be differentiated again.
Tensor softplus(const Tensor& x) {
  return ingot::custom_function(
      {x}, [](std::span<const Tensor> in) { return std::vector{softplus_composed(in[0])}; },
      [](const ingot::FunctionContext& saved, std::span<const Tensor> gradients) {
        return std::vector{gradients[0] * ingot::sigmoid(saved.inputs[0])};
      },
      "softplus")[0];
}

/// Rounds to multiples of 1/8. Its true gradient is 0 nearly everywhere, which teaches a network
/// nothing; the "straight-through" gradient pretends that nothing was rounded.
Tensor quantize(const Tensor& x) {
  return ingot::custom_function(
      {x}, [](std::span<const Tensor> in) { return std::vector{ingot::round(in[0] * 8) / 8}; },
      [](const ingot::FunctionContext&, std::span<const Tensor> gradients) {
        return std::vector{gradients[0]};
      },
      "quantize")[0];
}

double slope_at_zero(const std::function<Tensor(const Tensor&)>& f) {
  Tensor x = ingot::zeros({1});
  x.requires_grad_();
  f(x).sum().backward();
  return x.grad().item();
}

void report(const char* name, const ingot::GradcheckResult& result) {
  if (result.ok)
    std::printf("%-26s ok, largest error %.1e\n", name, result.largest_error);
  else
    std::printf("%-26s FAILED: %s\n", name, result.message.c_str());
}

/// Learns weights that are only ever used rounded.
void train_quantized() {
  const Tensor x = ingot::randn({256, 4});
  const Tensor wanted = ingot::tensor({{0.5}, {-1.25}, {2.0}, {0.125}});
  const Tensor y = ingot::matmul(x, wanted);
  Tensor w = ingot::zeros({4, 1});
  w.requires_grad_();
  ingot::optim::SGD sgd{{w}, {.lr = 0.05}};
  for (int step = 0; step <= 100; ++step) {
    const Tensor loss = ingot::mse_loss(ingot::matmul(x, quantize(w)), y);
    if (step % 25 == 0) std::printf("step %3d  loss %.4f\n", step, loss.item());
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  std::printf("rounded weights");
  for (const float v : quantize(w).to_vector<float>()) std::printf(" %.3f", v);
  std::printf("\n");
}

}  // namespace

int main() try {
  ingot::manual_seed(0);
  std::printf("slope of softplus at 0: composed %.2f, with its own gradient %.2f\n\n",
              slope_at_zero(softplus_composed), slope_at_zero(softplus));

  // gradcheck compares with central differences, in float64.
  Tensor x = ingot::randn({3, 4}, {.dtype = ingot::float64});
  x.requires_grad_();
  const auto checked = [](Tensor (*f)(const Tensor&)) {
    return [f](const std::vector<Tensor>& in) { return std::vector{f(in[0])}; };
  };
  report("softplus, first order", ingot::gradcheck(checked(softplus), {x}));
  report("softplus, second order", ingot::gradgradcheck(checked(softplus), {x}));
  report("quantize (as it must)", ingot::gradcheck(checked(quantize), {x}));

  std::printf("\ntraining through the straight-through gradient\n");
  train_quantized();
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "custom_op: %s\n", e.what());
  return 1;
}
