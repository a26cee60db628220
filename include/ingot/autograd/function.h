// Functions with a gradient of their own, as torch.autograd.Function.
//
//     Tensor my_relu(const Tensor& x) {
//       return custom_function({x},
//           [](std::span<const Tensor> in) { return std::vector{relu(in[0])}; },
//           [](const FunctionContext& c, std::span<const Tensor> grads) {
//             return std::vector{grads[0] * (c.inputs[0] > 0).to(grads[0].dtype())};
//           })[0];
//     }
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

/// What a custom gradient may read. Both are kept until the backward that releases the graph.
struct FunctionContext {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

using FunctionForward = std::function<std::vector<Tensor>(std::span<const Tensor> inputs)>;
/// One gradient per input, undefined where there is none. Gradients of outputs that nothing used
/// come as zeros.
using FunctionBackward = std::function<std::vector<Tensor>(const FunctionContext& context,
                                                           std::span<const Tensor> gradients)>;

/// Runs `forward` without recording its gradients and gives its outputs the gradient `backward`.
/// Throws AutogradError when `backward` returns the wrong number or shape of gradients.
std::vector<Tensor> custom_function(const std::vector<Tensor>& inputs,
                                    const FunctionForward& forward,
                                    const FunctionBackward& backward,
                                    const std::string& name = "custom_function",
                                    Site at = Site::current());

}  // namespace ingot
