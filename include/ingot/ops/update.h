// Optimizer updates: one recorded op moves all parameters of a group. They return new values and
// leave it to the optimizer to rebind its tensors (under NoGradGuard). Every list has one entry per
// parameter, of the parameter's shape and dtype.
#pragma once

#include <span>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

struct SgdStep {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
  /// The momentum buffers are zeros and take the whole gradient, without dampening.
  bool first = false;
};

struct SgdResult {
  std::vector<Tensor> params;
  std::vector<Tensor> momentum_buffers;
};

/// torch.optim.SGD's step. `momentum_buffers` is empty exactly when step.momentum is 0.
SgdResult sgd_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                     std::span<const Tensor> momentum_buffers, const SgdStep& step,
                     Site at = Site::current());

struct AdamStep {
  std::int64_t step = 1;  ///< 1 for the first update
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_decay = false;  ///< AdamW: the decay scales the parameters, not the gradients
  bool amsgrad = false;
  bool maximize = false;
};

struct AdamResult {
  std::vector<Tensor> params;
  std::vector<Tensor> exp_avg;
  std::vector<Tensor> exp_avg_sq;
  std::vector<Tensor> max_exp_avg_sq;
};

/// torch.optim.Adam's or AdamW's step. `max_exp_avg_sq` is empty unless amsgrad.
AdamResult adam_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                       std::span<const Tensor> exp_avg, std::span<const Tensor> exp_avg_sq,
                       std::span<const Tensor> max_exp_avg_sq, const AdamStep& step,
                       Site at = Site::current());

struct RmspropStep {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool maximize = false;
};

struct RmspropResult {
  std::vector<Tensor> params;
  std::vector<Tensor> square_avg;
  std::vector<Tensor> momentum_buffers;
  std::vector<Tensor> grad_avg;
};

/// torch.optim.RMSprop's step. `momentum_buffers` is empty exactly when step.momentum is 0,
/// `grad_avg` unless step.centered.
RmspropResult rmsprop_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                             std::span<const Tensor> square_avg,
                             std::span<const Tensor> momentum_buffers,
                             std::span<const Tensor> grad_avg, const RmspropStep& step,
                             Site at = Site::current());

struct AdagradStep {
  std::int64_t step = 1;  ///< 1 for the first update
  double lr = 1e-2;
  double lr_decay = 0;
  double eps = 1e-10;
  double weight_decay = 0;
  bool maximize = false;
};

struct AdagradResult {
  std::vector<Tensor> params;
  std::vector<Tensor> sum;
};

/// torch.optim.Adagrad's step.
AdagradResult adagrad_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                             std::span<const Tensor> sum, const AdagradStep& step,
                             Site at = Site::current());

}  // namespace ingot
