// Optimizer updates as multi-tensor ops: operands and outputs are lists of `count` tensors.
//
//   sgd_update(params, grads[, buffers]) -> params[, buffers]
//     slots: lr, momentum, 1 − dampening, weight_decay
//   adam_update(params, grads, exp_avg, exp_avg_sq[, max_exp_avg_sq])
//     -> params, exp_avg, exp_avg_sq[, max_exp_avg_sq]
//     slots: lr/bias_correction1, decay, 1 − beta1, beta2, 1 − beta2, √bias_correction2, eps
//     decay: 1 − lr·weight_decay (a factor of the parameter) if decoupled_decay, else weight_decay
//   rmsprop_update(params, grads, square_avg[, buffers][, grad_avg])
//     -> params, square_avg[, buffers][, grad_avg]
//     slots: lr, alpha, 1 − alpha, eps, momentum, weight_decay
//   adagrad_update(params, grads, sum) -> params, sum
//     slots: lr of this step, eps, weight_decay
//
// Slots are computed on the host in double and rounded once to the computing dtype, in the order of
// PyTorch's single-tensor implementations (torch/optim/sgd.py, adam.py). Parameters and gradients
// of 16 bits are updated in float32 and rounded once; their state is float32 (or 16 bits, for who
// insists).
#include <ingot/ops/update.h>

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>

#include <ingot/ops/elementwise.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"

