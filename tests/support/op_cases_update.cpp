// Cases of include/ingot/ops/update.h: two parameters per group.
#include <ingot/ops/update.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

void append(std::vector<Tensor>& to, const std::vector<Tensor>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// One input list after the other, each with a [2, 3] and a [40] tensor.
std::vector<InputSpec> lists(std::initializer_list<Draw> draws) {
  std::vector<InputSpec> inputs;
  for (const Draw d : draws) {
    inputs.push_back(data({2, 3}, d));
    inputs.push_back(data({40}, d));
  }
  return inputs;
}

}  // namespace

void add_update_cases(std::vector<OpCase>& cases) {
  const auto sgd = [&](const char* name, const SgdStep& step) {
    const bool momentum = step.momentum != 0;
    cases.push_back({name,
                     momentum ? lists({Draw::Signed, Draw::Signed, Draw::Signed})
                              : lists({Draw::Signed, Draw::Signed}),
                     [=](In x) {
                       const SgdResult r =
                           sgd_update(x.subspan(0, 2), x.subspan(2, 2), x.subspan(4), step);
                       std::vector<Tensor> all = r.params;
                       append(all, r.momentum_buffers);
                       return all;
                     },
                     kFull, Tolerance::Composite, false, false});
  };
  sgd("sgd_update", {.lr = 0.1});
  sgd("sgd_update/decay", {.lr = 0.1, .weight_decay = 0.02});
  sgd("sgd_update/momentum", {.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.02});
  sgd("sgd_update/nesterov", {.lr = 0.1, .momentum = 0.9, .nesterov = true});
  sgd("sgd_update/maximize", {.lr = 0.1, .momentum = 0.5, .maximize = true});

  const auto adam = [&](const char* name, const AdamStep& step) {
    cases.push_back(
        {name,
         step.amsgrad
             ? lists({Draw::Signed, Draw::Signed, Draw::Signed, Draw::Positive, Draw::Positive})
             : lists({Draw::Signed, Draw::Signed, Draw::Signed, Draw::Positive}),
         [=](In x) {
           const AdamResult r = adam_update(x.subspan(0, 2), x.subspan(2, 2), x.subspan(4, 2),
                                            x.subspan(6, 2), x.subspan(8), step);
           std::vector<Tensor> all = r.params;
           append(all, r.exp_avg);
           append(all, r.exp_avg_sq);
           append(all, r.max_exp_avg_sq);
           return all;
         },
         kFull, Tolerance::Composite, false, false});
  };
  adam("adam_update", {.step = 3, .lr = 0.01});
  adam("adam_update/first", {.step = 1, .lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3});
  adam("adam_update/decay", {.step = 3, .lr = 0.01, .weight_decay = 0.1});
  adam("adam_update/decoupled",
       {.step = 3, .lr = 0.01, .weight_decay = 0.1, .decoupled_decay = true});
  adam("adam_update/amsgrad", {.step = 3, .lr = 0.01, .amsgrad = true});
  adam("adam_update/maximize", {.step = 3, .lr = 0.01, .maximize = true});

  const auto rmsprop = [&](const char* name, const RmspropStep& step) {
    const bool momentum = step.momentum != 0;
    // The average of the gradients must not exceed the root of their average square.
    std::vector<InputSpec> inputs = lists({Draw::Signed, Draw::Signed, Draw::Positive});
    if (momentum)
      for (InputSpec& spec : lists({Draw::Signed})) inputs.push_back(std::move(spec));
    if (step.centered)
      for (InputSpec& spec : lists({Draw::Signed})) inputs.push_back(std::move(spec));
    cases.push_back({name, inputs,
                     [=](In x) {
                       In square = x.subspan(4, 2);
                       std::vector<Tensor> averages, squares(square.begin(), square.end());
                       if (step.centered)
                         for (std::size_t i = 0; i < 2; ++i) {
                           averages.push_back(x[(momentum ? 8 : 6) + i]);
                           squares[i] = squares[i] + 2 * averages[i].square();
                         }
                       const RmspropResult r =
                           rmsprop_update(x.subspan(0, 2), x.subspan(2, 2), squares,
                                          momentum ? x.subspan(6, 2) : In(), averages, step);
                       std::vector<Tensor> all = r.params;
                       append(all, r.square_avg);
                       append(all, r.momentum_buffers);
                       append(all, r.grad_avg);
                       return all;
                     },
                     kFull, Tolerance::Composite, false, false});
  };
  rmsprop("rmsprop_update", {.lr = 0.01, .alpha = 0.9});
  rmsprop("rmsprop_update/decay", {.lr = 0.01, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1});
  rmsprop("rmsprop_update/momentum", {.lr = 0.01, .alpha = 0.9, .momentum = 0.8});
  rmsprop("rmsprop_update/centered", {.lr = 0.01, .alpha = 0.9, .centered = true});
  rmsprop("rmsprop_update/all", {.lr = 0.01,
                                 .alpha = 0.9,
                                 .weight_decay = 0.1,
                                 .momentum = 0.8,
                                 .centered = true,
                                 .maximize = true});

  const auto adagrad = [&](const char* name, const AdagradStep& step) {
    cases.push_back({name, lists({Draw::Signed, Draw::Signed, Draw::Positive}),
                     [=](In x) {
                       const AdagradResult r =
                           adagrad_update(x.subspan(0, 2), x.subspan(2, 2), x.subspan(4, 2), step);
                       std::vector<Tensor> all = r.params;
                       append(all, r.sum);
                       return all;
                     },
                     kFull, Tolerance::Composite, false, false});
  };
  adagrad("adagrad_update", {.step = 1, .lr = 0.1});
  adagrad("adagrad_update/decay",
          {.step = 3, .lr = 0.1, .lr_decay = 0.5, .eps = 1e-3, .weight_decay = 0.1});
  adagrad("adagrad_update/maximize", {.step = 2, .lr = 0.1, .maximize = true});
}

}  // namespace ingot::optest
