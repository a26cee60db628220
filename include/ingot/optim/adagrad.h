// Adagrad.
#pragma once

#include <string_view>
#include <vector>

#include <ingot/optim/optimizer.h>

namespace ingot::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;      ///< step t, from 1, uses lr / (1 + (t - 1) · lr_decay)
  double weight_decay = 0;  ///< added to the gradient as weight_decay · parameter
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;
};

/// Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization" (2011), as in PyTorch.
class Adagrad : public GroupedOptimizer<AdagradOptions> {
 public:
  /// Throws ValueError for options out of range.
  explicit Adagrad(std::vector<Tensor> params, const AdagradOptions& options = {});

 protected:
  Result update(const Batch& batch) override;
  std::vector<std::string_view> state_names() const override;
  bool wants_state(std::size_t group, std::size_t k) const override;
  bool always_has_state(std::size_t) const override { return true; }
  double initial_state(std::size_t group, std::size_t k) const override;
  void visit_options(std::size_t group, const OptionVisitor& f) override;
  void check_options(std::size_t group) const override;
};

}  // namespace ingot::optim
