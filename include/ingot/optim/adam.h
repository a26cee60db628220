// Adam and AdamW.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <ingot/optim/optimizer.h>

namespace ingot::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< added to the gradient as weight_decay · parameter
  bool amsgrad = false;
  bool maximize = false;
};

struct AdamWOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: parameter *= 1 - lr · weight_decay
  bool amsgrad = false;
  bool maximize = false;
};

namespace detail {

/// What Adam and AdamW share: all but the place of the weight decay.
template <class Options>
class AdamFamily : public GroupedOptimizer<Options> {
 protected:
  using typename Optimizer::Batch;
  using typename Optimizer::OptionVisitor;
  using typename Optimizer::Result;

  Result update(const Batch& batch) override;
  std::vector<std::string_view> state_names() const override;
  bool wants_state(std::size_t group, std::size_t k) const override;
  bool always_has_state(std::size_t k) const override { return k < 2; }
  void visit_options(std::size_t group, const OptionVisitor& f) override;
  void check_options(std::size_t group) const override;
};

extern template class AdamFamily<AdamOptions>;
extern template class AdamFamily<AdamWOptions>;

}  // namespace detail

/// Kingma & Ba, "Adam: a method for stochastic optimization" (2015), as in PyTorch.
class Adam : public detail::AdamFamily<AdamOptions> {
 public:
  /// Throws ValueError for options out of range.
  explicit Adam(std::vector<Tensor> params, const AdamOptions& options = {}) {
    add_param_group(std::move(params), options);
  }
};

/// Loshchilov & Hutter, "Decoupled weight decay regularization" (2019), as in PyTorch.
class AdamW : public detail::AdamFamily<AdamWOptions> {
 public:
  /// Throws ValueError for options out of range.
  explicit AdamW(std::vector<Tensor> params, const AdamWOptions& options = {}) {
    add_param_group(std::move(params), options);
  }
};

}  // namespace ingot::optim
