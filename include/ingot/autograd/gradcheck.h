// Checks of gradients against central differences, as torch.autograd.gradcheck.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

struct GradcheckOptions {
  double eps = 1e-6;  ///< step of the difference
  double atol = 1e-5;
  double rtol = 1e-3;
};

struct GradcheckResult {
  bool ok = true;
  double largest_error = 0;  ///< |analytic - numeric|
  std::string message;       ///< which input and element, when not ok
};

/// Compares the gradients of `f` (any number of floating outputs) at `inputs` with central
/// differences. Inputs must be float64 (throws DTypeError otherwise); those that require grad are
/// checked.
GradcheckResult gradcheck(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                          const std::vector<Tensor>& inputs, GradcheckOptions options = {});

/// The same for second derivatives: gradcheck of the gradients of `f`.
GradcheckResult gradgradcheck(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs, GradcheckOptions options = {});

}  // namespace ingot