namespace ingot {
namespace ops {
namespace {

// `lists` lists of operands, of which all but the second (the gradients) have an output.
void infer_update(InferContext& c, int lists) {
  const int count = static_cast<int>(c.as<UpdateAttrs>().count);
  if (c.num_inputs() != count * lists)
    c.value_error(fmt::format("{} parameters need {} operands, got {}", count, count * lists,
                              c.num_inputs()));
  for (int i = 0; i < count; ++i) {
    c.require_floating(i);
    for (int list = 1; list < lists; ++list) {
      const TensorSpec& s = c.in(list * count + i);
      // State of 16-bit parameters is kept in float32.
      const bool wide = list > 1 && s.dtype == compute_dtype(c.dtype(i));
      if (!(s.shape == c.shape(i)) || (s.dtype != c.dtype(i) && !wide))
        c.shape_error(fmt::format("parameter {} is {}, but its {} is {}", i, c.in(i).str(),
                                  list == 1 ? "gradient" : "state", s.str()));
    }
  }
  for (int list = 0; list < lists; ++list)
    if (list != 1)
      for (int i = 0; i < count; ++i) c.out(c.shape(i), c.dtype(list * count + i));
}

// -- sgd_update
// ------------------------------------------------------------------------------------

void infer_sgd(InferContext& c) { infer_update(c, c.as<UpdateAttrs>().momentum ? 3 : 2); }

void expand_sgd(ExpandContext& c) {
  const auto& a = c.as<UpdateAttrs>();
  const Scalar lr = c.slot(0), momentum = c.slot(1), undamped = c.slot(2), decay = c.slot(3);
  const int n = static_cast<int>(a.count);
  std::vector<Tensor> buffers;
  for (int i = 0; i < n; ++i) {
    const Tensor& p = c.in(i);
    Tensor g = a.maximize ? c.in(n + i).neg() : c.in(n + i);
    g = g + p * decay;
    if (a.momentum) {
      const Tensor buffer = c.in(2 * n + i) * momentum + g * undamped;
      g = a.nesterov ? g + buffer * momentum : buffer;
      buffers.push_back(buffer);
    }
    c.result(p - g * lr);
  }
  for (const Tensor& b : buffers) c.result(b);
}

const OpDef kSgdUpdate{
    .name = "sgd_update", .infer = infer_sgd, .expand = expand_sgd, .traits = {.updates = true}};

// -- adam_update
// -----------------------------------------------------------------------------------

void infer_adam(InferContext& c) { infer_update(c, c.as<UpdateAttrs>().amsgrad ? 5 : 4); }

void expand_adam(ExpandContext& c) {
  const auto& a = c.as<UpdateAttrs>();
  const Scalar step_size = c.slot(0), decay = c.slot(1), take1 = c.slot(2), keep2 = c.slot(3),
               take2 = c.slot(4), root_correction2 = c.slot(5), eps = c.slot(6);
  const int n = static_cast<int>(a.count);
  std::vector<Tensor> averages, squares, maxima;
  for (int i = 0; i < n; ++i) {
    Tensor p = c.in(i);
    Tensor g = a.maximize ? c.in(n + i).neg() : c.in(n + i);
    if (a.decoupled_decay)
      p = p * decay;
    else
      g = g + p * decay;
    const Tensor &m = c.in(2 * n + i), &v = c.in(3 * n + i);
    averages.push_back(m + (g - m) * take1);
    squares.push_back(v * keep2 + g * take2 * g);
    if (a.amsgrad) maxima.push_back(maximum(c.in(4 * n + i), squares.back()));
    const Tensor& second = a.amsgrad ? maxima.back() : squares.back();
    const Tensor denominator = second.sqrt() / root_correction2 + eps;
    c.result(p - averages.back() * step_size / denominator);
  }
  for (const auto* list : {&averages, &squares, &maxima})
    for (const Tensor& t : *list) c.result(t);
}

const OpDef kAdamUpdate{
    .name = "adam_update", .infer = infer_adam, .expand = expand_adam, .traits = {.updates = true}};

// -- rmsprop_update ---------------------------------------------------------------------------

void infer_rmsprop(InferContext& c) {
  const auto& a = c.as<UpdateAttrs>();
  infer_update(c, 3 + (a.momentum ? 1 : 0) + (a.centered ? 1 : 0));
}

void expand_rmsprop(ExpandContext& c) {
  const auto& a = c.as<UpdateAttrs>();
  const Scalar lr = c.slot(0), keep = c.slot(1), take = c.slot(2), eps = c.slot(3),
               momentum = c.slot(4), decay = c.slot(5);
  const int n = static_cast<int>(a.count);
  std::vector<Tensor> squares, buffers, averages;
  for (int i = 0; i < n; ++i) {
    const Tensor& p = c.in(i);
    Tensor g = a.maximize ? c.in(n + i).neg() : c.in(n + i);
    g = g + p * decay;
    squares.push_back(c.in(2 * n + i) * keep + g * take * g);
    Tensor square = squares.back();
    if (a.centered) {
      const Tensor& m = c.in((a.momentum ? 4 : 3) * n + i);
      averages.push_back(m + (g - m) * take);
      square = square - averages.back() * averages.back();
    }
    const Tensor denominator = square.sqrt() + eps;
    if (a.momentum) {
      buffers.push_back(c.in(3 * n + i) * momentum + g / denominator);
      c.result(p - buffers.back() * lr);
    } else {
      c.result(p - g * lr / denominator);
    }
  }
  for (const auto* list : {&squares, &buffers, &averages})
    for (const Tensor& t : *list) c.result(t);
}

const OpDef kRmspropUpdate{.name = "rmsprop_update",
                           .infer = infer_rmsprop,
                           .expand = expand_rmsprop,
                           .traits = {.updates = true}};

// -- adagrad_update ---------------------------------------------------------------------------

void infer_adagrad(InferContext& c) { infer_update(c, 3); }

void expand_adagrad(ExpandContext& c) {
  const auto& a = c.as<UpdateAttrs>();
  const Scalar lr = c.slot(0), eps = c.slot(1), decay = c.slot(2);
  const int n = static_cast<int>(a.count);
  std::vector<Tensor> sums;
  for (int i = 0; i < n; ++i) {
    const Tensor& p = c.in(i);
    Tensor g = a.maximize ? c.in(n + i).neg() : c.in(n + i);
    g = g + p * decay;
    sums.push_back(c.in(2 * n + i) + g * g);
    c.result(p - g * lr / (sums.back().sqrt() + eps));
  }
  for (const Tensor& t : sums) c.result(t);
}

const OpDef kAdagradUpdate{.name = "adagrad_update",
                           .infer = infer_adagrad,
                           .expand = expand_adagrad,
                           .traits = {.updates = true}};

// -- Recording
// -------------------------------------------------------------------------------------

// Records `op` on the concatenation of the lists; returns the outputs, `count` per list.
std::vector<std::vector<Tensor>> record_lists(const OpDef& op, std::size_t count,
                                              std::initializer_list<std::span<const Tensor>> lists,
                                              const UpdateAttrs& attrs,
                                              std::span<const Scalar> slots, Site at) {
  std::vector<const Tensor*> inputs;
  for (const auto list : lists) {
    if (list.size() != count && !list.empty())
      fail<ValueError>(
          op.name,
          fmt::format("{} parameters, but a list of {} gradients or states", count, list.size()),
          at);
    for (const Tensor& t : list) inputs.push_back(&t);
  }
  std::vector<std::vector<Tensor>> results;
  if (count == 0) return results;
  const auto outputs = record_multi(op, inputs, attrs, at, slots);
  for (std::size_t i = 0; i < outputs.size(); i += count)
    results.emplace_back(outputs.begin() + static_cast<std::ptrdiff_t>(i),
                         outputs.begin() + static_cast<std::ptrdiff_t>(i + count));
  return results;
}

}  // namespace

INGOT_EXPORT_OPS(update, &kSgdUpdate, &kAdamUpdate, &kRmspropUpdate, &kAdagradUpdate)

}  // namespace ops

SgdResult sgd_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                     std::span<const Tensor> momentum_buffers, const SgdStep& step, Site at) {
  const bool momentum = step.momentum != 0;
  if (momentum == momentum_buffers.empty() && !params.empty())
    ops::fail<ValueError>("sgd_update", "momentum and momentum buffers go together", at);
  const UpdateAttrs attrs{.count = static_cast<std::int64_t>(params.size()),
                          .momentum = momentum,
                          .nesterov = step.nesterov,
                          .maximize = step.maximize};
  const Scalar slots[] = {step.lr, step.momentum, step.first ? 1.0 : 1.0 - step.dampening,
                          step.weight_decay};
  auto lists = ops::record_lists(ops::kSgdUpdate, params.size(), {params, grads, momentum_buffers},
                                 attrs, slots, at);
  SgdResult result;
  if (lists.size() > 0) result.params = std::move(lists[0]);
  if (lists.size() > 1) result.momentum_buffers = std::move(lists[1]);
  return result;
}

