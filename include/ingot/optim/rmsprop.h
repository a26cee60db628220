// RMSprop.
#pragma once

#include <string_view>
#include <vector>

#include <ingot/optim/optimizer.h>

namespace ingot::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  ///< how much of the running square is kept
  double eps = 1e-8;
  double weight_decay = 0;  ///< added to the gradient as weight_decay · parameter
  double momentum = 0;
  bool centered = false;  ///< divides by the standard deviation instead of the root of the square
  bool maximize = false;
};

/// Hinton, "Neural networks for machine learning", lecture 6 (2012); centered: Graves, "Generating
/// sequences with recurrent neural networks" (2013). As in PyTorch: eps is added after the root.
class RMSprop : public GroupedOptimizer<RMSpropOptions> {
 public:
  /// Throws ValueError for options out of range.
  explicit RMSprop(std::vector<Tensor> params, const RMSpropOptions& options = {});

 protected:
  Result update(const Batch& batch) override;
  std::vector<std::string_view> state_names() const override;
  bool wants_state(std::size_t group, std::size_t k) const override;
  bool always_has_state(std::size_t k) const override { return k == 0; }
  void visit_options(std::size_t group, const OptionVisitor& f) override;
  void check_options(std::size_t group) const override;
};

}  // namespace ingot::optim
