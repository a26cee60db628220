// Reverse-mode differentiation. Gradient rules record ordinary operations, so gradients are lazy,
// fuse with everything else and can be differentiated again.
#pragma once

#include <optional>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

struct BackwardOptions {
  /// Keep the graph, so that it can be gone through again.
  bool retain_graph = false;
  /// Record the gradients' own history, for second derivatives (implies retain_graph).
  bool create_graph = false;
};

/// Adds the gradients of `outputs` (each weighted by the entry of `gradients`; for a single-element
/// output it may be left out) to grad() of the leaves they depend on.
/// Throws AutogradError when an output does not require grad, has more than one element and no
/// weight, or when its graph was released by an earlier backward.
void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients = {},
              BackwardOptions options = {}, Site at = Site::current());

/// The gradients of `outputs` with respect to `inputs`; grad() of no leaf changes. An input that
/// the outputs do not depend on throws AutogradError, or gives an undefined tensor with
/// `allow_unused`.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& gradients = {}, BackwardOptions options = {},
                         bool allow_unused = false, Site at = Site::current());

}  // namespace ingot