AdamResult adam_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                       std::span<const Tensor> exp_avg, std::span<const Tensor> exp_avg_sq,
                       std::span<const Tensor> max_exp_avg_sq, const AdamStep& step, Site at) {
  if (step.step < 1)
    ops::fail<ValueError>("adam_update", fmt::format("steps count from 1, got {}", step.step), at);
  const UpdateAttrs attrs{.count = static_cast<std::int64_t>(params.size()),
                          .decoupled_decay = step.decoupled_decay,
                          .amsgrad = step.amsgrad,
                          .maximize = step.maximize};
  const auto t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
  const Scalar slots[] = {
      step.lr / correction1,
      step.decoupled_decay ? 1 - step.lr * step.weight_decay : step.weight_decay,
      1 - step.beta1,
      step.beta2,
      1 - step.beta2,
      std::sqrt(correction2),
      step.eps};
  auto lists =
      ops::record_lists(ops::kAdamUpdate, params.size(),
                        {params, grads, exp_avg, exp_avg_sq, max_exp_avg_sq}, attrs, slots, at);
  AdamResult result;
  if (lists.size() > 0) result.params = std::move(lists[0]);
  if (lists.size() > 1) result.exp_avg = std::move(lists[1]);
  if (lists.size() > 2) result.exp_avg_sq = std::move(lists[2]);
  if (lists.size() > 3) result.max_exp_avg_sq = std::move(lists[3]);
  return result;
}

RmspropResult rmsprop_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                             std::span<const Tensor> square_avg,
                             std::span<const Tensor> momentum_buffers,
                             std::span<const Tensor> grad_avg, const RmspropStep& step, Site at) {
  const bool momentum = step.momentum != 0;
  if (!params.empty() &&
      (momentum == momentum_buffers.empty() || step.centered == grad_avg.empty()))
    ops::fail<ValueError>("rmsprop_update",
                          "momentum goes with momentum buffers, centered with averages", at);
  const UpdateAttrs attrs{.count = static_cast<std::int64_t>(params.size()),
                          .momentum = momentum,
                          .maximize = step.maximize,
                          .centered = step.centered};
  const Scalar slots[] = {step.lr,  step.alpha,    1 - step.alpha,
                          step.eps, step.momentum, step.weight_decay};
  auto lists =
      ops::record_lists(ops::kRmspropUpdate, params.size(),
                        {params, grads, square_avg, momentum_buffers, grad_avg}, attrs, slots, at);
  RmspropResult result;
  if (lists.empty()) return result;
  result.params = std::move(lists[0]);
  result.square_avg = std::move(lists[1]);
  if (momentum) result.momentum_buffers = std::move(lists[2]);
  if (step.centered) result.grad_avg = std::move(lists.back());
  return result;
}

AdagradResult adagrad_update(std::span<const Tensor> params, std::span<const Tensor> grads,
                             std::span<const Tensor> sum, const AdagradStep& step, Site at) {
  if (step.step < 1)
    ops::fail<ValueError>("adagrad_update", fmt::format("steps count from 1, got {}", step.step),
                          at);
  const UpdateAttrs attrs{.count = static_cast<std::int64_t>(params.size()),
                          .maximize = step.maximize};
  const Scalar slots[] = {step.lr / (1 + static_cast<double>(step.step - 1) * step.lr_decay),
                          step.eps, step.weight_decay};
  auto lists =
      ops::record_lists(ops::kAdagradUpdate, params.size(), {params, grads, sum}, attrs, slots, at);
  AdagradResult result;
  if (lists.empty()) return result;
  result.params = std::move(lists[0]);
  result.sum = std::move(lists[1]);
  return result;
}

}  // namespace ingot
