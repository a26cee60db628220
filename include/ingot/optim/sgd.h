// Stochastic gradient descent.
#pragma once

#include <string_view>
#include <vector>

#include <ingot/optim/optimizer.h>

namespace ingot::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;  ///< added to the gradient as weight_decay · parameter
  bool nesterov = false;    ///< needs momentum > 0 and no dampening
  bool maximize = false;
};

/// PyTorch's SGD: with momentum, buffer = momentum · buffer + (1 - dampening) · grad (the first
/// gradient that a parameter's buffer meets as it is, also when momentum is switched on later) and
/// parameter -= lr · buffer.
class SGD : public GroupedOptimizer<SGDOptions> {
 public:
  /// Throws ValueError for options out of range.
  explicit SGD(std::vector<Tensor> params, const SGDOptions& options = {});

 protected:
  Result update(const Batch& batch) override;
  std::vector<std::string_view> state_names() const override;
  bool wants_state(std::size_t group, std::size_t k) const override;
  void visit_options(std::size_t group, const OptionVisitor& f) override;
  void check_options(std::size_t group) const override;
};

}  // namespace ingot::optim
