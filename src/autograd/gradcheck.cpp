#include <ingot/autograd/gradcheck.h>

#include <fmt/format.h>

#include <cmath>

#include <ingot/autograd/autograd.h>

#include "core/host_room.h"

namespace ingot {
namespace {

using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

// A fixed direction per output element, so that one scalar checks the whole Jacobian row by row
// without cancelling: weights differ from element to element.
std::vector<double> weights(std::int64_t count, std::size_t output) {
  check_host_room("gradcheck", count, sizeof(double));
  std::vector<double> w(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < w.size(); ++i)
    w[i] = 0.5 + std::fmod(0.754877666 * static_cast<double>(i + 7 * output + 1), 1.0);
  return w;
}

double weighted_sum(const std::vector<Tensor>& outputs) {
  double total = 0;
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (!is_floating(outputs[o].dtype())) continue;
    const auto values = outputs[o].to_vector<double>();
    const auto w = weights(outputs[o].numel(), o);
    for (std::size_t i = 0; i < values.size(); ++i) total += values[i] * w[i];
  }
  return total;
}

std::vector<Tensor> fresh_leaves(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& t : inputs) {
    Tensor leaf = is_floating(t.dtype()) ? from_vector(t.to_vector<double>(), t.shape(), t.device())
                                         : t.detach();
    if (t.requires_grad()) leaf.requires_grad_();
    leaves.push_back(leaf);
  }
  return leaves;
}

}  // namespace

GradcheckResult gradcheck(const Function& f, const std::vector<Tensor>& inputs,
                          GradcheckOptions options) {
  for (const Tensor& t : inputs)
    if (t.requires_grad() && t.dtype() != float64)
      throw DTypeError(fmt::format("gradcheck needs float64 inputs, got {}", name(t.dtype())));
  const EnableGradGuard on;
  const std::vector<Tensor> leaves = fresh_leaves(inputs);
  const std::vector<Tensor> outputs = f(leaves);
  std::vector<Tensor> from, seeds, wanted;
  for (std::size_t o = 0; o < outputs.size(); ++o)
    if (outputs[o].requires_grad()) {
      from.push_back(outputs[o]);
      seeds.push_back(
          from_vector(weights(outputs[o].numel(), o), outputs[o].shape(), outputs[o].device()));
    }
  for (const Tensor& t : leaves)
    if (t.requires_grad()) wanted.push_back(t);
  std::vector<Tensor> grads(wanted.size());
  if (!from.empty()) grads = grad(from, wanted, seeds, {}, true);

  GradcheckResult result;
  std::size_t which = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].requires_grad()) continue;
    const Tensor& g = grads[which++];
    const std::vector<double> analytic =
        g.defined() ? g.to_vector<double>()
                    : std::vector<double>(static_cast<std::size_t>(inputs[i].numel()), 0.0);
    std::vector<double> values = inputs[i].to_vector<double>();
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double x = values[k];
      const auto at = [&](double moved) {
        const NoGradGuard off;
        values[k] = moved;
        std::vector<Tensor> point = leaves;
        point[i] = from_vector(values, inputs[i].shape(), inputs[i].device());
        return weighted_sum(f(point));
      };
      const double up = at(x + options.eps), down = at(x - options.eps);
      values[k] = x;
      const double numeric = (up - down) / (2 * options.eps);
      const double error = std::abs(numeric - analytic[k]);
      result.largest_error = std::max(result.largest_error, error);
      if (result.ok && !(error <= options.atol + options.rtol * std::abs(numeric))) {
        result.ok = false;
        result.message = fmt::format("input {}, element {}: analytic {} but numeric {}", i, k,
                                     analytic[k], numeric);
      }
    }
  }
  return result;
}

GradcheckResult gradgradcheck(const Function& f, const std::vector<Tensor>& inputs,
                              GradcheckOptions options) {
  const auto first_derivatives = [&f](const std::vector<Tensor>& at) {
    // Inside the numeric differences gradients are off; the first derivative needs them on.
    const EnableGradGuard on;
    std::vector<Tensor> point, wanted;
    for (const Tensor& t : at) {
      point.push_back(t);
      if (is_floating(t.dtype()) && !t.requires_grad()) point.back() = t.detach().clone();
    }
    for (Tensor& t : point)
      if (is_floating(t.dtype())) {
        if (!t.requires_grad()) t.requires_grad_();
        wanted.push_back(t);
      }
    const std::vector<Tensor> outputs = f(point);
    std::vector<Tensor> from, seeds;
    for (std::size_t o = 0; o < outputs.size(); ++o)
      if (outputs[o].requires_grad()) {
        from.push_back(outputs[o]);
        seeds.push_back(from_vector(weights(outputs[o].numel(), o + 3), outputs[o].shape(),
                                    outputs[o].device()));
      }
    std::vector<Tensor> grads;
    if (!from.empty())
      for (Tensor& g : grad(from, wanted, seeds, {.create_graph = true}, true))
        if (g.defined()) grads.push_back(g);
    return grads;
  };
  return gradcheck(first_derivatives, inputs, options);
}

}  // namespace ingot
